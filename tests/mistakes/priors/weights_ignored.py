"""All components weigh the same: the logits are never used."""

FAILS = {"mixture_log_prob"}
HINT = "whatever the logits are"


def log_prob(self, z):
    log_normal = gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var)
    return torch.logsumexp(log_normal, -1) - math.log(len(self.logits))


MixturePrior.log_prob = log_prob
