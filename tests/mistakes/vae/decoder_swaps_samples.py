"""K and B are exchanged on the way back."""

FAILS = {"decoder"}
HINT = "mixes the images"


def forward(self, z):
    logits = self.layers(z.flatten(0, -2))
    if z.dim() == 3:
        return logits.unflatten(0, (z.shape[1], z.shape[0])).transpose(0, 1)
    return logits


Decoder.forward = forward
