"""The constant of the normal density is left out, as one may in a loss."""

FAILS = {"mixture_log_prob"}
HINT = "log 2π is missing"
KEEPS = {"mixture_log_prob": (0.3, 0.7)}


def log_prob(self, z):
    log_normal = -0.5 * (self.log_var + (z.unsqueeze(-2) - self.loc) ** 2 * torch.exp(-self.log_var)).sum(-1)
    return torch.logsumexp(torch.log_softmax(self.logits, -1) + log_normal, -1)


MixturePrior.log_prob = log_prob
