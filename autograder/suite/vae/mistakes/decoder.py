"""What is got wrong in decoder; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

TARGET = "Decoder.forward"


@mistake(sentences.DETACHED, kind="gradient")
def decoder_detached(self, z):
    return self.layers(z.detach().flatten(0, -2)).unflatten(0, z.shape[:-1])


@mistake(sentences.ROWS_COUPLED, also_said=["dropout that stays on"])
def decoder_dropout_stays_on(self, z):
    return self.layers(F.dropout(z, 0.5).flatten(0, -2)).unflatten(0, z.shape[:-1])


@mistake("z may have one axis more, (K, B, D): keep all axes but the last.")
def decoder_flat(self, z):
    return self.layers(z.flatten(0, -2)).flatten(1).unflatten(0, z.shape[:-1])


@mistake("z may have one axis more, (K, B, D): keep all axes but the last.")
def decoder_merges_samples(self, z):
    return self.layers(z.flatten(0, -2))


@mistake(sentences.PRINTED, kind="care")
def decoder_prints(self, z):
    logits = self.layers(z.flatten(0, -2)).unflatten(0, z.shape[:-1])
    print(logits.shape)
    return logits


@mistake(sentences.LAST_ACTIVATION)
def decoder_relu(self, z):
    return torch.relu(self.layers(z.flatten(0, -2)).unflatten(0, z.shape[:-1]))


@mistake(sentences.SIGMOID_IN_DECODER)
def decoder_sigmoid(self, z):
    return torch.sigmoid(self.layers(z.flatten(0, -2)).unflatten(0, z.shape[:-1]))


@mistake(sentences.ROWS_COUPLED)
def decoder_swaps_samples(self, z):
    logits = self.layers(z.flatten(0, -2))
    if z.dim() == 3:
        return logits.unflatten(0, (z.shape[1], z.shape[0])).transpose(0, 1)
    return logits


@mistake(sentences.SIGMOID_IN_DECODER)
def decoder_tanh(self, z):
    return torch.tanh(self.layers(z.flatten(0, -2)).unflatten(0, z.shape[:-1]))


# Only codes of shape (B, D) are decoded.
@mistake()
def decoder_without_samples(self, z):
    return self.layers(z)


@mistake(
    "Images are grids of pixels: let weights be shared between places (transposed or upsampling convolutions alike).",
    target="Decoder",
    fails=["architecture"],
)
class fully_connected_decoder(nn.Module):
    def __init__(self, latent_dim):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(latent_dim, 200), nn.Tanh(), nn.Linear(200, 784))

    def forward(self, z):
        return self.layers(z).unflatten(-1, (1, 28, 28))
