"""One layer stands at all places of the list."""

FAILS = {"flow_prior"}
HINT = "one and the same layer"


def __init__(self, num_flows, latent_dim):
    nn.Module.__init__(self)
    self.latent_dim = latent_dim
    self.layers = nn.ModuleList([PlanarFlow(latent_dim)] * num_flows)


FlowPrior.__init__ = __init__
