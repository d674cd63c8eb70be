"""The derivative of tanh is written without its square."""

FAILS = {"planar_flow"}
HINT = "is the square missing"


def forward(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(torch.abs(1 + (1 - t) * (slope - 1)))


PlanarFlow.forward = forward
