"""Loops for ever in a cell."""

SAID = "Cell 1 did not end within 10 s"

while True:
    pass
