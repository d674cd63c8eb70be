"""The constant of D dimensions is added in each of them (a utility of a published notebook)."""

FAILS = {"mixture_log_prob"}
HINT = "then summed again"


def log_prob(self, z):
    constant = z.shape[-1] * math.log(2 * math.pi)
    log_normal = -0.5 * (constant + self.log_var + (z.unsqueeze(-2) - self.loc) ** 2 * torch.exp(-self.log_var)).sum(-1)
    return torch.logsumexp(torch.log_softmax(self.logits, -1) + log_normal, -1)


MixturePrior.log_prob = log_prob
