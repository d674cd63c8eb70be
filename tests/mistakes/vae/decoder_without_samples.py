"""Only codes of shape (B, D) are decoded."""

FAILS = {"decoder"}
HINT = ""


Decoder.forward = lambda self, z: self.layers(z)
