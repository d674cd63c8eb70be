"""The code is detached: the encoder learns nothing from the reconstruction."""

FAILS = {"decoder"}
HINT = "Something cuts the graph"


def forward(self, z):
    return self.layers(z.detach().flatten(0, -2)).unflatten(0, z.shape[:-1])


Decoder.forward = forward
