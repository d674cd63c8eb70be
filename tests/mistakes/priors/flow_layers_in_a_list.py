"""A plain list hides the layers from the optimizer."""

FAILS = {"flow_prior"}
HINT = "nn.ModuleList"


def __init__(self, num_flows, latent_dim):
    nn.Module.__init__(self)
    self.latent_dim = latent_dim
    self.layers = [PlanarFlow(latent_dim) for _ in range(num_flows)]


FlowPrior.__init__ = __init__
