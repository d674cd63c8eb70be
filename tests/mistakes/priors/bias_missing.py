"""The bias is forgotten."""

FAILS = {"planar_flow"}
HINT = "does not depend on b"


def forward(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w)
    return v + u_hat * t.unsqueeze(-1), torch.log(t**2 + slope * (1 - t**2))


PlanarFlow.forward = forward
