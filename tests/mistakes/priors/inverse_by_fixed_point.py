"""v = y - û tanh(w·v + b) is iterated, which diverges where the layer bends strongly."""

FAILS = {"planar_inverse"}
HINT = "come to rest only"
ALSO = ("does the search end too early",)


def planar_inverse(self, y):
    v = y
    for _ in range(100):
        v = y - (self(v)[0] - v)
    return v


PlanarFlow.inverse = planar_inverse
