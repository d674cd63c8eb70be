"""The answer keeps the precision in which it was found."""

FAILS = {"planar_inverse"}
HINT = "dtype is another one"


def planar_inverse(self, y, right=PlanarFlow.inverse):
    return right(self, y).double()


PlanarFlow.inverse = planar_inverse
