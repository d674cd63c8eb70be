"""log|det| has the sign of the inverse layer."""

FAILS = {"planar_flow"}
HINT = "sign of log|det|"
KEEPS = {"planar_flow": (0.5, 0.8)}


def forward(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), -torch.log(t**2 + slope * (1 - t**2))


PlanarFlow.forward = forward
