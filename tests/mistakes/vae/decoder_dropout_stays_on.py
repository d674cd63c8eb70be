"""Dropout is called as a function that does not know about evaluation mode."""

FAILS = {"decoder"}
HINT = "mixes the images"
ALSO = ("dropout that stays on",)


def forward(self, z):
    return self.layers(F.dropout(z, 0.5).flatten(0, -2)).unflatten(0, z.shape[:-1])


Decoder.forward = forward
