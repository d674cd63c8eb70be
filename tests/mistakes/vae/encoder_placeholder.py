"""The encoder returns zeros of the right shape."""

FAILS = {"architecture", "encoder"}
HINT = "Is x used on the way to mu"
ALSO = (
    "Images are grids",
    "An activation after",
    "cuts the graph",
)


def forward(self, x):
    zeros = x.new_zeros(len(x), self.layers[-1].out_features // 2)
    return zeros, zeros


Encoder.forward = forward
