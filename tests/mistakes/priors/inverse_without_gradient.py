"""The root is found under no_grad and the answer made from it as it is."""

FAILS = {"planar_inverse"}
HINT = "cuts the graph"
KEEPS = {"planar_inverse": (0.6, 0.8)}


def planar_inverse(self, y, right=PlanarFlow.inverse):
    with torch.no_grad():
        return right(self, y)


PlanarFlow.inverse = planar_inverse
