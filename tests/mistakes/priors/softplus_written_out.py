"""softplus is written as log(1 + exp), which overflows."""

FAILS = {"planar_flow"}
HINT = "infinite"
ALSO = ("overflows here", "underflows to 0")


def forward(self, v):
    wu = self.w @ self.u
    c = torch.log(1 + torch.exp(wu)) - 1
    t = torch.tanh(v @ self.w + self.b)
    u_hat = self.u + (c - wu) * self.w / (self.w @ self.w)
    return v + u_hat * t.unsqueeze(-1), torch.log(t**2 + (1 + c) * (1 - t**2))


PlanarFlow.forward = forward
