"""What is got wrong in ais; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

TARGET = "ais_log_likelihood"


def log_terms(model, x, z):
    """Return log p(z) and log p(x|z), each (num_chains, B)."""
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    return log_prior, bernoulli_log_prob(x, model.decoder(z))


def with_slope(model, x, z, target, beta):
    """Return log p(x|z), the logarithm of the target at beta, and its gradient in z."""
    z = z.detach().requires_grad_()
    log_prior, log_lik = log_terms(model, x, z)
    log_target = target(log_prior, log_lik, beta)
    return log_lik.detach(), log_target.detach(), torch.autograd.grad(log_target.sum(), z)[0]


def tempered(log_prior, log_lik, beta):
    return log_prior + beta * log_lik


def metropolis(change, generator):
    """Return whether a proposal whose log probability is higher by `change` is taken."""
    return torch.rand(change.shape, generator=generator, dtype=change.dtype).log() < change


def prior_draws(model, x, num_chains, generator):
    if model.prior is None:
        return torch.randn(num_chains, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
    return model.prior.sample(num_chains * len(x), generator=generator).detach().unflatten(0, (num_chains, len(x)))


def log_weights_of(
    model,
    x,
    num_chains,
    betas,
    num_leapfrog,
    step_size,
    generator,
    *,
    start=prior_draws,
    target=tempered,
    accept=metropolis,
    mass=0.5,
    first=0.5,
    last=0.5,
    lag=False,
    shared=False,
    gain=lambda previous, beta, log_lik: (beta - previous) * log_lik,
):
    """Return the log weights of all chains, (num_chains, B), with one thing or another done wrongly."""
    if num_leapfrog < 1 or betas[0] != 0 or betas[-1] != 1 or any(a >= b for a, b in pairwise(betas)):
        raise ValueError(betas)
    z = start(model, x, num_chains, generator)
    log_w = torch.zeros(num_chains, len(x), dtype=x.dtype)
    for previous, beta in pairwise(betas):
        at = previous if lag else beta
        log_lik, log_start, slope = with_slope(model, x, z, target, at)
        log_w = log_w + gain(previous, beta, log_lik)
        if beta == 1:
            break
        like = z[:, :1] if shared else z
        velocity = torch.randn(like.shape, generator=generator, dtype=z.dtype).expand(z.shape)
        log_start = log_start - mass * velocity.square().sum(-1)
        proposal = z
        for _ in range(num_leapfrog):
            velocity = velocity + first * step_size * slope
            proposal = proposal + step_size * velocity
            _, log_end, slope = with_slope(model, x, proposal, target, at)
            velocity = velocity + last * step_size * slope
        log_end = log_end - mass * velocity.square().sum(-1)
        z = torch.where(accept(log_end - log_start, generator).unsqueeze(-1), proposal, z)
    return log_w


def mean_weight(log_w):
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))


@mistake(
    "The weight grows after the move. At every temperature it takes log p(x|z) at the point where the chain stands before the "
    "move: after it the points fit x already, and the estimate is too high."
)
def ais_weighs_after_the_move(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    z = prior_draws(model, x, num_chains, generator)
    log_w = torch.zeros(num_chains, len(x), dtype=x.dtype)
    if num_leapfrog < 1 or betas[0] != 0 or betas[-1] != 1 or any(a >= b for a, b in pairwise(betas)):
        raise ValueError(betas)
    for previous, beta in pairwise(betas):
        _, log_start, slope = with_slope(model, x, z, tempered, beta)
        velocity = torch.randn(z.shape, generator=generator, dtype=z.dtype)
        log_start = log_start - velocity.square().sum(-1) / 2
        proposal = z
        for _ in range(num_leapfrog):
            velocity = velocity + step_size / 2 * slope
            proposal = proposal + step_size * velocity
            _, log_end, slope = with_slope(model, x, proposal, tempered, beta)
            velocity = velocity + step_size / 2 * slope
        log_end = log_end - velocity.square().sum(-1) / 2
        z = torch.where(metropolis(log_end - log_start, generator).unsqueeze(-1), proposal, z)
        with torch.no_grad():
            log_w = log_w + (beta - previous) * log_terms(model, x, z)[1]
    return mean_weight(log_w)


@mistake("The log weights are averaged over the chains. The mean of the weights is asked, and then its logarithm.")
def ais_mean_of_logs(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator).mean(0)


@mistake("The weights are summed over the chains, where their mean is asked: the logarithm of num_chains is missing.")
def ais_log_chains_missing(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return torch.logsumexp(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator), 0)


@mistake("The logarithm of num_chains is added where it is to be subtracted.")
def ais_log_chains_added(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    log_w = log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator)
    return torch.logsumexp(log_w, 0) + math.log(num_chains)


@mistake("Only the largest weight of the chains counts.")
def ais_largest_weight(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator).amax(0)


@mistake(
    "Weights of exp(-1000) round to zero, whose logarithm is minus infinity. Stay with logarithms: logsumexp.",
    also_said=["Look for log(0)", sentences.LOG_OF_DENSITY],
)
def ais_weights_exponentiated(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator).exp().mean(0).log()


@mistake(
    "The images are averaged into one number. Keep one value for every image.", also_said=["One value for every image"]
)
def ais_averaged_over_batch(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator)).mean()


@mistake(
    "Each temperature adds beta log p(x|z) to the weight, where it is the difference to the beta before that counts."
)
def ais_weighs_with_beta(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return mean_weight(
        log_weights_of(
            model,
            x,
            num_chains,
            betas,
            num_leapfrog,
            step_size,
            generator,
            gain=lambda previous, beta, log_lik: beta * log_lik,
        )
    )


@mistake("The last temperature is left out of the weight: the differences of the betas are to add up to 1.")
def ais_last_temperature_missing(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    def gain(previous, beta, log_lik):
        return (beta - previous) * log_lik * (beta < 1)

    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, gain=gain))


@mistake(
    "The kinetic energy is v·v without the factor ½. The speed is drawn from N(0, I), whose energy is ½ v·v: with another one "
    "the wrong proposals are refused."
)
def ais_kinetic_energy_doubled(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, mass=1.0))


@mistake("The energies are compared without the kinetic one: it is the sum of both that a trajectory keeps.")
def ais_kinetic_energy_missing(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, mass=0.0))


@mistake(
    "Every proposal is taken. A leapfrog trajectory keeps its energy only roughly, so that a move has to be accepted or refused "
    "by the energy's change."
)
def ais_accepts_everything(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    def accept(change, generator):
        return torch.ones_like(change, dtype=torch.bool)

    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, accept=accept))


@mistake("Proposals of a higher energy are preferred: look at the sign in the comparison that accepts.")
def ais_acceptance_sign(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    def accept(change, generator):
        return metropolis(-change, generator)

    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, accept=accept))


@mistake(
    "A uniform number is compared with the change of the energy itself. It is to be compared with the exponential of that, or its "
    "own logarithm with the change."
)
def ais_acceptance_without_logarithm(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    def accept(change, generator):
        return torch.rand(change.shape, generator=generator, dtype=change.dtype) < change

    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, accept=accept))


@mistake("A proposal whose energy is not a number is taken: in ~(a > b) a NaN counts as yes.", keeps={"ais": (0, 0.5)})
def ais_accepts_what_is_no_number(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    def accept(change, generator):
        return ~(torch.rand(change.shape, generator=generator, dtype=change.dtype).log() >= change)

    log_w = log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, accept=accept)
    return mean_weight(log_w.nan_to_num(-1e6))


@mistake(
    "Only proposals of a lower energy are taken: a higher one is taken, too, with the probability exp(-its increase)."
)
def ais_only_downhill(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    def accept(change, generator):
        return change >= 0

    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, accept=accept))


@mistake(
    "The first kick of a leapfrog step is a whole one. It is half a step before and half a step after each move of the point that "
    "makes the trajectory reversible."
)
def ais_full_first_kick(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, first=1.0))


@mistake(
    "There is one whole kick a step, and no half one at the ends of the trajectory: that is no leapfrog, and not reversible."
)
def ais_euler_steps(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return mean_weight(
        log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, first=1.0, last=0.0)
    )


@mistake(
    "The transition still has the temperature before as its target: after the weight has grown to beta_t, the chain moves on "
    "p(z) p(x|z)^beta_t."
)
def ais_moves_at_the_old_temperature(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, lag=True))


@mistake("The target of a transition tempers the prior, too. Only the likelihood has the exponent beta.")
def ais_prior_tempered(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    def target(log_prior, log_lik, beta):
        return beta * (log_prior + log_lik)

    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, target=target))


@mistake("The prior is missing in the target of a transition, which is p(z) p(x|z)^beta.")
def ais_prior_missing(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    def target(log_prior, log_lik, beta):
        return beta * log_lik + 0 * log_prior

    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, target=target))


@mistake(
    "The transitions have the posterior itself as their target at every temperature: the exponent beta is missing."
)
def ais_target_not_tempered(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    def target(log_prior, log_lik, beta):
        return log_prior + log_lik

    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, target=target))


@mistake("The chains start at N(0, I), although the model has a prior of its own.")
def ais_starts_at_standard_normal(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    def start(model, x, num_chains, generator):
        return torch.randn(num_chains, len(x), model.latent_dim, generator=generator, dtype=x.dtype)

    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, start=start))


@mistake("The chains start at q(z|x). The weights count from the prior on: there they have to start.")
def ais_starts_at_the_encoder(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    def start(model, x, num_chains, generator):
        eps = torch.randn(num_chains, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        return reparameterize(*model.encoder(x), eps).detach()

    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, start=start))


@mistake(
    "The chains never move: the point that was accepted has to be where the next step starts.",
    keeps={"ais": (0, 0.5)},
)
def ais_never_moves(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    def accept(change, generator):
        return torch.zeros_like(change, dtype=torch.bool)

    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, accept=accept))


@mistake("Images that are alike get the same chains: each image draws its own.")
def ais_images_share_chains(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    def start(model, x, num_chains, generator):
        return prior_draws(model, x[:1], num_chains, generator).repeat(1, len(x), 1)

    def accept(change, generator):
        return torch.rand(len(change), 1, generator=generator, dtype=change.dtype).log() < change

    how = {"start": start, "accept": accept, "shared": True}
    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, generator, **how))


@mistake("All chains of an image do the same: each draws its own start and its own speeds.")
def ais_chains_alike(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return log_weights_of(model, x, 1, betas, num_leapfrog, step_size, generator)[0]


@mistake("A transition takes one leapfrog step, whatever num_leapfrog is.", kind="care")
def ais_leapfrog_ignored(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return mean_weight(log_weights_of(model, x, num_chains, betas, min(1, num_leapfrog), step_size, generator))


@mistake(sentences.GENERATOR_IGNORED, kind="care", also_said=[sentences.GLOBAL_USED])
def ais_generator_ignored(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return mean_weight(log_weights_of(model, x, num_chains, betas, num_leapfrog, step_size, None))


@mistake(sentences.EPS_FIXED, kind="care", also_said=[sentences.NOT_RANDOM, sentences.GLOBAL_USED])
def ais_seeded(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    generator = generator if generator is not None else torch.Generator().manual_seed(0)
    return true(model, x, num_chains, betas, num_leapfrog, step_size, generator)


@mistake(sentences.GRADIENT_LEFT, kind="care")
def ais_keeps_its_graph(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    result = true(model, x, num_chains, betas, num_leapfrog, step_size, generator)
    log_lik = log_terms(model, x, torch.zeros(1, len(x), model.latent_dim, dtype=x.dtype))[1][0]
    return result + log_lik - log_lik.detach()


@mistake("Only training changes a model.", kind="care")
def ais_fills_gradients(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    z = torch.zeros(1, len(x), model.latent_dim, dtype=x.dtype, requires_grad=True)
    log_terms(model, x, z)[1].sum().backward()
    return true(model, x, num_chains, betas, num_leapfrog, step_size, generator)


@mistake("Only training changes a model.", kind="care")
def ais_freezes_the_decoder(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    model.decoder.requires_grad_(False)
    return true(model, x, num_chains, betas, num_leapfrog, step_size, generator)


@mistake(sentences.OTHER_DTYPE, kind="care")
def ais_in_float64(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return true(model, x, num_chains, betas, num_leapfrog, step_size, generator).double()


@mistake(sentences.PRINTED, kind="care")
def ais_prints(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    print("AIS")
    return true(model, x, num_chains, betas, num_leapfrog, step_size, generator)


@mistake(sentences.MODE_CHANGED, kind="care")
def ais_leaves_training_mode(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    result = true(model, x, num_chains, betas, num_leapfrog, step_size, generator)
    model.train()
    return result


@mistake("Betas rise from 0 to 1.", kind="refusal")
def ais_accepts_any_path(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    path = sorted({0.0, 1.0, *(float(beta) for beta in betas)})
    return true(model, x, num_chains, path, num_leapfrog, step_size, generator)


@mistake("A mean is taken over one chain at least.", kind="refusal")
def ais_accepts_no_chain(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return true(model, x, max(1, num_chains), betas, num_leapfrog, step_size, generator)


@mistake("A transition has one leapfrog step at least.", kind="refusal")
def ais_accepts_no_step(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    return true(model, x, num_chains, betas, max(1, num_leapfrog), step_size, generator)
