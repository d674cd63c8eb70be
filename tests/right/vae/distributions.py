"""A right solution on torch.distributions throughout, with branches where the reference broadcasts."""

import torch
from torch import nn
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

LOSES = set()


def posterior(mu, log_var):
    return Independent(Normal(mu, log_var.mul(0.5).exp()), 1)


def reparameterize(mu, log_var, eps):
    return (
        torch.stack([reparameterize(mu, log_var, e) for e in eps])
        if eps.dim() > mu.dim()
        else mu + log_var.exp().sqrt() * eps
    )


def gaussian_log_prob(z, mu, log_var):
    return posterior(mu, log_var).log_prob(z)


def kl_standard_normal(mu, log_var):
    return kl_divergence(posterior(mu, log_var), posterior(torch.zeros_like(mu), torch.zeros_like(log_var)))


def bernoulli_log_prob(x, logits):
    return Independent(Bernoulli(logits=logits), 3).log_prob(x.expand(logits.shape))


def bernoulli_sample(logits, generator=None):
    return torch.bernoulli(torch.sigmoid(logits.detach()), generator=generator)


class Encoder(nn.Module):
    """Two separate heads on top of shared convolutions."""

    def __init__(self, latent_dim, width=8):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 3, stride=2, padding=1),
            nn.ELU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1),
            nn.ELU(),
            nn.Flatten(),
        )
        self.mean = nn.Linear(width * 49, latent_dim)
        self.log_variance = nn.Linear(width * 49, latent_dim)

    def forward(self, x, detail=False):
        h = self.features(x)
        return (self.mean(h), self.log_variance(h), h) if detail else (self.mean(h), self.log_variance(h))


class Decoder(nn.Module):
    def __init__(self, latent_dim, width=8):
        super().__init__()
        self.width = width
        self.first = nn.Linear(latent_dim, width * 49)
        self.second = nn.ConvTranspose2d(width, width, 4, stride=2, padding=1)
        self.third = nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1)

    def forward(self, z):
        if z.dim() == 3:
            return torch.stack([self(codes) for codes in z])
        h = nn.functional.elu(self.first(z)).view(len(z), self.width, 7, 7)
        return self.third(nn.functional.elu(self.second(h)))


class VAE(nn.Module):
    def __init__(self, latent_dim, prior=None, **options):
        super().__init__()
        self.latent_dim = latent_dim
        self.prior = prior
        self.encoder = Encoder(latent_dim, **options)
        self.decoder = Decoder(latent_dim, **options)

    def elbo(self, x, eps):
        if eps.dim() == 3:
            return sum(self.elbo(x, e) for e in eps) / len(eps)
        q = posterior(*self.encoder(x))
        z = q.mean + q.stddev * eps
        log_likelihood = Independent(Bernoulli(logits=self.decoder(z)), 3).log_prob(x)
        if self.prior is not None:
            return log_likelihood + self.prior.log_prob(z) - q.log_prob(z)
        return log_likelihood - kl_divergence(q, posterior(torch.zeros_like(z), torch.zeros_like(z)))

    def forward(self, x, reduction="mean"):
        reduce = {"mean": torch.mean, "sum": torch.sum}.get(reduction)
        if reduce is None:
            raise ValueError("reduction: mean or sum")
        return reduce(-self.elbo(x, Normal(0.0, 1.0).sample((x.shape[0], self.latent_dim)).to(x)))

    def sample(self, n, generator=None):
        with torch.no_grad():
            like = next(self.decoder.parameters())
            if self.prior is None:
                z = torch.empty(n, self.latent_dim, dtype=like.dtype, device=like.device).normal_(generator=generator)
            else:
                z = self.prior.sample(n, generator=generator)
            return bernoulli_sample(self.decoder(z), generator)


def train_step(model, optimizer, x):
    model.train()
    loss = model(x)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def reconstruct(model, x):
    with torch.inference_mode():
        probabilities = Bernoulli(logits=model.decoder(model.encoder(x)[0])).mean
    return probabilities.clone()
