"""K and B come out as one axis."""

FAILS = {"decoder"}
HINT = "keep all axes"


Decoder.forward = lambda self, z: self.layers(z.flatten(0, -2))
