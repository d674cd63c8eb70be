"""The logarithms are averaged."""

FAILS = {"iwae_bound"}
HINT = "ELBO with K samples"
KEEPS = {"iwae_bound": (0.2, 0.5)}
ALSO = ("Which comes first",)


def iwae_bound(log_w):
    return log_w.mean(0)
