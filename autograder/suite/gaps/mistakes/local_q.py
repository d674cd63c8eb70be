"""What is got wrong in local_q; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

TARGET = "optimize_local_q"


def samples_of(parameters, eps):
    """Return codes and their log-density: a Gaussian (mu, log_var), moved by layers (u, w, b) where there are some."""
    mu, log_var, *layers = parameters
    z = reparameterize(mu, log_var, eps)
    log_q = gaussian_log_prob(z, mu, log_var)
    for u, w, b in zip(layers[0::3], layers[1::3], layers[2::3], strict=True):
        wu = (w * u).sum(-1, keepdim=True)
        slope = F.softplus(wu)
        u_hat = u + (slope - 1 - wu) * w / w.square().sum(-1, keepdim=True)
        t = torch.tanh((w * z).sum(-1) + b)
        z, log_q = z + u_hat * t.unsqueeze(-1), log_q - torch.log(t**2 + slope[:, 0] * (1 - t**2))
    return z, log_q


def elbo_of(model, x, z, log_q):
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    return (bernoulli_log_prob(x, model.decoder(z)) + log_prior - log_q).mean(0)


def encoded(model, x, family, generator):
    """Return where the optimisation starts: the encoder's answer, and layers that are the identity."""
    with torch.no_grad():
        mu, log_var = (value.clone() for value in model.encoder(x))
    free = [mu, log_var]
    for _ in range(2 if family == "flow" else 0):
        w = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
        free += [math.log(math.e - 1) * w / w.square().sum(-1, keepdim=True), w, torch.zeros_like(mu[:, 0])]
    return free


