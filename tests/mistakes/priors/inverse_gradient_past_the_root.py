"""The gradient does not go through the root: its dependence on y and the parameters is left out."""

FAILS = {"planar_inverse"}
HINT = "cuts the graph"


def planar_inverse(self, y, right=PlanarFlow.inverse):
    v = right(self, y).detach()
    return y - self.constrained()[1] * torch.tanh(v @ self.w.detach() + self.b.detach()).unsqueeze(-1)


PlanarFlow.inverse = planar_inverse
