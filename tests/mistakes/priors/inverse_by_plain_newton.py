"""Newton steps are taken without a bracket."""

FAILS = {"planar_inverse"}
HINT = "plain Newton"
KEEPS = {"planar_inverse": (0.8, 0.95)}


def planar_inverse(self, y):
    slope, u_hat = self.constrained()
    s = target = y @ self.w
    for _ in range(50):
        t = torch.tanh(s + self.b)
        s = s - (s + (slope - 1) * t - target) / (t**2 + slope * (1 - t**2))
    return y - u_hat * torch.tanh(s + self.b).unsqueeze(-1)


PlanarFlow.inverse = planar_inverse
