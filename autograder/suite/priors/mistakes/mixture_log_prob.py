"""What is got wrong in mixture_log_prob; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

TARGET = "MixturePrior.log_prob"


@mistake("The variance is used where a normal distribution takes its standard deviation.")
def component_variance_as_std(self, z):
    log_normal = torch.distributions.Normal(self.loc, torch.exp(self.log_var)).log_prob(z.unsqueeze(-2)).sum(-1)
    return torch.logsumexp(torch.log_softmax(self.logits, -1) + log_normal, -1)


@mistake(sentences.COMPONENTS_EQUAL, target="MixturePrior.__init__")
def components_equal(self, num_components, latent_dim):
    nn.Module.__init__(self)
    self.logits = nn.Parameter(torch.zeros(num_components))
    self.loc = nn.Parameter(torch.zeros(num_components, latent_dim))
    self.log_var = nn.Parameter(torch.zeros(num_components, latent_dim))


@mistake("The dimensions are averaged. The logarithm of a product of densities is a sum.")
def dimensions_averaged(self, z):
    log_normal = gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var) / z.shape[-1]
    return torch.logsumexp(torch.log_softmax(self.logits, -1) + log_normal, -1)


# Densities are added before the logarithm is taken, and round to zero far away.
@mistake(message="round to zero")
def exponentials_summed(self, z):
    density = torch.exp(gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var))
    return torch.log((torch.softmax(self.logits, -1) * density).sum(-1).clamp_min(1e-300))


@mistake("The log-densities are averaged. A mixture is a weighted sum of densities: the logarithm comes last.")
def logarithms_averaged(self, z):
    return gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var) @ torch.softmax(self.logits, -1)


@mistake("The constant of all D dimensions is added in every dimension and then summed again.")
def mixture_constant_per_element(self, z):
    constant = z.shape[-1] * math.log(2 * math.pi)
    log_normal = -0.5 * (constant + self.log_var + (z.unsqueeze(-2) - self.loc) ** 2 * torch.exp(-self.log_var)).sum(-1)
    return torch.logsumexp(torch.log_softmax(self.logits, -1) + log_normal, -1)


@mistake(
    "The constant with log 2π is missing: the density does not integrate to one.",
    keeps={"mixture_log_prob": (0.3, 0.7)},
)
def mixture_constants_dropped(self, z):
    log_normal = -0.5 * (self.log_var + (z.unsqueeze(-2) - self.loc) ** 2 * torch.exp(-self.log_var)).sum(-1)
    return torch.logsumexp(torch.log_softmax(self.logits, -1) + log_normal, -1)


@mistake(sentences.OTHER_DTYPE)
def mixture_in_float32(self, z):
    log_normal = gaussian_log_prob(z.float().unsqueeze(-2), self.loc.float(), self.log_var.float())
    return torch.logsumexp(torch.log_softmax(self.logits.float(), -1) + log_normal, -1)


@mistake(sentences.OTHER_DTYPE, kind="care")
def mixture_in_float64(self, z):
    log_normal = gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var)
    return torch.logsumexp(torch.log_softmax(self.logits, -1) + log_normal, -1).double()


# The axis of the components is put at place 1, which is the batch of K samples.
@mistake(message="raised RuntimeError")
def mixture_one_batch_axis(self, z):
    log_normal = gaussian_log_prob(z.unsqueeze(1), self.loc, self.log_var)
    return torch.logsumexp(torch.log_softmax(self.logits, -1) + log_normal, 1 if z.dim() == 2 else -1)


@mistake(sentences.PRINTED, kind="care")
def mixture_prints(self, z):
    print(z.shape)
    log_normal = gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var)
    return torch.logsumexp(torch.log_softmax(self.logits, -1) + log_normal, -1)


def of_variance(self, z, variance):
    square = (z[..., None, :] - self.loc) ** 2 / variance
    density = -0.5 * (math.log(2 * math.pi) + torch.log(variance) + square).sum(-1)
    return torch.logsumexp(torch.log_softmax(self.logits, 0) + density, -1)


@mistake(sentences.SMALL_NUMBER, small=(1e-2, 1e-3, 1e-4, 1e-6, 1e-7))
def mixture_small_number(self, z, *, small):
    return of_variance(self, z, torch.exp(self.log_var) + small)


@mistake(sentences.SMALL_NUMBER, small=(1e-2, 1e-3, 1e-4, 1e-5))
def mixture_small_number_in_the_scale(self, z, *, small):
    return of_variance(self, z, (torch.exp(self.log_var / 2) + small) ** 2)


@mistake(sentences.SMALL_NUMBER, floor=(1e-2, 1e-3))
def mixture_variance_floored(self, z, *, floor):
    return of_variance(self, z, torch.exp(self.log_var).clamp_min(floor))


@mistake(sentences.DETACHED, kind="gradient")
def mixture_weights_detached(self, z):
    log_normal = gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var)
    return torch.logsumexp(torch.log_softmax(self.logits.detach(), -1) + log_normal, -1)


@mistake(
    "The components are mixed in every dimension by itself and then summed over the dimensions. A component is "
    "a density of all dimensions at once: which of the two sums comes first?"
)
def product_of_mixtures(self, z):
    log_normal = torch.distributions.Normal(self.loc, torch.exp(self.log_var / 2)).log_prob(z.unsqueeze(-2))
    return torch.logsumexp(torch.log_softmax(self.logits, -1)[:, None] + log_normal, -2).sum(-1)


@mistake(
    "The weights themselves are added to the log-densities. A product becomes a sum of logarithms, of both factors."
)
def softmax_without_logarithm(self, z):
    log_normal = gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var)
    return torch.logsumexp(torch.softmax(self.logits, -1) + log_normal, -1)


@mistake(
    "The codes of the batch are summed where the components should be: over which axis does logsumexp run?",
    also_said=["One value for every code"],
)
def summed_over_codes(self, z):
    log_normal = gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var)
    return torch.logsumexp(torch.log_softmax(self.logits, -1) + log_normal, -2)


@mistake(
    "A small number is added to the weights before the logarithm, so that no weight is ever really small. Is "
    "there a way from logits to log-weights that needs no such help?",
    floor=(1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12),
)
def weights_floored(self, z, *, floor):
    log_normal = gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var)
    return torch.logsumexp(torch.log(torch.softmax(self.logits, -1) + floor) + log_normal, -1)


@mistake("All components have the same weight, whatever the logits are.")
def weights_ignored(self, z):
    log_normal = gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var)
    return torch.logsumexp(log_normal, -1) - math.log(len(self.logits))


@mistake(
    "The weights do not sum to one: logits are any real numbers. Add the same number to all: nothing may change.",
    keeps={"mixture_log_prob": (0.3, 0.7)},
)
def weights_unnormalised(self, z):
    return torch.logsumexp(self.logits + gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var), -1)


def mixed(self, z, log_normal, log_weights=None):
    """Return the logarithm of the weighted sum of the components' densities."""
    log_weights = torch.log_softmax(self.logits, -1) if log_weights is None else log_weights
    return torch.logsumexp(log_weights + log_normal, -1)


