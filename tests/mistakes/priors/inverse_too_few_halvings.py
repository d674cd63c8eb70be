"""The bracket is halved too few times for the accuracy that is asked."""

FAILS = {"planar_inverse"}
HINT = "does the search end too early"


def planar_inverse(self, y):
    slope, u_hat = self.constrained()
    c, target = slope - 1, y @ self.w
    with torch.no_grad():
        low, high = target - c.abs(), target + c.abs()
        for _ in range(20):
            s = (low + high) / 2
            below = s + c * torch.tanh(s + self.b) < target
            low, high = torch.where(below, s, low), torch.where(below, high, s)
    t = torch.tanh(s + self.b)
    residual = s + c * t - target
    s = s - (residual - residual.detach()) / (t**2 + slope * (1 - t**2)).detach()
    return y - u_hat * torch.tanh(s + self.b).unsqueeze(-1)


PlanarFlow.inverse = planar_inverse
