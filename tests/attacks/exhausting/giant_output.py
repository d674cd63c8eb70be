"""Prints one text of 200 million characters, and shows it as a page."""

from IPython.display import HTML, display

SAID = "(?i)the cell “.*(output|put out)"

text = "x" * 200_000_000
print(text)
display(HTML(text))
