"""Everything is cast to float32."""

FAILS = {"mixture_log_prob"}
HINT = "dtype is another one"


def log_prob(self, z):
    log_normal = gaussian_log_prob(z.float().unsqueeze(-2), self.loc.float(), self.log_var.float())
    return torch.logsumexp(torch.log_softmax(self.logits.float(), -1) + log_normal, -1)


MixturePrior.log_prob = log_prob
