"""All components start at zero, and get the same gradients ever after."""

FAILS = {"mixture_log_prob"}
HINT = "stay equal"


def __init__(self, num_components, latent_dim):
    nn.Module.__init__(self)
    self.logits = nn.Parameter(torch.zeros(num_components))
    self.loc = nn.Parameter(torch.zeros(num_components, latent_dim))
    self.log_var = nn.Parameter(torch.zeros(num_components, latent_dim))


MixturePrior.__init__ = __init__
