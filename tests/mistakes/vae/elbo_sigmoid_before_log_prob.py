"""The sigmoid is applied to the logits before bernoulli_log_prob, which takes logits."""

FAILS = {"elbo"}
HINT = "applies it itself"


def elbo(self, x, eps):
    mu, log_var = self.encoder(x)
    z = reparameterize(mu, log_var, eps)
    reconstruction = bernoulli_log_prob(x, torch.sigmoid(self.decoder(z)))
    if self.prior is None:
        kl = kl_standard_normal(mu, log_var)
    else:
        kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)
    bound = reconstruction - kl
    return bound.mean(0) if eps.dim() == 3 else bound


VAE.elbo = elbo
