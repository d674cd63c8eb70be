"""u is used as it is: for w·u below -1 the layer folds space (as published implementations do)."""

FAILS = {"planar_flow"}
HINT = "maps two points to one"
KEEPS = {"planar_flow": (0.4, 0.7)}
ALSO = ("u itself is used",)


def forward(self, v):
    t = torch.tanh(v @ self.w + self.b)
    return v + self.u * t.unsqueeze(-1), torch.log(torch.abs(1 + (1 - t**2) * (self.w @ self.u)))


PlanarFlow.forward = forward