def optimized(
    model,
    x,
    family,
    steps,
    num_samples,
    generator,
    *,
    start=encoded,
    trained=lambda free, model: free,
    elbo=elbo_of,
    sample=samples_of,
    rate=0.02,
    fixed=False,
    final=500,
    report=None,
):
    """Return the bound and the parameters of q*, with one thing or another done wrongly."""
    if family not in ("gaussian", "flow") or steps < 0 or num_samples < 1:
        raise ValueError(family)
    free = start(model, x, family, generator)
    shape = (len(x), model.latent_dim)
    noise = torch.randn(num_samples, *shape, generator=generator, dtype=x.dtype)
    parameters = [parameter.requires_grad_() for parameter in trained(free, model)]
    adam = torch.optim.Adam(parameters, lr=rate)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(adam, max(1, steps))
    for _ in range(steps):
        eps = noise if fixed else torch.randn(num_samples, *shape, generator=generator, dtype=x.dtype)
        gradients = torch.autograd.grad(-elbo(model, x, *sample(free, eps)).sum(), parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        adam.step()
        decay.step()
    for parameter in parameters:
        parameter.grad = None
    free = [parameter.detach() for parameter in free]
    with torch.no_grad():
        eps = noise if fixed else torch.randn(final, *shape, generator=generator, dtype=x.dtype)
        bound = (report or elbo)(model, x, *sample(free, eps))
    return bound, free


def answer(bound, free, family, sample=samples_of):
    return bound, tuple(free[:2]) if family == "gaussian" else lambda eps: sample(free, eps)


@mistake(
    "q* starts at N(0, I). Start at what the encoder says: with few steps the bound must not end below the encoder's."
)
def local_starts_at_the_prior(model, x, family, steps, num_samples, generator=None):
    def start(model, x, family, generator):
        free = encoded(model, x, family, generator)
        return [torch.zeros_like(free[0]), torch.zeros_like(free[1]), *free[2:]]

    return answer(*optimized(model, x, family, steps, num_samples, generator, start=start), family)


@mistake("All images share one q: they start alike. Each image has parameters of its own, (B, D).")
def local_shares_one_q(model, x, family, steps, num_samples, generator=None):
    def start(model, x, family, generator):
        free = encoded(model, x, family, generator)
        return [value.mean(0, keepdim=True).expand_as(value).clone() for value in free[:2]] + free[2:]

    def sample(free, eps):
        shared = [value.mean(0, keepdim=True).expand_as(value) for value in free[:2]]
        return samples_of([*shared, *free[2:]], eps)

    bound, free = optimized(model, x, family, steps, num_samples, generator, start=start, sample=sample)
    shared = [value.mean(0, keepdim=True).expand_as(value).clone() for value in free[:2]]
    return answer(bound, [*shared, *free[2:]], family)


@mistake(
    "The bound is measured on the noise that was fitted, or on as few samples as a step has. Draw new noise for it, 100 samples an "
    "image at least."
)
def local_judged_on_its_noise(model, x, family, steps, num_samples, generator=None):
    return answer(*optimized(model, x, family, steps, num_samples, generator, fixed=True), family)


@mistake(
    "The bound is measured on the noise that was fitted, or on as few samples as a step has. Draw new noise for it, 100 samples an "
    "image at least."
)
def local_judged_on_few_samples(model, x, family, steps, num_samples, generator=None):
    return answer(*optimized(model, x, family, steps, num_samples, generator, final=num_samples), family)


@mistake("Only the mean is optimised: log_var stays what the encoder says.", keeps={"local_q": (0.2, 0.5)})
def local_mean_alone(model, x, family, steps, num_samples, generator=None):
    def trained(free, model):
        return [free[0], *free[2:]]

    return answer(*optimized(model, x, family, steps, num_samples, generator, trained=trained), family)


@mistake("Only the variance is optimised: mu stays what the encoder says.")
def local_variance_alone(model, x, family, steps, num_samples, generator=None):
    def trained(free, model):
        return free[1:]

    return answer(*optimized(model, x, family, steps, num_samples, generator, trained=trained), family)


@mistake("The decoder is optimised, too. It belongs to the model, whose likelihood is to be measured: only q is free.")
def local_trains_the_decoder(model, x, family, steps, num_samples, generator=None):
    def trained(free, model):
        return [*free, *model.decoder.parameters()]

    return answer(*optimized(model, x, family, steps, num_samples, generator, trained=trained), family)


@mistake("The bound is minimised: the sign of the loss is wrong.")
def local_minimizes(model, x, family, steps, num_samples, generator=None):
    def elbo(model, x, z, log_q):
        return -elbo_of(model, x, z, log_q)

    return answer(
        *optimized(model, x, family, steps, num_samples, generator, elbo=elbo, report=elbo_of, rate=0.005), family
    )


@mistake("This is the negative bound, a loss. The bound itself is asked.")
def local_returns_the_loss(model, x, family, steps, num_samples, generator=None):
    bound, free = optimized(model, x, family, steps, num_samples, generator)
    return answer(-bound, free, family)


@mistake("One value for every image.")
def local_averaged_over_batch(model, x, family, steps, num_samples, generator=None):
    bound, free = optimized(model, x, family, steps, num_samples, generator)
    return answer(bound.mean(), free, family)


@mistake(
    "The bound is the importance weighted one of all samples. The gaps are those of the ELBO, the mean of the logarithms."
)
def local_importance_bound(model, x, family, steps, num_samples, generator=None):
    def elbo(model, x, z, log_q):
        zeros = torch.zeros_like(z)
        log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
        return iwae_bound(bernoulli_log_prob(x, model.decoder(z)) + log_prior - log_q)

    return answer(*optimized(model, x, family, steps, num_samples, generator, elbo=elbo), family)


@mistake("This is log p(x|z) alone. The bound has log p(z) - log q(z) in it, too.")
def local_reconstruction_alone(model, x, family, steps, num_samples, generator=None):
    def elbo(model, x, z, log_q):
        return bernoulli_log_prob(x, model.decoder(z)).mean(0)

    return answer(*optimized(model, x, family, steps, num_samples, generator, elbo=elbo), family)


@mistake("log p(z) is that of N(0, I), although the model has a prior of its own.")
def local_prior_ignored(model, x, family, steps, num_samples, generator=None):
    def elbo(model, x, z, log_q):
        zeros = torch.zeros_like(z)
        return (bernoulli_log_prob(x, model.decoder(z)) + gaussian_log_prob(z, zeros, zeros) - log_q).mean(0)

    return answer(*optimized(model, x, family, steps, num_samples, generator, elbo=elbo), family)


@mistake("q* is (mu, sigma) here; its second item is log_var, the logarithm of the variance.")
def local_returns_deviations(model, x, family, steps, num_samples, generator=None):
    bound, free = optimized(model, x, family, steps, num_samples, generator)
    return answer(bound, [free[0], torch.exp(free[1] / 2), *free[2:]], family)


@mistake("Few steps are taken, whatever `steps` is.")
def local_few_steps(model, x, family, steps, num_samples, generator=None):
    return answer(*optimized(model, x, family, min(steps, 10), num_samples, generator), family)


@mistake("Some steps are taken even where steps = 0: then q* is the encoder's q as it is.")
def local_steps_at_least_once(model, x, family, steps, num_samples, generator=None):
    return answer(*optimized(model, x, family, steps + 5 * (steps == 0), num_samples, generator), family)


@mistake("The log-determinants are added to log q. Where a layer spreads the codes, their density falls.")
def local_flow_sign(model, x, family, steps, num_samples, generator=None):
    def sample(free, eps):
        z, log_q = samples_of(free, eps)
        z_0 = reparameterize(free[0], free[1], eps)
        return z, 2 * gaussian_log_prob(z_0, free[0], free[1]) - log_q

    bound, free = optimized(model, x, family, steps, num_samples, generator, sample=sample)
    return answer(bound, free, family, sample)


@mistake("log q is that of the Gaussian alone: the layers' change of volume is missing.")
def local_flow_volume_missing(model, x, family, steps, num_samples, generator=None):
    def sample(free, eps):
        z_0 = reparameterize(free[0], free[1], eps)
        return samples_of(free, eps)[0], gaussian_log_prob(z_0, free[0], free[1])

    bound, free = optimized(model, x, family, steps, num_samples, generator, sample=sample)
    return answer(bound, free, family, sample)


@mistake(
    "The layers of the flow start at random, so that it does not start at the encoder's q. Start with layers that do nothing."
)
def local_flow_starts_bent(model, x, family, steps, num_samples, generator=None):
    def start(model, x, family, generator):
        free = encoded(model, x, family, generator)
        return free[:2] + [value if i % 3 else 2 - value for i, value in enumerate(free[2:])]

    return answer(*optimized(model, x, family, steps, num_samples, generator, start=start), family)


@mistake("Return them all, in this order.")
def local_flow_codes_alone(model, x, family, steps, num_samples, generator=None):
    bound, q = true(model, x, family, steps, num_samples, generator)
    return bound, q if family == "gaussian" else lambda eps: q(eps)[0]


@mistake("q* of the flow is evaluated once: it has to answer any eps that it is given.", keeps={"local_q": (0.2, 0.5)})
def local_flow_keeps_its_codes(model, x, family, steps, num_samples, generator=None):
    bound, q = true(model, x, family, steps, num_samples, generator)
    if family == "gaussian":
        return bound, q
    z, log_q = q(torch.zeros(len(x), model.latent_dim, dtype=x.dtype))
    return bound, lambda eps: (z.expand(eps.shape), log_q.expand(eps.shape[:-1]))


@mistake("Only training changes a model.", kind="care")
def local_trains_the_encoder(model, x, family, steps, num_samples, generator=None):
    mu, log_var = model.encoder(x)
    if steps > 0:
        loss = -elbo_of(model, x, *samples_of([mu, log_var], torch.zeros(1, *mu.shape, dtype=mu.dtype))).sum()
        parameters = list(model.encoder.parameters())
        with torch.no_grad():
            for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                parameter -= 1e-6 * gradient
    return true(model, x, family, steps, num_samples, generator)


@mistake("Only training changes a model.", kind="care")
def local_fills_gradients(model, x, family, steps, num_samples, generator=None):
    mu, log_var = (value.detach() for value in model.encoder(x))
    elbo_of(model, x, *samples_of([mu, log_var], torch.zeros(1, *mu.shape, dtype=mu.dtype))).sum().backward()
    return true(model, x, family, steps, num_samples, generator)


@mistake("Only training changes a model.", kind="care")
def local_freezes_the_model(model, x, family, steps, num_samples, generator=None):
    model.requires_grad_(False)
    return true(model, x, family, steps, num_samples, generator)


@mistake(sentences.MODE_CHANGED, kind="care")
def local_leaves_training_mode(model, x, family, steps, num_samples, generator=None):
    result = true(model, x, family, steps, num_samples, generator)
    model.train()
    return result


@mistake(sentences.GENERATOR_IGNORED, kind="care")
def local_generator_ignored(model, x, family, steps, num_samples, generator=None):
    return true(model, x, family, steps, num_samples)


@mistake(sentences.NOT_RANDOM, kind="care")
def local_seeded(model, x, family, steps, num_samples, generator=None):
    return true(model, x, family, steps, num_samples, torch.Generator().manual_seed(0))


@mistake(sentences.OTHER_DTYPE, kind="care")
def local_in_float64(model, x, family, steps, num_samples, generator=None):
    bound, q = true(model, x, family, steps, num_samples, generator)
    return bound.double(), q


@mistake(sentences.PRINTED, kind="care")
def local_prints(model, x, family, steps, num_samples, generator=None):
    print("optimising q")
    return true(model, x, family, steps, num_samples, generator)


@mistake("A value that is not allowed must not go unnoticed: raise ValueError(...).", kind="refusal")
def local_accepts_any_family(model, x, family, steps, num_samples, generator=None):
    return true(model, x, "flow" if family == "flow" else "gaussian", steps, num_samples, generator)


@mistake("A value that is not allowed must not go unnoticed: raise ValueError(...).", kind="refusal")
def local_accepts_any_number(model, x, family, steps, num_samples, generator=None):
    return true(model, x, family, max(0, steps), max(1, num_samples), generator)
