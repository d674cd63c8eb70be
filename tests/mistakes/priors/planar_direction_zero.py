"""w starts at zero, so the layer has no direction."""

FAILS = {"planar_flow"}
HINT = "Draw w at random"


def __init__(self, latent_dim):
    nn.Module.__init__(self)
    self.u = nn.Parameter(torch.zeros(latent_dim))
    self.w = nn.Parameter(torch.zeros(latent_dim))
    self.b = nn.Parameter(torch.zeros(()))


PlanarFlow.__init__ = __init__
