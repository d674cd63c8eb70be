"""log|det| is computed with u while the layer moves by û."""

FAILS = {"planar_flow"}
HINT = "computed with u"


def forward(self, v):
    _, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(torch.abs(1 + (1 - t**2) * (self.w @ self.u)))


PlanarFlow.forward = forward
