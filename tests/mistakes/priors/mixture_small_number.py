"""A small number is added to the variances of the components."""

FAILS = {"mixture_log_prob"}
HINT = "small number is added"


def log_prob(self, z):
    variance = torch.exp(self.log_var) + 1e-3
    square = (z[..., None, :] - self.loc) ** 2 / variance
    density = -0.5 * (math.log(2 * math.pi) + torch.log(variance) + square).sum(-1)
    return torch.logsumexp(torch.log_softmax(self.logits, 0) + density, -1)


MixturePrior.log_prob = log_prob
