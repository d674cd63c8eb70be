"""The axis of the components is put at place 1, which is the batch of K samples."""

FAILS = {"mixture_log_prob"}
HINT = "raised RuntimeError"


def log_prob(self, z):
    log_normal = gaussian_log_prob(z.unsqueeze(1), self.loc, self.log_var)
    return torch.logsumexp(torch.log_softmax(self.logits, -1) + log_normal, 1 if z.dim() == 2 else -1)


MixturePrior.log_prob = log_prob
