"""The terms are multiplied as probabilities before the logarithm."""

FAILS = {"elbo"}
HINT = "density is computed first"


def elbo(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    likelihood = torch.exp(bernoulli_log_prob(x, self.decoder(z)))
    if self.prior is None:
        bound = torch.log(likelihood) - kl_standard_normal(mu, log_var)
    else:
        bound = torch.log(likelihood) + self.prior.log_prob(z) - gaussian_log_prob(z, mu, log_var)
    return bound.mean(0) if eps.dim() == 3 else bound


VAE.elbo = elbo
