"""Reads what was handed in, as data: nothing of it is run, and no link is followed."""
