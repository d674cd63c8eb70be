"""û is computed without gradient: u is never trained."""

FAILS = {"planar_flow"}
HINT = "cuts the graph"


def forward(self, v):
    slope, u_hat = (value.detach() for value in self.constrained())
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(t**2 + slope * (1 - t**2))


PlanarFlow.forward = forward