def of_components(self, z):
    return gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var)


def squares(self, z):
    return (z.unsqueeze(-2) - self.loc) ** 2 * torch.exp(-self.log_var)


@mistake("The densities of the components are added without weights.")
def weights_missing(self, z):
    return torch.logsumexp(of_components(self, z), -1)


@mistake("Only the component that explains z best counts. All of them add to the density.")
def most_likely_component(self, z):
    return (torch.log_softmax(self.logits, -1) + of_components(self, z)).max(-1).values


@mistake("The standard deviation is used where the variance belongs.")
def component_root_twice(self, z):
    return mixed(self, z, gaussian_log_prob(z.unsqueeze(-2), self.loc, self.log_var / 2))


@mistake("The constant with log 2π enters once. How many dimensions does the density have?")
def mixture_constant_once(self, z):
    return mixed(self, z, -0.5 * (math.log(2 * math.pi) + (self.log_var + squares(self, z)).sum(-1)))


@mistake("In the normalising term log_var stands where the logarithm of the standard deviation belongs.")
def component_log_std(self, z):
    return mixed(self, z, (-0.5 * math.log(2 * math.pi) - self.log_var - 0.5 * squares(self, z)).sum(-1))


@mistake("The widths of the components enter the distance only: a wider component has a lower peak, too.")
def component_normaliser_missing(self, z):
    return mixed(self, z, -0.5 * (math.log(2 * math.pi) + squares(self, z)).sum(-1))


@mistake("There is one value for every component; one for every z is asked.", also_said=["One value for every code"])
def components_kept(self, z):
    return torch.log_softmax(self.logits, -1) + of_components(self, z)


@mistake("The sign is the other way round: this is the negative log-density.")
def mixture_negative(self, z):
    return -true(self, z)


@mistake("This is the density itself; its logarithm is asked.")
def mixture_density_itself(self, z):
    return torch.exp(true(self, z))
