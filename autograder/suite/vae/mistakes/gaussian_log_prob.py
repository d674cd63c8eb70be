"""What is got wrong in gaussian_log_prob; see autograder/judging/known.py for the form."""

from autograder.judging.mistakes import LOG_OF_DENSITY, LOG_OF_DENSITY_FLOORED, SAID, SMALL_NUMBER


@mistake("The constant of all D dimensions is added in every dimension and then summed again.")
def constant_per_element(z, mu, log_var):
    constant = z.shape[-1] * math.log(2 * math.pi)
    return -0.5 * (constant + log_var + (z - mu) ** 2 * torch.exp(-log_var)).sum(-1)


@mistake(
    "The constant with log 2π is missing. It cancels inside some bounds, but a density without it does not "
    "integrate to one."
)
def constants_dropped(z, mu, log_var):
    return -0.5 * (log_var + (z - mu) ** 2 * torch.exp(-log_var)).sum(-1)


@mistake("The dimensions are averaged. The logarithm of a product of densities is a sum.")
def density_averaged(z, mu, log_var):
    return -0.5 * (math.log(2 * math.pi) + log_var + (z - mu) ** 2 * torch.exp(-log_var)).mean(-1)


@mistake(LOG_OF_DENSITY_FLOORED)
def density_floored_logarithm(z, mu, log_var):
    scale = torch.exp(log_var / 2)
    density = torch.exp(-0.5 * ((z - mu) / scale) ** 2) / (scale * math.sqrt(2 * math.pi))
    return torch.log(density + 1e-300).sum(-1)


@mistake("In the normalising term log_var stands where the logarithm of the standard deviation belongs.")
def density_log_std(z, mu, log_var):
    return -(0.5 * math.log(2 * math.pi) + log_var + 0.5 * (z - mu) ** 2 * torch.exp(-log_var)).sum(-1)


@mistake(SAID["printed"])
def density_prints(z, mu, log_var):
    print("z", z.shape)
    return -0.5 * (math.log(2 * math.pi) + log_var + (z - mu) ** 2 * torch.exp(-log_var)).sum(-1)


@mistake(SAID["detached"])
def density_scale_detached(z, mu, log_var):
    precision = torch.exp(-log_var.detach())
    return -0.5 * (math.log(2 * math.pi) + log_var.detach() + (z - mu) ** 2 * precision).sum(-1)


@mistake(SMALL_NUMBER)
def density_small_number(z, mu, log_var):
    variance = torch.exp(log_var) + 1e-6
    return -0.5 * (math.log(2 * math.pi) + torch.log(variance) + (z - mu) ** 2 / variance).sum(-1)


@mistake(LOG_OF_DENSITY)
def log_of_density(z, mu, log_var):
    scale = torch.exp(log_var / 2)
    density = torch.exp(-0.5 * ((z - mu) / scale) ** 2) / (scale * math.sqrt(2 * math.pi))
    return torch.log(density.prod(-1))


@mistake("The variance is used where a normal distribution takes its standard deviation.")
def normal_with_variance(z, mu, log_var):
    return torch.distributions.Normal(mu, torch.exp(log_var)).log_prob(z).sum(-1)
