"""784 numbers in a row are returned instead of an image."""

FAILS = {"decoder"}
HINT = "keep all axes"


Decoder.forward = lambda self, z: self.layers(z.flatten(0, -2)).flatten(1).unflatten(0, z.shape[:-1])
