"""A print is left in."""

FAILS = {"flow_prior"}
HINT = "Remove print calls"


def log_prob(self, z, right=FlowPrior.log_prob):
    print(z.shape)
    return right(self, z)


FlowPrior.log_prob = log_prob
