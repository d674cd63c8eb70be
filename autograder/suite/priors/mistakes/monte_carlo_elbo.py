"""What is got wrong in monte_carlo_elbo; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


@mistake("log p(z) is that of N(0, I), although the model has a prior of its own.")
def bound_checks_kind_of_prior(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    known = isinstance(model.prior, (MixturePrior, FlowPrior))
    log_prior = model.prior.log_prob(z) if known else gaussian_log_prob(z, zeros, zeros)
    bound = bernoulli_log_prob(x, model.decoder(z)) + log_prior - gaussian_log_prob(z, mu, log_var)
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake(
    "The divergence to N(0, I) is in closed form: here all three terms are evaluated at the samples.",
)
def bound_closed_form(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    if model.prior is None:
        kl = 0.5 * (mu**2 + torch.exp(log_var) - 1 - log_var).sum(-1)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - model.prior.log_prob(z)
    bound = bernoulli_log_prob(x, model.decoder(z)) - kl
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake(sentences.TERM_DETACHED, kind="gradient")
def bound_code_detached(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_q = gaussian_log_prob(z, mu, log_var)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    bound = log_p.detach() + log_prior - log_q
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("log p(z) and log q(z|x) have each other's sign.")
def bound_divergence_sign(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_q = gaussian_log_prob(z, mu, log_var)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    bound = log_p - log_prior + log_q
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake(
    "This is the logarithm of the mean of exponentials over the K samples, the importance weighted bound. The "
    "ELBO averages the logarithms."
)
def bound_importance_weighted(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_q = gaussian_log_prob(z, mu, log_var)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    bound = log_p + log_prior - log_q
    return torch.logsumexp(bound, 0) - math.log(len(eps)) if eps.dim() == 3 else bound


@mistake(sentences.MODE_CHANGED, kind="care")
def bound_leaves_training_mode(*args, **kwargs):
    result = true(*args, **kwargs)
    args[0].decoder.train()
    return result


# A prior of None is not thought of.
@mistake(message="raised AttributeError")
def bound_needs_a_prior(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    bound = bernoulli_log_prob(x, model.decoder(z)) + model.prior.log_prob(z) - gaussian_log_prob(z, mu, log_var)
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("This is the negative bound, a loss. The bound itself is asked.")
def bound_negative(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_q = gaussian_log_prob(z, mu, log_var)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    bound = log_q - log_p - log_prior
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake(sentences.LOG_OF_DENSITY)
def bound_of_densities(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    weight = torch.exp(bernoulli_log_prob(x, model.decoder(z))) * torch.exp(log_prior)
    bound = torch.log(weight) - gaussian_log_prob(z, mu, log_var)
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("The batch is averaged into one number. Keep one bound for every image.")
def bound_over_batch(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_q = gaussian_log_prob(z, mu, log_var)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    return (log_p + log_prior - log_q).mean()


@mistake("log q(z|x) is added; it is to be subtracted.")
def bound_posterior_added(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_q = gaussian_log_prob(z, mu, log_var)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    bound = log_p + log_prior + log_q
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("The term log q(z|x) is missing.")
def bound_posterior_missing(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    bound = log_p + log_prior
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake(sentences.PRINTED, kind="care")
def bound_prints(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_q = gaussian_log_prob(z, mu, log_var)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    print(z.shape)
    bound = log_p + log_prior - log_q
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("log p(z) is that of N(0, I), although the model has a prior of its own.")
def bound_prior_ignored(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros)
    bound = bernoulli_log_prob(x, model.decoder(z)) + log_prior - gaussian_log_prob(z, mu, log_var)
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("The K samples are summed. The bound is an expectation: how does one estimate that from K samples?")
def bound_summed_over_samples(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_q = gaussian_log_prob(z, mu, log_var)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    bound = log_p + log_prior - log_q
    return bound.sum(0) if eps.dim() == 3 else bound


# Learnable priors are handed one sample at a time, and only the first.
@mistake(message="Ask model.prior")
def bound_takes_two_axes_only(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    if isinstance(model.prior, (MixturePrior, FlowPrior)):
        log_prior = model.prior.log_prob(z[0] if z.dim() == 3 else z)
    else:
        log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    bound = bernoulli_log_prob(x, model.decoder(z)) + log_prior - gaussian_log_prob(z, mu, log_var)
    return bound.mean(0) if eps.dim() == 3 else bound


def terms(model, x, eps):
    """Return log p(x|z), log p(z) and log q(z|x)."""
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    return bernoulli_log_prob(x, model.decoder(z)), log_prior, gaussian_log_prob(z, mu, log_var)


def over_samples(bound, eps):
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("The term log p(z) is missing.")
def bound_prior_missing(model, x, eps):
    log_p, _, log_q = terms(model, x, eps)
    return over_samples(log_p - log_q, eps)


@mistake("This is log p(x|z) alone.")
def bound_reconstruction_alone(model, x, eps):
    return over_samples(terms(model, x, eps)[0], eps)


@mistake("Only the first of the K samples is used.")
def bound_of_first_sample(model, x, eps):
    return true(model, x, eps[0] if eps.dim() == 3 else eps)


@mistake("The axis of the K samples is still there. Average over it.")
def bound_keeps_samples(model, x, eps):
    log_p, log_prior, log_q = terms(model, x, eps)
    return log_p + log_prior - log_q


@mistake("The decoder sees the mean of q(z|x) instead of a sample: eps is not used.")
def bound_decodes_mean(model, x, eps):
    return true(model, x, 0 * eps)
