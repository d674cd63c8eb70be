"""The number of pixels is written into the code."""

FAILS = {"bernoulli_log_prob", "elbo", "negative_elbo"}
HINT = ""


def bernoulli_log_prob(x, logits):
    terms = x * logits - F.softplus(logits)
    return terms.reshape(*terms.shape[:-3], 784).sum(-1)
