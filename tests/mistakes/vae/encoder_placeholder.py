"""The encoder returns zeros of the right shape."""

FAILS = {"architecture", "encoder"}
HINT = "depend on the inputs"


def forward(self, x):
    zeros = x.new_zeros(len(x), self.layers[-1].out_features // 2)
    return zeros, zeros


Encoder.forward = forward
