"""An activation follows the last layer: no logit below zero."""

FAILS = {"decoder"}
HINT = "keeps its outputs on one side"


def forward(self, z):
    return torch.relu(self.layers(z.flatten(0, -2)).unflatten(0, z.shape[:-1]))


Decoder.forward = forward
