"""What is got wrong in reparameterize; see autograder/judging/known.py for the form."""

from autograder.judging.mistakes import SAID, SMALL_NUMBER


@mistake(
    "The answer equals mu whatever eps is. A sample of q(z|x) needs its noise.", also_said=["has the shape of eps"]
)
def eps_ignored(mu, log_var, eps):
    return mu


@mistake(SAID["in_place"])
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


@mistake(SAID["unsteady"], also_said=["in its arguments"])
def noise_redrawn(mu, log_var, eps):
    return mu + torch.exp(log_var / 2) * torch.randn_like(eps)


@mistake("All images use the noise of the first one. Every image of the batch has its own row of eps.")
def noise_shared_over_batch(mu, log_var, eps):
    return mu + torch.exp(log_var / 2) * eps[..., :1, :]


@mistake(SAID["printed"])
def reparameterize_prints(mu, log_var, eps):
    print(mu.shape, log_var.shape, eps.shape)
    return mu + torch.exp(log_var / 2) * eps


# The sample is detached, as by Normal.sample instead of rsample (pytorch issue 7705).
@mistake(SAID["detached"])
def sample_detached(mu, log_var, eps):
    return (mu + torch.exp(log_var / 2) * eps).detach()


@mistake(SAID["detached"])
def scale_detached(mu, log_var, eps):
    return mu + torch.exp(log_var.data / 2) * eps


@mistake(SMALL_NUMBER)
def scale_small_number(mu, log_var, eps):
    return mu + torch.sqrt(torch.exp(log_var) + 1e-4) * eps


# The variance is used as the standard deviation (keras issue 3283, ibp_vae issue 3).
@mistake(
    "The noise is scaled by the variance. The encoder gives the logarithm of the variance: how does one get "
    "from there to the standard deviation?"
)
def variance_as_std(mu, log_var, eps):
    return mu + torch.exp(log_var) * eps
