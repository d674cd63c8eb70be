"""û is computed at the first call and kept."""

FAILS = {"planar_flow"}
HINT = "in every call"


def forward(self, v):
    if not hasattr(self, "kept"):
        self.kept = self.constrained()
    slope, u_hat = self.kept
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(t**2 + slope * (1 - t**2))


PlanarFlow.forward = forward
