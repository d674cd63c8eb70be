"""The Jacobian matrix is taken for diagonal."""

FAILS = {"planar_flow"}
HINT = "Only the diagonal"


def forward(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b).unsqueeze(-1)
    return v + u_hat * t, torch.log(torch.abs(1 + (1 - t**2) * u_hat * self.w)).sum(-1)


PlanarFlow.forward = forward
