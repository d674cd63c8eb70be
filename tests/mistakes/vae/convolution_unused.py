"""A convolution is called, and its result multiplied by zero."""

FAILS = {"architecture"}
HINT = "depend on the convolutions"


class Encoder(nn.Module):
    def __init__(self, latent_dim):
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, 200), nn.Tanh(), nn.Linear(200, 2 * latent_dim))

    def forward(self, x):
        mu, log_var = (self.layers(x) + 0 * self.convolution(x).sum()).chunk(2, dim=-1)
        return mu, log_var
