"""The constraint keeps w·u above 0 instead of -1: the layer can stretch space but not squeeze it."""

FAILS = {"planar_flow"}
HINT = "always positive"


def forward(self, v):
    wu = self.w @ self.u
    u_hat = self.u + (F.softplus(wu) - wu) * self.w / (self.w @ self.w)
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log1p((1 - t**2) * F.softplus(wu))


PlanarFlow.forward = forward
