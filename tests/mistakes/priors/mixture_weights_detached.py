"""The weights are computed without gradient, so they stay as they were."""

FAILS = {"mixture_log_prob"}
HINT = "cuts the graph"


def log_prob(self, z):
    log_normal = gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var)
    return torch.logsumexp(torch.log_softmax(self.logits.detach(), -1) + log_normal, -1)


MixturePrior.log_prob = log_prob
