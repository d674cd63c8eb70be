"""The result is always float64."""

FAILS = {"mixture_log_prob"}
HINT = "dtype is another one"


def log_prob(self, z):
    log_normal = gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var)
    return torch.logsumexp(torch.log_softmax(self.logits, -1) + log_normal, -1).double()


MixturePrior.log_prob = log_prob
