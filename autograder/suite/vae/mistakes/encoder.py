"""What is got wrong in encoder; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

TARGET = "Encoder.forward"


# A convolution is called, and its result multiplied by zero.
@mistake(target="Encoder", fails=["architecture"], message="depend on the convolutions")
class convolution_unused(nn.Module):
    def __init__(self, latent_dim):
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, 200), nn.Tanh(), nn.Linear(200, 2 * latent_dim))

    def forward(self, x):
        mu, log_var = (self.layers(x) + 0 * self.convolution(x).sum()).chunk(2, dim=-1)
        return mu, log_var


@mistake(sentences.ROWS_COUPLED)
def encoder_batch_statistics(self, x):
    h = self.layers(x)
    mu, log_var = ((h - h.mean(0)) / (h.std(0, correction=0) + 1e-3) + h.mean(0)).chunk(2, dim=-1)
    return mu, log_var


# Images are cast to float32 inside the encoder.
@mistake()
def encoder_casts_to_float32(self, x):
    mu, log_var = self.layers(x.float()).chunk(2, dim=-1)
    return mu, log_var


@mistake(sentences.ROWS_COUPLED)
def encoder_columns_interleaved(self, x):
    mu, log_var = self.layers(x).reshape(2, len(x), -1)
    return mu, log_var


@mistake(sentences.DETACHED, kind="gradient")
def encoder_detached(self, x):
    h = self.layers[:-1](x).detach()
    mu, log_var = self.layers[-1](h).chunk(2, dim=-1)
    return mu, log_var


@mistake(sentences.ROWS_COUPLED, also_said=["dropout that stays on"])
def encoder_dropout_stays_on(self, x):
    mu, log_var = F.dropout(self.layers(x), 0.5).chunk(2, dim=-1)
    return mu, log_var


@mistake("Return both, mean first: `return mu, log_var`.")
def encoder_one_tensor(self, x):
    return self.layers(x)


@mistake(
    "Is x used on the way to mu?",
    also=["architecture"],
    also_said=["Images are grids", "An activation after", "cuts the graph"],
)
def encoder_placeholder(self, x):
    zeros = x.new_zeros(len(x), self.layers[-1].out_features // 2)
    return zeros, zeros


@mistake("Is x used on the way to mu?")
def encoder_placeholder_input(self, x):
    x = torch.ones_like(x)
    mu, log_var = self.layers(x).chunk(2, dim=-1)
    return mu, log_var


@mistake(sentences.PRINTED, kind="care")
def encoder_prints(self, x):
    mu, log_var = self.layers(x).chunk(2, dim=-1)
    print(mu.shape, log_var.shape)
    return mu, log_var


@mistake("In evaluation mode a network draws and seeds nothing: is it dropout that stays on, or a seed?", kind="care")
def encoder_reseeds(self, *args, **kwargs):
    torch.manual_seed(0)
    result = true(self, *args, **kwargs)
    return result


@mistake(sentences.LAST_ACTIVATION)
def encoder_softplus(self, x):
    mu, std = self.layers(x).chunk(2, dim=-1)
    return mu, F.softplus(std)


@mistake(sentences.LAST_ACTIVATION)
def encoder_tanh_mean(self, x):
    mu, log_var = self.layers(x).chunk(2, dim=-1)
    return torch.tanh(mu), log_var


@mistake(
    "Images are grids of pixels: let weights be shared between places (transposed or upsampling convolutions alike).",
    target="Encoder",
    fails=["architecture"],
)
class pointwise_convolutions(nn.Module):
    def __init__(self, latent_dim):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(), nn.Flatten(), nn.Linear(3136, 2 * latent_dim))

    def forward(self, x):
        mu, log_var = self.layers(x).chunk(2, dim=-1)
        return mu, log_var
