"""The loss is written out again, without the divergence."""

FAILS = {"negative_elbo"}
HINT = ""


def negative_elbo(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    mu, log_var = self.encoder(x)
    logits = self.decoder(reparameterize(mu, log_var, eps))
    return -getattr(bernoulli_log_prob(x, logits), reduction)()


VAE.forward = negative_elbo
