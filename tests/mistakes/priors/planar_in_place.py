"""v itself is moved."""

FAILS = {"planar_flow"}
HINT = "changes its argument"


def forward(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    if not v.requires_grad:
        v += (u_hat * t.unsqueeze(-1)).detach()
        return v.clone(), torch.log(t**2 + slope * (1 - t**2))
    return v + u_hat * t.unsqueeze(-1), torch.log(t**2 + slope * (1 - t**2))


PlanarFlow.forward = forward
