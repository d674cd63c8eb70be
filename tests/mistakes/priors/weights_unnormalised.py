"""The logits are added as if they were log-weights."""

FAILS = {"mixture_log_prob"}
HINT = "do not sum to one"
KEEPS = {"mixture_log_prob": (0.3, 0.7)}


def log_prob(self, z):
    return torch.logsumexp(self.logits + gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var), -1)


MixturePrior.log_prob = log_prob
