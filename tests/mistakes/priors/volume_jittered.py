"""A small number is added inside the logarithm."""

FAILS = {"planar_flow"}
HINT = "small number is added inside"


def forward(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(torch.abs(t**2 + slope * (1 - t**2)) + 1e-4)


PlanarFlow.forward = forward
