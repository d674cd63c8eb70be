"""There is a bias for every dimension, as in a linear layer."""

FAILS = {"planar_flow", "planar_inverse", "flow_prior"}
HINT = "with the shape of the text"
ALSO = ("One value for every code",)


def __init__(self, latent_dim):
    nn.Module.__init__(self)
    self.u = nn.Parameter(torch.randn(latent_dim))
    self.w = nn.Parameter(torch.randn(latent_dim))
    self.b = nn.Parameter(torch.zeros(latent_dim))


PlanarFlow.__init__ = __init__
