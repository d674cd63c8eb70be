"""What is got wrong in flow_prior; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

TARGET = "FlowPrior.log_prob"


@mistake("The standard normal density is taken at z; it belongs to the noise that z is mapped to.")
def flow_base_at_input(self, z):
    base, volume = -0.5 * (math.log(2 * math.pi) + z**2).sum(-1), 0
    for layer in self.layers:
        z, log_det = layer(z)
        volume = volume + log_det
    return base + volume


@mistake("The constant with log 2π is missing: the density does not integrate to one.")
def flow_constants_dropped(self, z):
    volume = 0
    for layer in self.layers:
        z, log_det = layer(z)
        volume = volume + log_det
    return -0.5 * (z**2).sum(-1) + volume


@mistake(sentences.DETACHED, kind="gradient")
def flow_detached_between_layers(self, z):
    volume = 0
    for layer in self.layers:
        z, log_det = layer(z.detach())
        volume = volume + log_det
    return -0.5 * (math.log(2 * math.pi) + z**2).sum(-1) + volume


@mistake(sentences.DIRECTION, keeps={"flow_prior": (0.4, 0.7)})
def flow_direction(self, z):
    base, volume = -0.5 * (math.log(2 * math.pi) + z**2).sum(-1), 0
    for layer in self.layers:
        z, log_det = layer(z)
        volume = volume + log_det
    return base - volume


@mistake(sentences.DIRECTION)
def flow_direction_reversed(self, z):
    base, volume = -0.5 * (math.log(2 * math.pi) + z**2).sum(-1), 0
    for layer in reversed(self.layers):
        z, _ = layer(z)
        volume = volume + layer(z)[1]
    return base - volume


@mistake(
    "This is the density of a flow whose layers map noise to z, turned round by their inverses. Here the "
    "layers map z to noise, so that the density needs no inverse.",
)
def flow_generative(self, z):
    volume = 0
    for layer in reversed(self.layers):
        z = layer.inverse(z)
        volume = volume + layer(z)[1]
    return -0.5 * (math.log(2 * math.pi) + z**2).sum(-1) - volume


@mistake("Only the change of volume of the last layer counts. Volumes multiply, so their logarithms add.")
def flow_last_volume_only(self, z):
    for layer in self.layers:
        z, volume = layer(z)
    return -0.5 * (math.log(2 * math.pi) + z**2).sum(-1) + volume


@mistake(sentences.LAYER_SHARED, target="FlowPrior.__init__")
def flow_layer_repeated(self, num_flows, latent_dim):
    nn.Module.__init__(self)
    self.latent_dim = latent_dim
    self.layers = nn.ModuleList([PlanarFlow(latent_dim)] * num_flows)


@mistake(
    "Keep PlanarFlow layers in an nn.ModuleList, which tells the prior about their parameters.",
    target="FlowPrior.__init__",
)
def flow_layers_in_a_list(self, num_flows, latent_dim):
    nn.Module.__init__(self)
    self.latent_dim = latent_dim
    self.layers = [PlanarFlow(latent_dim) for _ in range(num_flows)]


@mistake("The layers are run from the last to the first. layers[0] is the first that z meets.")
def flow_layers_reversed(self, z):
    volume = 0
    for layer in reversed(self.layers):
        z, log_det = layer(z)
        volume = volume + log_det
    return -0.5 * (math.log(2 * math.pi) + z**2).sum(-1) + volume


@mistake(sentences.LOG_OF_DENSITY)
def flow_log_of_density(self, z):
    volume = 0.0
    for layer in self.layers:
        z, log_det = layer(z)
        volume = volume + log_det
    density = torch.exp(-0.5 * (z**2).sum(-1)) / (2 * math.pi) ** (z.shape[-1] / 2)
    return torch.log(density) + volume


@mistake(sentences.PRINTED, kind="care")
def flow_prints(self, z):
    print(z.shape)
    return true(self, z)


@mistake(sentences.GENERATOR_IGNORED, kind="care", target="FlowPrior.sample")
@torch.no_grad()
def flow_sample_generator_ignored(self, n, generator=None):
    z = torch.randn(n, len(self.layers[0].w), dtype=self.layers[0].w.dtype)
    for layer in reversed(self.layers):
        z = layer.inverse(z)
    return z


@mistake(sentences.OTHER_DTYPE, kind="care", target="FlowPrior.sample")
@torch.no_grad()
def flow_sample_in_float32(self, n, generator=None):
    z = torch.randn(n, len(self.layers[0].w), generator=generator)
    for layer in reversed(self.layers):
        z = layer.inverse(z.to(layer.w.dtype))
    return z.float()


@mistake(sentences.GRADIENTS_OFF, kind="care", target="FlowPrior.sample")
def flow_sample_leaves_gradients_off(self, *args, **kwargs):
    torch.set_grad_enabled(False)
    result = true(self, *args, **kwargs)
    return result


@mistake(sentences.GRADIENT_LEFT, kind="care", target="FlowPrior.sample")
def flow_sample_with_gradient(self, n, generator=None):
    z = torch.randn(n, len(self.layers[0].w), generator=generator, dtype=self.layers[0].w.dtype)
    for layer in reversed(self.layers):
        z = layer.inverse(z)
    return z


@mistake(sentences.SAMPLED_FORWARD, target="FlowPrior.sample")
@torch.no_grad()
def flow_samples_forward(self, n, generator=None):
    z = torch.randn(n, len(self.layers[0].w), generator=generator, dtype=self.layers[0].w.dtype)
    for layer in self.layers:
        z, _ = layer(z)
    return z


@mistake(sentences.SAMPLED_IN_ORDER, target="FlowPrior.sample")
@torch.no_grad()
def flow_samples_in_order(self, n, generator=None):
    z = torch.randn(n, len(self.layers[0].w), generator=generator, dtype=self.layers[0].w.dtype)
    for layer in self.layers:
        z = layer.inverse(z)
    return z


@mistake(sentences.SAMPLED_NOISE, target="FlowPrior.sample")
@torch.no_grad()
def flow_samples_noise(self, n, generator=None):
    return torch.randn(n, len(self.layers[0].w), generator=generator, dtype=self.layers[0].w.dtype)


@mistake("One value for every code.")
def flow_summed_over_samples(self, z):
    volume = 0
    for layer in self.layers:
        z, log_det = layer(z)
        volume = volume + log_det
    return (
        -0.5 * (math.log(2 * math.pi) + z**2).flatten(1).sum(-1) + volume.flatten(1).sum(-1)
        if z.dim() == 3
        else (-0.5 * (math.log(2 * math.pi) + z**2).sum(-1) + volume)
    )


@mistake("The change of volume is missing: this is log N at the noise alone.")
def flow_volume_missing(self, z):
    for layer in self.layers:
        z, _ = layer(z)
    return -0.5 * (math.log(2 * math.pi) + z**2).sum(-1)


@mistake(
    "The sign of log|det| is turned round: think of f(z) = 2z in one dimension. Is p(z) higher or lower than N(2z)?"
)
def flow_volume_sign(self, z):
    volume = 0
    for layer in self.layers:
        z, log_det = layer(z)
        volume = volume - log_det
    return -0.5 * (math.log(2 * math.pi) + z**2).sum(-1) + volume


def run(layers, z):
    """Return the noise and the sum of log|det|."""
    volume = 0
    for layer in layers:
        z, log_det = layer(z)
        volume = volume + log_det
    return z, volume


@mistake("The sign of log|det| is turned round.")
def flow_volume_sign_reversed(self, z):
    noise, volume = run(reversed(self.layers), z)
    return -0.5 * (math.log(2 * math.pi) + noise**2).sum(-1) - volume


@mistake("log|det| of each layer is evaluated at the point behind it; it belongs to the point that enters the layer.")
def flow_volume_after_the_move(self, z):
    volume = 0
    for layer in self.layers:
        z = layer(z)[0]
        volume = volume + layer(z)[1]
    return -0.5 * (math.log(2 * math.pi) + z**2).sum(-1) + volume


@mistake("The density of the noise is missing: this is the sum of log|det| alone.")
def flow_base_missing(self, z):
    return run(self.layers, z)[1]


@mistake("The constant with log 2π enters once. How many dimensions does the noise have?")
def flow_constant_once(self, z):
    noise, volume = run(self.layers, z)
    return -0.5 * (math.log(2 * math.pi) + (noise**2).sum(-1)) + volume


@mistake("The dimensions of the noise are averaged. The logarithm of a product of densities is a sum.")
def flow_dimensions_averaged(self, z):
    noise, volume = run(self.layers, z)
    return -0.5 * (math.log(2 * math.pi) + noise**2).mean(-1) + volume


@mistake("All layers look at z itself. Each one has to see what the one before it returns.")
def flow_layers_at_z(self, z):
    found = [layer(z) for layer in self.layers]
    return -0.5 * (math.log(2 * math.pi) + found[-1][0] ** 2).sum(-1) + sum(log_det for _, log_det in found)


@mistake(sentences.DIRECTION)
def flow_direction_after(self, z):
    base, volume = -0.5 * (math.log(2 * math.pi) + z**2).sum(-1), 0
    for layer in self.layers:
        z = layer(z)[0]
        volume = volume + layer(z)[1]
    return base - volume


@mistake(sentences.DIRECTION)
def flow_direction_of_noise(self, z):
    base = -0.5 * (math.log(2 * math.pi) + z**2).sum(-1)
    return base - run(reversed(self.layers), z)[1]
