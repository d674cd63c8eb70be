"""softplus underflows to zero and nothing keeps its logarithm finite."""

FAILS = {"planar_flow"}
HINT = "infinite"
ALSO = ("underflows to 0",)


def forward(self, v):
    wu = self.w @ self.u
    c = F.softplus(wu) - 1
    t = torch.tanh(v @ self.w + self.b)
    u_hat = self.u + (c - wu) * self.w / (self.w @ self.w)
    return v + u_hat * t.unsqueeze(-1), torch.log1p((1 - t**2) * c)


PlanarFlow.forward = forward
