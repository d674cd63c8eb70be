"""The determinant is returned instead of its logarithm."""

FAILS = {"planar_flow"}
HINT = "This is the determinant"


def forward(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), t**2 + slope * (1 - t**2)


PlanarFlow.forward = forward
