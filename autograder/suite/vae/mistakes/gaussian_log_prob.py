"""What is got wrong in gaussian_log_prob; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


@mistake("The constant of all D dimensions is added in every dimension and then summed again.")
def constant_per_element(z, mu, log_var):
    constant = z.shape[-1] * math.log(2 * math.pi)
    return -0.5 * (constant + log_var + (z - mu) ** 2 * torch.exp(-log_var)).sum(-1)


@mistake("The constant with log 2π enters once. How many dimensions does the density have?")
def constant_once(z, mu, log_var):
    return -0.5 * (math.log(2 * math.pi) + (log_var + (z - mu) ** 2 * torch.exp(-log_var)).sum(-1))


@mistake("The answer is twice the log-density: is a factor ½ missing?")
def density_half_missing(z, mu, log_var):
    return 2 * true(z, mu, log_var)


@mistake("The squared distance enters without its factor ½.")
def density_half_missing_in_the_square(z, mu, log_var):
    return (-0.5 * (math.log(2 * math.pi) + log_var) - (z - mu) ** 2 * torch.exp(-log_var)).sum(-1)


@mistake("There is one value for every latent dimension; one for every z is asked.", also=["elbo", "negative_elbo"])
def density_not_summed(z, mu, log_var):
    return -0.5 * (math.log(2 * math.pi) + log_var + (z - mu) ** 2 * torch.exp(-log_var))


@mistake("The whole batch is summed into one number. Only the latent dimensions are summed.")
def density_summed_over_batch(z, mu, log_var):
    return true(z, mu, log_var).sum()


@mistake("The sign is the other way round: this is the negative log-density.")
def density_negative(z, mu, log_var):
    return -true(z, mu, log_var)


@mistake("The squared distance is multiplied by the variance instead of divided by it.")
def density_precision_sign(z, mu, log_var):
    return -0.5 * (math.log(2 * math.pi) + log_var + (z - mu) ** 2 * torch.exp(log_var)).sum(-1)


@mistake("This is the density itself; its logarithm is asked.")
def density_itself(z, mu, log_var):
    return torch.exp(true(z, mu, log_var))


@mistake(
    "The constant with log 2π is missing. It cancels inside some bounds, but a density without it does not "
    "integrate to one."
)
def constants_dropped(z, mu, log_var):
    return -0.5 * (log_var + (z - mu) ** 2 * torch.exp(-log_var)).sum(-1)


@mistake("The dimensions are averaged. The logarithm of a product of densities is a sum.")
def density_averaged(z, mu, log_var):
    return -0.5 * (math.log(2 * math.pi) + log_var + (z - mu) ** 2 * torch.exp(-log_var)).mean(-1)


@mistake(
    sentences.LOG_OF_DENSITY_FLOORED, small=(1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-20, 1e-30, 1e-45, 1e-100, 1e-300)
)
def density_floored_logarithm(z, mu, log_var, *, small):
    scale = torch.exp(log_var / 2)
    density = torch.exp(-0.5 * ((z - mu) / scale) ** 2) / (scale * math.sqrt(2 * math.pi))
    return torch.log(density + small).sum(-1)


@mistake("In the normalising term log_var stands where the logarithm of the standard deviation belongs.")
def density_log_std(z, mu, log_var):
    return -(0.5 * math.log(2 * math.pi) + log_var + 0.5 * (z - mu) ** 2 * torch.exp(-log_var)).sum(-1)


@mistake(sentences.PRINTED, kind="care")
def density_prints(z, mu, log_var):
    print("z", z.shape)
    return -0.5 * (math.log(2 * math.pi) + log_var + (z - mu) ** 2 * torch.exp(-log_var)).sum(-1)


@mistake(sentences.DETACHED, kind="gradient")
def density_scale_detached(z, mu, log_var):
    precision = torch.exp(-log_var.detach())
    return -0.5 * (math.log(2 * math.pi) + log_var.detach() + (z - mu) ** 2 * precision).sum(-1)


@mistake(sentences.SMALL_NUMBER, small=(1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7))
def density_small_number(z, mu, log_var, *, small):
    variance = torch.exp(log_var) + small
    return -0.5 * (math.log(2 * math.pi) + torch.log(variance) + (z - mu) ** 2 / variance).sum(-1)


@mistake(sentences.SMALL_NUMBER, small=(1e-2, 1e-3, 1e-4, 1e-5))
def density_small_number_in_the_scale(z, mu, log_var, *, small):
    return torch.distributions.Normal(mu, torch.exp(log_var / 2) + small).log_prob(z).sum(-1)


@mistake(sentences.SMALL_NUMBER, floor=(1e-2, 1e-3))
def density_variance_floored(z, mu, log_var, *, floor):
    variance = torch.exp(log_var).clamp_min(floor)
    return -0.5 * (math.log(2 * math.pi) + torch.log(variance) + (z - mu) ** 2 / variance).sum(-1)


@mistake(sentences.SMALL_NUMBER, small=(1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7))
def density_small_number_in_the_logarithm(z, mu, log_var, *, small):
    logarithm = torch.log(torch.exp(log_var) + small)
    return -0.5 * (math.log(2 * math.pi) + logarithm + (z - mu) ** 2 * torch.exp(-log_var)).sum(-1)


@mistake(sentences.LOG_OF_DENSITY)
def log_of_density(z, mu, log_var):
    scale = torch.exp(log_var / 2)
    density = torch.exp(-0.5 * ((z - mu) / scale) ** 2) / (scale * math.sqrt(2 * math.pi))
    return torch.log(density.prod(-1))


@mistake("The variance is used where a normal distribution takes its standard deviation.")
def normal_with_variance(z, mu, log_var):
    return torch.distributions.Normal(mu, torch.exp(log_var)).log_prob(z).sum(-1)
