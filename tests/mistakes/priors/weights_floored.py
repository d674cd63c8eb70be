"""A small number keeps log(weight) finite, and every weight above 1e-8."""

FAILS = {"mixture_log_prob"}
HINT = "small number is added to the weights"
KEEPS = {"mixture_log_prob": (0.8, 0.95)}


def log_prob(self, z):
    log_normal = gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var)
    return torch.logsumexp(torch.log(torch.softmax(self.logits, -1) + 1e-8) + log_normal, -1)


MixturePrior.log_prob = log_prob
