"""What is got wrong in log_weights; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


@mistake(
    "The K samples are averaged: this is the ELBO. A log weight for every sample is asked.", also=["log_likelihood"]
)
def weights_averaged(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return (log_p + log_prior - log_q).mean(0)


@mistake("The divergence to N(0, I) stands here in closed form, although the model has a prior of its own.")
def weights_closed_form(model, x, eps):
    mu, log_var = model.encoder(x)
    return bernoulli_log_prob(x, model.decoder(reparameterize(mu, log_var, eps))) - kl_standard_normal(mu, log_var)


@mistake(sentences.TERM_DETACHED, kind="gradient")
def weights_code_detached(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps).detach()
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return log_p + log_prior - log_q


@mistake("log q(z|x) is the density of eps. z is eps moved and stretched: by how much does stretching thin a density?")
def weights_density_of_noise(model, x, eps):
    mu, log_var = model.encoder(x)
    z, zeros = reparameterize(mu, log_var, eps), torch.zeros_like(eps)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    return bernoulli_log_prob(x, model.decoder(z)) + log_prior - gaussian_log_prob(eps, zeros, zeros)


@mistake(sentences.UNSTEADY, also=["gradient_snr"], also_said=["comes in through eps"])
def weights_draw_noise(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, torch.randn_like(eps))
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return log_p + log_prior - log_q


@mistake("These are the weights; their logarithms are asked.", also=["gradient_snr"])
def weights_exponentiated(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return torch.exp(log_p + log_prior - log_q)


@mistake("Where K and B are equal, eps of shape (K, B, D) is taken for (B, K, D). Its axes have a fixed order.")
def weights_guess_the_axes(model, x, eps):
    if len(eps) == eps.shape[1]:
        return true(model, x, eps.transpose(0, 1)).T
    return true(model, x, eps)


@mistake(sentences.OTHER_DTYPE, kind="care")
def weights_in_float64(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return (log_p + log_prior - log_q).double()


@mistake(sentences.MODE_CHANGED, kind="care")
def weights_leave_evaluation_mode(model, x, eps):
    model.decoder.eval()
    return true(model, x, eps)


@mistake(sentences.MODE_CHANGED, kind="care")
def weights_leave_training_mode(*args, **kwargs):
    result = true(*args, **kwargs)
    args[0].decoder.train()
    return result


@mistake("The sign is turned round: this is minus the log weight.")
def weights_negative(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return log_q - log_p - log_prior


@mistake(sentences.IN_PLACE, kind="care")
def weights_noise_scaled_in_place(model, x, eps):
    mu, log_var = model.encoder(x)
    z = eps.mul_(torch.exp(log_var.detach() / 2)) + mu
    z = mu + torch.exp(log_var / 2) * (eps * torch.exp(-log_var.detach() / 2))
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    return bernoulli_log_prob(x, model.decoder(z)) + log_prior - gaussian_log_prob(z, mu, log_var)


@mistake(sentences.LOG_OF_DENSITY)
def weights_of_densities(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    joint = torch.exp(bernoulli_log_prob(x, model.decoder(z)) + log_prior)
    return torch.log(joint / torch.exp(gaussian_log_prob(z, mu, log_var)))


@mistake("The pixels are averaged. The probability of an image is the product over its pixels.")
def weights_pixels_averaged(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return log_p / x[0].numel() + log_prior - log_q


@mistake("log q(z|x) is added; it stands in the denominator of the weight.")
def weights_posterior_added(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return log_p + log_prior + log_q


@mistake(sentences.TERM_DETACHED, kind="gradient")
def weights_posterior_detached(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    return log_p + log_prior - gaussian_log_prob(z, mu.detach(), log_var.detach())


@mistake("The term log q(z|x) is missing: samples of q stand for the prior only after division by its density.")
def weights_posterior_missing(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    return log_p + log_prior


@mistake(sentences.PRINTED, kind="care")
def weights_print(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    print("log weights", log_p.shape)
    return log_p + log_prior - log_q


@mistake("log p(z) is that of N(0, I), although the model has a prior of its own.")
def weights_prior_ignored(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_q = gaussian_log_prob(z, mu, log_var)
    return log_p + gaussian_log_prob(z, zeros, zeros) - log_q


@mistake(
    "The term log p(z) is missing: the numerator of a weight is the joint density of x and z.",
)
def weights_prior_missing(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_q = gaussian_log_prob(z, mu, log_var)
    return log_p - log_q


@mistake("log p(z) and log q(z|x) are both subtracted. Which of them stands in the numerator of the weight?")
def weights_prior_sign(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return log_p - log_prior - log_q


@mistake("The term log p(z) is counted twice.")
def weights_prior_twice(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return log_p + 2 * log_prior - log_q


@mistake("All images use the noise of the first one. Every sample of every image has its own row of eps.")
def weights_same_noise_for_all_images(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps[:, :1].expand(eps.shape))
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return log_p + log_prior - log_q


@mistake(
    "Samples and images are exchanged: the samples are the first axis.",
    also=["log_likelihood"],
    also_said=["One bound for every image", "One value for every image"],
)
def weights_transposed(model, x, eps):
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return (log_p + log_prior - log_q).T


@mistake("Every sample is the mean of q(z|x): eps is not used.")
def weights_with_mean_decoded(model, x, eps):
    mu, log_var = model.encoder(x)
    z = mu.expand(eps.shape)
    zeros = torch.zeros_like(z)
    log_p = bernoulli_log_prob(x, model.decoder(z))
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    log_q = gaussian_log_prob(z, mu, log_var)
    return log_p + log_prior - log_q


def terms(model, x, eps):
    """Return log p(x|z), log p(z) and log q(z|x)."""
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
    return bernoulli_log_prob(x, model.decoder(z)), log_prior, gaussian_log_prob(z, mu, log_var)


@mistake(
    "The divergence from q(z|x) to the prior stands here in closed form. It is an average over z: a weight belongs to "
    "one z, at which all three log-densities are evaluated."
)
def weights_closed_form_of_prior(model, x, eps):
    mu, log_var = model.encoder(x)
    if model.prior is None:
        divergence = kl_standard_normal(mu, log_var)
    else:
        mean, width = model.prior.mean, model.prior.log_var
        divergence = kl_standard_normal((mu - mean) * torch.exp(-width / 2), log_var - width)
    return terms(model, x, eps)[0] - divergence


@mistake("log p(z) and log q(z|x) have each other's sign.")
def weights_divergence_sign(model, x, eps):
    log_p, log_prior, log_q = terms(model, x, eps)
    return log_p - log_prior + log_q


@mistake("This is log p(x|z) alone.")
def weights_reconstruction_alone(model, x, eps):
    return terms(model, x, eps)[0]


@mistake("All samples are the first one. The first axis of eps counts the samples.")
def weights_of_first_sample(model, x, eps):
    return true(model, x, eps[:1].expand(eps.shape))


@mistake(
    "This is the bound already. A log weight for every sample is asked; what is made of them comes next.",
    also=["log_likelihood"],
)
def weights_are_the_bound(model, x, eps):
    return iwae_bound(true(model, x, eps))


@mistake("The weights of an image are normalised already. Here they are asked as they come.", also=["log_likelihood"])
def weights_normalized(model, x, eps):
    return torch.log_softmax(true(model, x, eps), 0)


@mistake("The images are averaged. Keep one log weight for every sample of every image.", also=["log_likelihood"])
def weights_averaged_over_images(model, x, eps):
    return true(model, x, eps).mean(1)
