"""Densities are added before the logarithm is taken, and round to zero far away."""

FAILS = {"mixture_log_prob"}
HINT = "round to zero"


def log_prob(self, z):
    density = torch.exp(gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var))
    return torch.log((torch.softmax(self.logits, -1) * density).sum(-1).clamp_min(1e-300))


MixturePrior.log_prob = log_prob
