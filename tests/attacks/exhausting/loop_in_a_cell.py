"""Loops for ever in a cell."""

SAID = "The cell “.*did not end within 10 s"

while True:
    pass
