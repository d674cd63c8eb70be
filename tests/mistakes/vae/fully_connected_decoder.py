"""The encoder is convolutional, the decoder is not."""

FAILS = {"architecture"}
HINT = "Images are grids"


class Decoder(nn.Module):
    def __init__(self, latent_dim):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(latent_dim, 200), nn.Tanh(), nn.Linear(200, 784))

    def forward(self, z):
        return self.layers(z).unflatten(-1, (1, 28, 28))
