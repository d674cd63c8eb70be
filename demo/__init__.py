"""`python -m demo`: a whole course on the embedded data, in a folder of its own."""
