"""What is got wrong in reparameterize; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


@mistake(
    "The answer equals mu whatever eps is. A sample of q(z|x) needs its noise.", also_said=["has the shape of eps"]
)
def eps_ignored(mu, log_var, eps):
    return mu


@mistake(sentences.IN_PLACE, kind="care")
def eps_scaled_in_place(mu, log_var, eps):
    return eps.mul_(torch.exp(log_var / 2)).add_(mu)


# The exponential is taken twice: a standard deviation is passed where its logarithm is expected (IBMEA issue 2).
@mistake(
    "It looks as if the exponential were taken twice. Follow one number from log_var to the standard deviation by hand."
)
def exponential_twice(mu, log_var, eps):
    return mu + torch.exp(torch.exp(log_var / 2)) * eps


@mistake("Does every path through the function end in `return`?", also=["elbo"])
def first_sample_only(mu, log_var, eps):
    if eps.dim() == 2:
        return mu + torch.exp(log_var / 2) * eps


@mistake("The noise is scaled by log_var itself, which may be negative. Which function turns a logarithm back?")
def log_var_as_std(mu, log_var, eps):
    return mu + log_var * eps


@mistake(sentences.UNSTEADY, also_said=["in its arguments"])
def noise_redrawn(mu, log_var, eps):
    return mu + torch.exp(log_var / 2) * torch.randn_like(eps)


@mistake("All images use the noise of the first one. Every image of the batch has its own row of eps.")
def noise_shared_over_batch(mu, log_var, eps):
    return mu + torch.exp(log_var / 2) * eps[..., :1, :]


@mistake(sentences.PRINTED, kind="care")
def reparameterize_prints(mu, log_var, eps):
    print(mu.shape, log_var.shape, eps.shape)
    return mu + torch.exp(log_var / 2) * eps


# The sample is detached, as by Normal.sample instead of rsample (pytorch issue 7705).
@mistake(sentences.DETACHED, kind="gradient")
def sample_detached(mu, log_var, eps):
    return (mu + torch.exp(log_var / 2) * eps).detach()


@mistake(sentences.DETACHED, kind="gradient")
def scale_detached(mu, log_var, eps):
    return mu + torch.exp(log_var.data / 2) * eps


@mistake(sentences.SMALL_NUMBER, small=(1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7))
def small_number_in_the_variance(mu, log_var, eps, *, small):
    return mu + torch.sqrt(torch.exp(log_var) + small) * eps


@mistake(sentences.SMALL_NUMBER, small=(1e-2, 1e-3, 1e-4, 1e-5))
def small_number_in_the_scale(mu, log_var, eps, *, small):
    return mu + (torch.exp(log_var / 2) + small) * eps


@mistake(sentences.SMALL_NUMBER, floor=(1e-2, 1e-3))
def variance_floored(mu, log_var, eps, *, floor):
    return mu + torch.exp(log_var).clamp_min(floor).sqrt() * eps


@mistake("The noise is scaled by the logarithm of the standard deviation. Which function turns a logarithm back?")
def log_std_as_std(mu, log_var, eps):
    return mu + log_var / 2 * eps


@mistake(
    "The noise is scaled too little where log_var is positive and too much where it is negative: is the root taken twice?"
)
def root_twice(mu, log_var, eps):
    return mu + torch.exp(log_var / 4) * eps


@mistake("The noise is scaled by one over the standard deviation. Look at the sign inside the exponential.")
def precision_as_std(mu, log_var, eps):
    return mu + torch.exp(-log_var / 2) * eps


@mistake("The answer does not depend on mu: the noise is scaled, but not shifted.")
def mu_ignored(mu, log_var, eps):
    return torch.exp(log_var / 2) * eps


@mistake("All K samples use the noise of the first one. The first axis of eps counts the samples.")
def noise_shared_over_samples(mu, log_var, eps):
    first = eps[:1] if eps.dim() == 3 else eps
    return (mu + torch.exp(log_var / 2) * first).expand(eps.shape)


@mistake(
    "The noise is subtracted. In distribution this is the same, but with the eps you are given the point is another one."
)
def noise_subtracted(mu, log_var, eps):
    return mu - torch.exp(log_var / 2) * eps


# The variance is used as the standard deviation (keras issue 3283, ibp_vae issue 3).
@mistake(
    "The noise is scaled by the variance. The encoder gives the logarithm of the variance: how does one get "
    "from there to the standard deviation?"
)
def variance_as_std(mu, log_var, eps):
    return mu + torch.exp(log_var) * eps
