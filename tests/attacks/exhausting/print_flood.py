"""Prints without end."""

SAID = "(?i)cell 1 .*(output|put out)"

while True:
    print("x" * 1000)
