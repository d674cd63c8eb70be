"""What is got wrong in contextual_flow; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

TARGET = "ContextualFlow.forward"


def layers_of(self, context):
    """Return u, w (B, D) and b (B,) of each layer."""
    parameters = self.conditioner(context).unflatten(-1, (self.num_flows, -1))
    for layer in parameters.unbind(1):
        u, w, b = layer.split([self.latent_dim, self.latent_dim, 1], dim=-1)
        yield u, w, b[:, 0]


def layer(z, u, w, b, *, slope=lambda wu: F.softplus(wu).clamp_min(1e-12)):
    """Return f(z) and log|det|."""
    wu = (w * u).sum(-1, keepdim=True)
    steep = slope(wu)
    u_hat = u + (steep - 1 - wu) * w / w.square().sum(-1, keepdim=True)
    t = torch.tanh((w * z).sum(-1) + b)
    return z + u_hat * t.unsqueeze(-1), torch.log((t**2 + steep[:, 0] * (1 - t**2)).abs() + 1e-300)


def run(self, mu, log_var, eps, layers, *, step=layer):
    z = reparameterize(mu, log_var, eps)
    log_q = gaussian_log_prob(z, mu, log_var)
    for u, w, b in layers:
        z, log_det = step(z, u, w, b)
        log_q = log_q - log_det
    return z, log_q


@mistake(
    "The log-determinants are added. They are subtracted here: where a layer spreads the codes, their density falls."
)
def contextual_sign(self, mu, log_var, eps, context):
    z, log_q = true(self, mu, log_var, eps, context)
    return z, 2 * gaussian_log_prob(reparameterize(mu, log_var, eps), mu, log_var) - log_q


@mistake("log q is that of the Gaussian alone: the layers' change of volume is missing.")
def contextual_volume_missing(self, mu, log_var, eps, context):
    z, _ = true(self, mu, log_var, eps, context)
    return z, gaussian_log_prob(reparameterize(mu, log_var, eps), mu, log_var)


@mistake("The Gaussian's density is taken at the last z. It belongs to z_0, where the layers begin.")
def contextual_density_at_the_end(self, mu, log_var, eps, context):
    z, log_q = true(self, mu, log_var, eps, context)
    z_0 = reparameterize(mu, log_var, eps)
    return z, log_q - gaussian_log_prob(z_0, mu, log_var) + gaussian_log_prob(z, mu, log_var)


@mistake("The Gaussian's density is that of eps, N(0, I): stretching eps by sigma thins it, too.")
def contextual_density_of_noise(self, mu, log_var, eps, context):
    z, log_q = true(self, mu, log_var, eps, context)
    return z, log_q + 0.5 * log_var.sum(-1)


@mistake("The log-determinant of a layer is taken at its output. It is that of the point that enters the layer.")
def contextual_volume_at_the_output(self, mu, log_var, eps, context):
    def step(z, u, w, b):
        moved, _ = layer(z, u, w, b)
        return moved, layer(moved, u, w, b)[1]

    return run(self, mu, log_var, eps, layers_of(self, context), step=step)


@mistake("The layers are made of the mean of all contexts. Each row has its own.")
def contextual_mean_context(self, mu, log_var, eps, context):
    return true(self, mu, log_var, eps, context.mean(0, keepdim=True).expand_as(context))


@mistake("All rows get the layers of the first. Each row has its own.")
def contextual_first_context(self, mu, log_var, eps, context):
    return true(self, mu, log_var, eps, context[:1].expand_as(context))


@mistake("The context is not used: all images have the same layers.")
def contextual_context_ignored(self, mu, log_var, eps, context):
    return true(self, mu, log_var, eps, torch.zeros_like(context))


@mistake("The contexts are standardised over the batch: that mixes the rows.")
def contextual_context_standardized(self, mu, log_var, eps, context):
    centred = context - context.mean(0, keepdim=True)
    return true(self, mu, log_var, eps, centred)


@mistake("The layers move eps, and mu and sigma come after them. The layers move z_0 = mu + sigma eps.")
def contextual_moves_the_noise(self, mu, log_var, eps, context):
    zeros = torch.zeros_like(mu)
    moved, log_q = true(self, zeros, zeros, eps, context)
    return reparameterize(mu, log_var, moved), log_q - 0.5 * log_var.sum(-1)


@mistake(
    "u is used as it comes. Without the constraint on w·u_hat a layer may go back and forth, and two points land on one.",
)
def contextual_unconstrained(self, mu, log_var, eps, context):
    def step(z, u, w, b):
        t = torch.tanh((w * z).sum(-1) + b)
        volume = torch.log((1 + (1 - t**2) * (w * u).sum(-1)).abs() + 1e-300)
        return z + u * t.unsqueeze(-1), volume

    return run(self, mu, log_var, eps, layers_of(self, context), step=step)


@mistake(
    "The parameter w multiplies z entry by entry: the product w·z is a sum over the latent dimensions, one number a row."
)
def contextual_elementwise(self, mu, log_var, eps, context):
    z = reparameterize(mu, log_var, eps)
    log_q = gaussian_log_prob(z, mu, log_var)
    for u, w, b in layers_of(self, context):
        wu = w * u
        slope = F.softplus(wu).clamp_min(1e-12)
        u_hat = u + (slope - 1 - wu) / w
        t = torch.tanh(w * z + b.unsqueeze(-1))
        z = z + u_hat * t
        log_q = log_q - torch.log(t**2 + slope * (1 - t**2)).sum(-1)
    return z, log_q


@mistake(
    "tanh is missing, or another function stands in its place: far out a layer moves every code by u_hat or -u_hat."
)
def contextual_without_tanh(self, mu, log_var, eps, context):
    def step(z, u, w, b):
        steep = F.softplus((w * u).sum(-1, keepdim=True)).clamp_min(1e-12)
        u_hat = u + (steep - 1 - (w * u).sum(-1, keepdim=True)) * w / w.square().sum(-1, keepdim=True)
        moved = z + u_hat * ((w * z).sum(-1) + b).unsqueeze(-1)
        return moved, torch.log(steep[:, 0]).expand(z.shape[:-1])

    return run(self, mu, log_var, eps, layers_of(self, context), step=step)


@mistake("With eps of shape (K, B, D) all K samples get the first one's noise.")
def contextual_first_sample(self, mu, log_var, eps, context):
    return true(self, mu, log_var, eps[:1].expand_as(eps) if eps.dim() == 3 else eps, context)


@mistake(
    "Where K and B are equal, the context is laid along the samples. Its rows are those of the batch, the last axis but one."
)
def contextual_along_samples(self, mu, log_var, eps, context):
    if eps.dim() == 3 and len(eps) == len(context):
        z, log_q = true(self, mu, log_var, eps.transpose(0, 1), context)
        return z.transpose(0, 1), log_q.transpose(0, 1)
    return true(self, mu, log_var, eps, context)


@mistake("There is one log q for every code.")
def contextual_averaged(self, mu, log_var, eps, context):
    z, log_q = true(self, mu, log_var, eps, context)
    return z, log_q.mean()


@mistake(
    "The weights of the map from the context are zero at the start: all images begin with the same layers. Make them small, not zero.",
    target="ContextualFlow.__init__",
    also_said=["The context is not used: all images have the same layers."],
)
def contextual_starts_deaf(self, latent_dim, num_flows, context_dim):
    true(self, latent_dim, num_flows, context_dim)
    nn.init.zeros_(self.conditioner.weight)


@mistake("", message="Look for log(0)", also_said=["Softplus of a large negative number"])
def contextual_without_floor(self, mu, log_var, eps, context):
    def step(z, u, w, b):
        wu = (w * u).sum(-1, keepdim=True)
        steep = torch.log(torch.exp(wu) + 1)
        u_hat = u + (steep - 1 - wu) * w / w.square().sum(-1, keepdim=True)
        t = torch.tanh((w * z).sum(-1) + b)
        return z + u_hat * t.unsqueeze(-1), torch.log(t**2 + steep[:, 0].clamp_min(1e-300) * (1 - t**2))

    return run(self, mu, log_var, eps, layers_of(self, context), step=step)


@mistake(sentences.DETACHED, kind="gradient", also_said=[sentences.TERM_DETACHED])
def contextual_context_detached(self, mu, log_var, eps, context):
    return true(self, mu, log_var, eps, context.detach())


@mistake(sentences.DETACHED, kind="gradient", also_said=[sentences.TERM_DETACHED])
def contextual_volume_detached(self, mu, log_var, eps, context):
    z, log_q = true(self, mu, log_var, eps, context)
    base = gaussian_log_prob(reparameterize(mu, log_var, eps), mu, log_var)
    return z, base + (log_q - base).detach()


@mistake(sentences.DETACHED, kind="gradient", also_said=[sentences.TERM_DETACHED])
def contextual_layers_detached(self, mu, log_var, eps, context):
    layers = [[value.detach() for value in each] for each in layers_of(self, context)]
    return run(self, mu, log_var, eps, layers)


@mistake(sentences.OTHER_DTYPE, kind="care")
def contextual_in_float64(self, mu, log_var, eps, context):
    z, log_q = true(self, mu, log_var, eps, context)
    return z, log_q.double()


@mistake(sentences.IN_PLACE, kind="care")
def contextual_changes_its_context(self, mu, log_var, eps, context):
    result = true(self, mu, log_var, eps, context)
    if not context.requires_grad:
        context.mul_(2)
    return result


@mistake(sentences.PRINTED, kind="care")
def contextual_prints(self, mu, log_var, eps, context):
    print(context.shape)
    return true(self, mu, log_var, eps, context)
