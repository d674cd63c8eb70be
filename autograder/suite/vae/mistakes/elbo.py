"""What is got wrong in elbo; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

TARGET = "VAE.elbo"


shared_encoder, shared_decoder = Encoder(3), Decoder(3)


@mistake("The batch is averaged into one number. `elbo` keeps one bound for every image; the loss averages.")
def elbo_averaged_over_batch(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return bound.mean()


# The closed-form divergence to N(0, I) is kept with another prior (Normalizing_Flows issue 1).
@mistake(
    "The divergence to N(0, I) is used although the model has a prior of its own: the bound does not change "
    "with the prior."
)
def elbo_closed_form_kept(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    bound = bernoulli_log_prob(x, self.decoder(z)) - kl_standard_normal(mu, log_var)
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake(sentences.TERM_DETACHED, kind="gradient")
def elbo_code_detached(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z.detach()))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("The decoder sees the mean of q(z|x) instead of a sample: eps is not used.")
def elbo_decodes_mean(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, 0 * eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake(sentences.UNSTEADY, also_said=["comes in through eps"])
def elbo_draws_noise(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, torch.randn_like(eps))
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("The divergence is added. The bound is the reconstruction term with the divergence taken off.")
def elbo_kl_added(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction + kl
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("Every image gets the average divergence of the batch instead of its own.")
def elbo_kl_averaged_over_batch(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl.mean()
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("The divergence is missing: this is the reconstruction term alone.")
def elbo_kl_forgotten(self, x, eps):
    mu, log_var = self.encoder(x)
    bound = bernoulli_log_prob(x, self.decoder(reparameterize(mu, log_var, eps)))
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("The divergence is averaged over the latent dimensions before it is taken off, so it counts too little.")
def elbo_kl_weighted(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl / self.latent_dim
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake(sentences.MODE_CHANGED, kind="care")
def elbo_leaves_training_mode(self, *args, **kwargs):
    result = true(self, *args, **kwargs)
    self.decoder.train()
    return result


@mistake(
    "This is the logarithm of the mean of exponentials over the K samples, the importance weighted bound. The "
    "ELBO averages the bounds themselves."
)
def elbo_log_mean_exp(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return torch.logsumexp(bound, 0) - math.log(len(eps)) if eps.dim() == 3 else bound


@mistake("The divergence is estimated from the sample although the prior is N(0, I), where it is known in closed form.")
def elbo_monte_carlo(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = gaussian_log_prob(z, mu, log_var) - gaussian_log_prob(z, 0 * mu, 0 * log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("This is the negative bound, a loss. `elbo` returns the bound itself; the sign changes in the loss.")
def elbo_negative(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = kl - reconstruction
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake(sentences.IN_PLACE, kind="gradient")  # the scale is detached, as in-place operations ask for
def elbo_noise_in_place(self, x, eps):
    mu, log_var = self.encoder(x)
    z = eps.mul_(torch.exp(log_var.detach() / 2)) + mu
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake(sentences.LOG_OF_DENSITY)
def elbo_of_probabilities(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    likelihood = torch.exp(bernoulli_log_prob(x, self.decoder(z)))
    if self.prior is None:
        bound = torch.log(likelihood) - kl_standard_normal(mu, log_var)
    else:
        bound = torch.log(likelihood) + self.prior.log_prob(z) - gaussian_log_prob(z, mu, log_var)
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("The term log q(z|x) is missing where the model has a prior of its own.")
def elbo_posterior_missing(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    kl = kl_standard_normal(mu, log_var) if self.prior is None else -self.prior.log_prob(z)
    bound = bernoulli_log_prob(x, self.decoder(z)) - kl
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake(sentences.PRINTED, kind="care")
def elbo_prints(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    print(kl.mean())
    bound = reconstruction - kl
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("The axis of the K samples is still there. Average over it.")
def elbo_samples_not_averaged(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return bound


@mistake("The logits pass through the sigmoid before log p(x|z), which takes logits and applies it itself.")
def elbo_sigmoid_before_log_prob(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, torch.sigmoid(self.decoder(z)))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake("The K samples are summed. The bound is an expectation: how does one estimate that from K samples?")
def elbo_summed_over_samples(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return bound.sum(0) if eps.dim() == 3 else bound


def terms(self, x, eps):
    """Return the reconstruction term, log p(z), log q(z|x) and the divergence, in this order."""
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    prior = self.prior.log_prob(z) if self.prior is not None else None
    return (
        bernoulli_log_prob(x, self.decoder(z)),
        prior,
        gaussian_log_prob(z, mu, log_var),
        kl_standard_normal(mu, log_var) if self.prior is None else gaussian_log_prob(z, mu, log_var) - prior,
    )


def over_samples(bound, eps):
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake(
    "The reconstruction term is averaged over the pixels while the divergence is summed: they no longer share a scale."
)
def elbo_reconstruction_averaged(self, x, eps):
    reconstruction, _, _, divergence = terms(self, x, eps)
    return over_samples(reconstruction / x[0].numel() - divergence, eps)


@mistake("The batch is summed into one number. `elbo` keeps one bound for every image.")
def elbo_summed_over_batch(self, x, eps):
    return true(self, x, eps).sum()


@mistake("The term log p(z) is missing where the model has a prior of its own.")
def elbo_prior_missing(self, x, eps):
    reconstruction, _, posterior, divergence = terms(self, x, eps)
    return over_samples(reconstruction - (divergence if self.prior is None else posterior), eps)


@mistake("Only the first of the K samples is used.")
def elbo_of_first_sample(self, x, eps):
    return true(self, x, eps[0] if eps.dim() == 3 else eps)


@mistake(sentences.MODE_CHANGED, kind="care")
def elbo_switches_to_evaluation(self, x, eps):
    self.eval()
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, self.decoder(z))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return bound.mean(0) if eps.dim() == 3 else bound


@mistake(
    "The divergence to N(0, I) is used although the model has a prior of its own: the bound does not change "
    "with the prior.",
    target="VAE.__init__",
)
def vae_drops_prior(self, latent_dim, prior=None):
    nn.Module.__init__(self)
    self.encoder, self.decoder = Encoder(latent_dim), Decoder(latent_dim)
    self.prior, self.latent_dim = None, latent_dim


# The bound uses the encoder of construction instead of looking it up when called.
@mistake(target="VAE", also=["negative_elbo"])
class vae_remembers_encoder(VAE):
    def __init__(self, latent_dim, prior=None):
        super().__init__(latent_dim, prior)
        self.encode = self.encoder.forward

    def elbo(self, x, eps):
        mu, log_var = self.encode(x)
        z = reparameterize(mu, log_var, eps)
        reconstruction = bernoulli_log_prob(x, self.decoder(z))
        if self.prior is None:
            kl = kl_standard_normal(mu, log_var)
        else:
            kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
        bound = reconstruction - kl
        return bound.mean(0) if eps.dim() == 3 else bound


@mistake("Make a new Encoder in the constructor.", target="VAE.__init__")
def vae_shares_networks(self, latent_dim, prior=None):
    nn.Module.__init__(self)
    self.encoder, self.decoder = shared_encoder, shared_decoder
    self.prior, self.latent_dim = prior, latent_dim
