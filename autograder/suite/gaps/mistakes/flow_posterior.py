"""What is got wrong in flow_posterior; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

TARGET = "FlowPosterior.forward"


def through(layers, z):
    """Return what the layers make of z, and the sum of their log|det|."""
    volume = 0.0
    for layer in layers:
        z, log_det = layer(z)
        volume = volume + log_det
    return z, volume


@mistake(
    "The log-determinants are added. They are subtracted here: where a layer spreads the codes, their density falls."
)
def posterior_sign(self, mu, log_var, eps):
    z_0 = reparameterize(mu, log_var, eps)
    z, volume = through(self.layers, z_0)
    return z, gaussian_log_prob(z_0, mu, log_var) + volume


@mistake("The Gaussian's density is taken at the last z. It belongs to z_0, where the layers begin.")
def posterior_density_at_the_end(self, mu, log_var, eps):
    z, volume = through(self.layers, reparameterize(mu, log_var, eps))
    return z, gaussian_log_prob(z, mu, log_var) - volume


@mistake("The Gaussian's density is that of eps, N(0, I): stretching eps by sigma thins it, too.")
def posterior_density_of_noise(self, mu, log_var, eps):
    z, volume = through(self.layers, reparameterize(mu, log_var, eps))
    zeros = torch.zeros_like(eps)
    return z, gaussian_log_prob(eps, zeros, zeros) - volume


@mistake("log q is that of the Gaussian alone: the layers' change of volume is missing.")
def posterior_volume_missing(self, mu, log_var, eps):
    z_0 = reparameterize(mu, log_var, eps)
    return through(self.layers, z_0)[0], gaussian_log_prob(z_0, mu, log_var)


@mistake("Only the last layer's change of volume counts. Volumes multiply, so their logarithms add.")
def posterior_last_volume(self, mu, log_var, eps):
    z = z_0 = reparameterize(mu, log_var, eps)
    for layer in self.layers:
        z, log_det = layer(z)
    return z, gaussian_log_prob(z_0, mu, log_var) - log_det


@mistake("The log-determinant of a layer is taken at its output. It is that of the point that enters the layer.")
def posterior_volume_at_the_output(self, mu, log_var, eps):
    z = reparameterize(mu, log_var, eps)
    log_q = gaussian_log_prob(z, mu, log_var)
    for layer in self.layers:
        z, _ = layer(z)
        log_q = log_q - layer(z)[1]
    return z, log_q


@mistake("All log-determinants are taken at z_0. Each is that of the point that enters its layer.")
def posterior_volume_at_the_start(self, mu, log_var, eps):
    z = z_0 = reparameterize(mu, log_var, eps)
    log_q = gaussian_log_prob(z, mu, log_var)
    for layer in self.layers:
        log_q, z = log_q - layer(z_0)[1], layer(z)[0]
    return z, log_q


@mistake("The layers are run from the last to the first. layers[0] is the first that a sample meets.")
def posterior_reversed(self, mu, log_var, eps):
    z_0 = reparameterize(mu, log_var, eps)
    z, volume = through(reversed(self.layers), z_0)
    return z, gaussian_log_prob(z_0, mu, log_var) - volume


@mistake("The layers are inverted, as a prior's are for its samples. Here they run forward, from z_0 to z.")
def posterior_inverted(self, mu, log_var, eps):
    z = z_0 = reparameterize(mu, log_var, eps)
    volume = 0.0
    for layer in self.layers:
        z = layer.inverse(z)
        volume = volume - layer(z)[1]
    return z, gaussian_log_prob(z_0, mu, log_var) - volume


@mistake("The layers move eps, and mu and sigma come after them. The layers move z_0 = mu + sigma eps.")
def posterior_moves_the_noise(self, mu, log_var, eps):
    moved, volume = through(self.layers, eps)
    zeros = torch.zeros_like(eps)
    return reparameterize(mu, log_var, moved), gaussian_log_prob(eps, zeros, zeros) - volume - 0.5 * log_var.sum(-1)


@mistake("sigma is taken for exp(log_var). log_var is the logarithm of the variance: halve it first.")
def posterior_variance_as_deviation(self, mu, log_var, eps):
    z_0 = reparameterize(mu, 2 * log_var, eps)
    z, volume = through(self.layers, z_0)
    return z, gaussian_log_prob(z_0, mu, 2 * log_var) - volume


@mistake("The codes are z_0: the layers change log q alone, and not what is returned.")
def posterior_codes_not_moved(self, mu, log_var, eps):
    z_0 = reparameterize(mu, log_var, eps)
    return z_0, gaussian_log_prob(z_0, mu, log_var) - through(self.layers, z_0)[1]


@mistake("There is one log q for every code.")
def posterior_averaged(self, mu, log_var, eps):
    z, log_q = true(self, mu, log_var, eps)
    return z, log_q.mean()


@mistake(
    "Only the first sample of eps is used, where it is (K, B, D): all K are asked.",
    also_said=["z has the shape of eps."],
)
def posterior_first_sample(self, mu, log_var, eps):
    return true(self, mu, log_var, eps[0] if eps.dim() == 3 else eps)


@mistake(sentences.DETACHED, kind="gradient", also_said=[sentences.TERM_DETACHED])
def posterior_codes_detached(self, mu, log_var, eps):
    z = reparameterize(mu, log_var, eps)
    log_q = gaussian_log_prob(z, mu, log_var)
    for layer in self.layers:
        z, log_det = layer(z.detach())
        log_q = log_q - log_det
    return z, log_q


@mistake(sentences.DETACHED, kind="gradient", also_said=[sentences.TERM_DETACHED])
def posterior_volume_detached(self, mu, log_var, eps):
    z_0 = reparameterize(mu, log_var, eps)
    z, volume = through(self.layers, z_0)
    return z, gaussian_log_prob(z_0, mu, log_var) - volume.detach()


@mistake(
    "Keep new PlanarFlow layers in an nn.ModuleList, which tells their parameters.",
    target="FlowPosterior.__init__",
    also_said=["no parameter or buffer named"],
)
def posterior_layers_in_a_list(self, latent_dim, num_flows):
    nn.Module.__init__(self)
    self.layers = [PlanarFlow(latent_dim=latent_dim).double() for _ in range(num_flows)]


@mistake(
    "Keep new PlanarFlow layers in an nn.ModuleList, which tells their parameters.", target="FlowPosterior.__init__"
)
def posterior_layer_repeated(self, latent_dim, num_flows):
    nn.Module.__init__(self)
    self.layers = nn.ModuleList([PlanarFlow(latent_dim=latent_dim)] * num_flows)


@mistake(sentences.OTHER_DTYPE, kind="care")
def posterior_in_float64(self, mu, log_var, eps):
    z, log_q = true(self, mu, log_var, eps)
    return z, log_q.double()


@mistake(sentences.IN_PLACE, kind="care")
def posterior_scales_in_place(self, mu, log_var, eps):
    result = true(self, mu, log_var, eps)
    if not eps.requires_grad:
        eps.mul_(2)
    return result


@mistake(sentences.PRINTED, kind="care")
def posterior_prints(self, mu, log_var, eps):
    print(eps.shape)
    return true(self, mu, log_var, eps)
