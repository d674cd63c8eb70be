"""The residual of every call is printed."""

FAILS = {"planar_inverse"}
HINT = "Remove print calls"


def planar_inverse(self, y, right=PlanarFlow.inverse):
    v = right(self, y)
    print((self(v)[0] - y).abs().max())
    return v


PlanarFlow.inverse = planar_inverse
