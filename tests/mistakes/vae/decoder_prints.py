"""A print from debugging is left in."""

FAILS = {"decoder"}
HINT = "Remove print calls"


def forward(self, z):
    logits = self.layers(z.flatten(0, -2)).unflatten(0, z.shape[:-1])
    print(logits.shape)
    return logits


Decoder.forward = forward
