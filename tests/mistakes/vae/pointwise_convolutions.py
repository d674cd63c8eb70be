"""All convolutions have kernels of one pixel: a fully connected network in disguise."""

FAILS = {"architecture"}
HINT = "Images are grids"


class Encoder(nn.Module):
    def __init__(self, latent_dim):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(), nn.Flatten(), nn.Linear(3136, 2 * latent_dim))

    def forward(self, x):
        mu, log_var = self.layers(x).chunk(2, dim=-1)
        return mu, log_var
