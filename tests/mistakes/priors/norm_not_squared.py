"""The correction of u is divided by the norm of w instead of its square."""

FAILS = {"planar_flow"}
HINT = "divided by the norm of w"
KEEPS = {"planar_flow": (0.4, 0.8)}


def forward(self, v):
    wu = self.w @ self.u
    u_hat = self.u + (F.softplus(wu) - 1 - wu) * self.w / self.w.norm()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(torch.abs(1 + (1 - t**2) * (self.w @ u_hat)))


PlanarFlow.forward = forward
