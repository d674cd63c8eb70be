"""The output is returned alone."""

FAILS = {"planar_flow", "flow_prior"}
HINT = "Return both"


def forward(self, v):
    return v + self.constrained()[1] * torch.tanh(v @ self.w + self.b).unsqueeze(-1)


PlanarFlow.forward = forward
