"""The axes of a product are swapped, which goes unnoticed where B equals D."""

FAILS = {"planar_flow", "flow_prior"}
HINT = "raised RuntimeError"


def forward(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    psi = (1 - t**2) * self.w
    return v + u_hat * t.unsqueeze(-1), torch.log(torch.abs(1 + torch.matmul(u_hat, psi)))


PlanarFlow.forward = forward
