"""The decoder ends in a tanh."""

FAILS = {"decoder"}
HINT = "last layer is a sigmoid"


def forward(self, z):
    return torch.tanh(self.layers(z.flatten(0, -2)).unflatten(0, z.shape[:-1]))


Decoder.forward = forward
