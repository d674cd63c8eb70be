"""Prints without end."""

SAID = "(?i)the cell “.*(output|put out)"

while True:
    print("x" * 1000)
