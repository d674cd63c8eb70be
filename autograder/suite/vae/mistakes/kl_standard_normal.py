"""What is got wrong in kl_standard_normal; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

NORMAL = torch.distributions.Normal


def each(mu, log_var):
    return 0.5 * (mu**2 + torch.exp(log_var) - 1 - log_var)  # per latent dimension


# The divergence is averaged over the latent dimensions (keras issue 6015, podgorskiy/VAE issue 1).
@mistake("The latent dimensions are averaged. Independent dimensions add their divergences.")
def kl_averaged_over_latents(mu, log_var):
    return each(mu, log_var).mean(-1)


@mistake("The answer is twice the divergence: is the factor ½ missing?")
def kl_half_missing(mu, log_var):
    return (mu**2 + torch.exp(log_var) - 1 - log_var).sum(-1)


@mistake("The logarithm that is subtracted is that of the standard deviation, where that of the variance belongs.")
def kl_log_std(mu, log_var):
    return 0.5 * (mu**2 + torch.exp(log_var) - 1 - 0.5 * log_var).sum(-1)


@mistake("There is one value for every latent dimension; one for every image is asked.", also=["elbo", "negative_elbo"])
def kl_not_summed(mu, log_var):
    return each(mu, log_var)


@mistake("A constant of every dimension is missing. What does the answer have to be when q is the prior?")
def kl_one_missing(mu, log_var):
    return 0.5 * (mu**2 + torch.exp(log_var) - log_var).sum(-1)


@mistake("The sign of log_var is wrong. What does the answer have to be when q is the prior, and near it?")
def kl_log_var_sign(mu, log_var):
    return 0.5 * (mu**2 + torch.exp(log_var) - 1 + log_var).sum(-1)


@mistake("The mean enters without its square. A divergence does not care on which side of zero mu lies.")
def kl_mean_not_squared(mu, log_var):
    return 0.5 * (mu + torch.exp(log_var) - 1 - log_var).sum(-1)


@mistake("The answer does not depend on mu.")
def kl_mean_missing(mu, log_var):
    return 0.5 * (torch.exp(log_var) - 1 - log_var).sum(-1)


@mistake("The standard deviation stands where the variance belongs.")
def kl_std_for_variance(mu, log_var):
    return 0.5 * (mu**2 + torch.exp(log_var / 2) - 1 - log_var).sum(-1)


@mistake(sentences.PRINTED, kind="care")
def kl_prints(mu, log_var):
    kl = each(mu, log_var).sum(-1)
    print("KL", kl.mean().item())
    return kl


@mistake("This is the divergence from the prior to q. Which of the two distributions is the expectation taken under?")
def kl_reversed(mu, log_var):
    q, p = NORMAL(mu, torch.exp(log_var / 2)), NORMAL(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.distributions.kl_divergence(p, q).sum(-1)


@mistake(sentences.DEFAULT_DTYPE, kind="care")
def kl_sets_default_dtype(*args, **kwargs):
    torch.set_default_dtype(torch.float64)
    result = true(*args, **kwargs)
    return result


@mistake("The answer is the divergence with the opposite sign. A Kullback-Leibler divergence is never negative.")
def kl_sign(mu, log_var):
    return 0.5 * (1 + log_var - mu**2 - torch.exp(log_var)).sum(-1)


@mistake(sentences.SMALL_NUMBER, small=(1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7))
def kl_small_number(mu, log_var, *, small):
    variance = torch.exp(log_var)
    return 0.5 * (mu**2 + variance - 1 - torch.log(variance + small)).sum(-1)


@mistake(sentences.SMALL_NUMBER, small=(1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7))
def kl_small_number_in_the_variance(mu, log_var, *, small):
    variance = torch.exp(log_var) + small
    return 0.5 * (mu**2 + variance - 1 - torch.log(variance)).sum(-1)


@mistake(sentences.SMALL_NUMBER, small=(1e-2, 1e-3, 1e-4, 1e-5))
def kl_small_number_in_the_scale(mu, log_var, *, small):
    q = NORMAL(mu, torch.exp(log_var / 2) + small)
    return torch.distributions.kl_divergence(q, NORMAL(torch.zeros_like(mu), torch.ones_like(mu))).sum(-1)


@mistake(sentences.SMALL_NUMBER, floor=(1e-2, 1e-3))
def kl_variance_floored(mu, log_var, *, floor):
    variance = torch.exp(log_var).clamp_min(floor)
    return 0.5 * (mu**2 + variance - 1 - torch.log(variance)).sum(-1)


# torch.sum without an axis: one number for the whole batch (nvae issue 3).
@mistake("The whole batch is summed into one number. Each image has its own q(z|x), so each has its own divergence.")
def kl_summed_over_batch(mu, log_var):
    return 0.5 * torch.sum(mu**2 + torch.exp(log_var) - 1 - log_var)


@mistake("The batch is averaged. Each image has its own q(z|x), so each has its own divergence.")
def kl_averaged_over_batch(mu, log_var):
    return each(mu, log_var).sum(-1).mean()


@mistake("Batch and latent dimensions are averaged together. Sum over the latter, keep the former.")
def kl_averaged_over_all(mu, log_var):
    return each(mu, log_var).mean()


@mistake(
    "The sum runs over the images instead of the latent dimensions. Which axis is which?",
    also=["elbo", "negative_elbo"],
)
def kl_summed_over_images(mu, log_var):
    return each(mu, log_var).sum(0)


@mistake("Here log_var is treated as the logarithm of the standard deviation: the variance is squared once too often.")
def kl_variance_as_std(mu, log_var):
    q, p = NORMAL(mu, torch.exp(log_var)), NORMAL(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.distributions.kl_divergence(q, p).sum(-1)


@mistake(sentences.DETACHED, kind="gradient")
@torch.no_grad()
def kl_without_gradient(mu, log_var):
    return each(mu, log_var).sum(-1)
