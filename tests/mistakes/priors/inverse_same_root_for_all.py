"""One root is found for the whole batch."""

FAILS = {"planar_inverse", "flow_prior"}
HINT = "an error of"


def planar_inverse(self, y, right=PlanarFlow.inverse):
    first = right(self, y[..., :1, :])
    return y - (self(first)[0] - first)


PlanarFlow.inverse = planar_inverse
