"""A print of a shape is left in."""

FAILS = {"mixture_log_prob"}
HINT = "Remove print calls"


def log_prob(self, z):
    print(z.shape)
    log_normal = gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var)
    return torch.logsumexp(torch.log_softmax(self.logits, -1) + log_normal, -1)


MixturePrior.log_prob = log_prob
