"""The logarithms are averaged."""

FAILS = {"iwae_bound"}
HINT = "ELBO with K samples"
ALSO = ("Which comes first",)


def iwae_bound(log_w):
    return log_w.mean(0)
