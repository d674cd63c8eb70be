"""Components are mixed in every dimension by itself: a mixture of C to the power of D components."""

FAILS = {"mixture_log_prob"}
HINT = "which of the two sums comes first"


def log_prob(self, z):
    log_normal = torch.distributions.Normal(self.loc, torch.exp(self.log_var / 2)).log_prob(z.unsqueeze(-2))
    return torch.logsumexp(torch.log_softmax(self.logits, -1)[:, None] + log_normal, -2).sum(-1)


MixturePrior.log_prob = log_prob
