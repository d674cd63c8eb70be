"""The axis of the samples is flattened and not put back."""

FAILS = {"planar_inverse"}
HINT = "has the shape of y"


def planar_inverse(self, y, right=PlanarFlow.inverse):
    return right(self, y.flatten(0, -2))


PlanarFlow.inverse = planar_inverse
