"""Prints of shapes are left in."""

FAILS = {"planar_flow"}
HINT = "Remove print calls"


def forward(self, v):
    print("v:", v.shape)
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(t**2 + slope * (1 - t**2))


PlanarFlow.forward = forward
