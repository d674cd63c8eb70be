"""What the layer would add at y is subtracted from y."""

FAILS = {"planar_inverse"}
HINT = "on the right, a few times"


def planar_inverse(self, y):
    return y - (self(y)[0] - y)


PlanarFlow.inverse = planar_inverse
