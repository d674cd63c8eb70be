"""log|det| is evaluated at the output."""

FAILS = {"planar_flow"}
HINT = "evaluated at f(v)"


def forward(self, v):
    slope, u_hat = self.constrained()
    v = v + u_hat * torch.tanh(v @ self.w + self.b).unsqueeze(-1)
    t = torch.tanh(v @ self.w + self.b)
    return v, torch.log(t**2 + slope * (1 - t**2))


PlanarFlow.forward = forward
