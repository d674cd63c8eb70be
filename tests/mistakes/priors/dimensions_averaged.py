"""The dimensions are averaged instead of summed."""

FAILS = {"mixture_log_prob"}
HINT = "dimensions are averaged"


def log_prob(self, z):
    log_normal = gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var) / z.shape[-1]
    return torch.logsumexp(torch.log_softmax(self.logits, -1) + log_normal, -1)


MixturePrior.log_prob = log_prob
