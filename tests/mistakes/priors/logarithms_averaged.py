"""The weighted sum is taken over log-densities."""

FAILS = {"mixture_log_prob"}
HINT = "the logarithm comes last"


def log_prob(self, z):
    return gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var) @ torch.softmax(self.logits, -1)


MixturePrior.log_prob = log_prob
