"""tanh is applied to every coordinate by itself, with the bias in all of them."""

FAILS = {"planar_flow"}
HINT = "each coordinate by itself"


def forward(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v * self.w + self.b)
    return v + u_hat * t, torch.log(torch.abs(1 + (1 - t**2) * u_hat * self.w)).sum(-1)


PlanarFlow.forward = forward
