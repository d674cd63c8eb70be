"""Given: the reference solution of the assignment vae."""

import math

import torch
import torch.nn.functional as F
from torch import nn


def reparameterize(mu: torch.Tensor, log_var: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    """Return samples of N(mu, diag exp(log_var)) made from standard normal noise.

    z = mu + sigma * eps

    Args:
        mu: means of q(z|x), shape (B, D).
        log_var: log variances of q(z|x), shape (B, D).
        eps: standard normal noise, shape (B, D) or (K, B, D).
    Returns:
        Samples z, shape of eps, differentiable in mu and log_var.
    Source: Kingma and Welling (2014), Auto-Encoding Variational Bayes, section 2.4.
    """
    sigma = torch.exp(log_var / 2)  # (B, D)
    return mu + sigma * eps  # (B, D) broadcasts over the leading K of eps


def gaussian_log_prob(z: torch.Tensor, mu: torch.Tensor, log_var: torch.Tensor) -> torch.Tensor:
    """Return the log-density of a Gaussian with a diagonal covariance.

    log N(z; mu, diag exp(log_var)), summed over the D dimensions

    Args:
        z: points, shape (B, D) or (K, B, D).
        mu: means, shape (B, D).
        log_var: log variances, shape (B, D).
    Returns:
        Log-density in nats, shape (B,) or (K, B).
    """
    # Standardise before squaring: the square of a tiny difference would underflow where the variance is tiny, too.
    standardized = (z - mu) * torch.exp(-log_var / 2)  # (B, D) or (K, B, D)
    return -0.5 * (math.log(2 * math.pi) + log_var + standardized**2).sum(-1)


def kl_standard_normal(mu: torch.Tensor, log_var: torch.Tensor) -> torch.Tensor:
    """Return the KL divergence from a diagonal Gaussian to the standard normal, in closed form.

    KL(N(mu, diag exp(log_var)) || N(0, I))

    Args:
        mu: means of q(z|x), shape (B, D).
        log_var: log variances of q(z|x), shape (B, D).
    Returns:
        KL of each image in nats, summed over D, shape (B,).
    Source: Kingma and Welling (2014), Auto-Encoding Variational Bayes, appendix B.
    """
    # expm1 keeps the digits of sigma² - 1 where log_var is near zero.
    return 0.5 * (mu**2 + torch.expm1(log_var) - log_var).sum(-1)


def bernoulli_log_prob(x: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Return the log-probability of binary images under independent Bernoulli pixels.

    log p(x|z) = sum over pixels of log Bernoulli(x; sigmoid(logits))

    Args:
        x: images, values in {0, 1}, shape (B, 1, 28, 28).
        logits: log-odds of each pixel, shape (B, 1, 28, 28) or (K, B, 1, 28, 28).
    Returns:
        Log-probability in nats, summed over the last three axes, shape (B,) or (K, B).
    Source: Kingma and Welling (2014), Auto-Encoding Variational Bayes, appendix C.1.
    """
    # ln s(l) = l - softplus(l) and ln(1 - s(l)) = -softplus(l); softplus is linear for large l and never overflows.
    return (x * logits - F.softplus(logits)).sum((-3, -2, -1))  # x broadcasts over the leading K of logits


def bernoulli_sample(logits: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
    """Return a draw of independent Bernoulli pixels.

    Args:
        logits: log-odds of each pixel, any shape.
        generator: source of randomness on the device of logits; torch's global one where None.
    Returns:
        Values in {0, 1}, shape, dtype and device of logits, without gradient.
    """
    with torch.no_grad():
        return torch.bernoulli(torch.sigmoid(logits), generator=generator)


class Encoder(nn.Module):
    """The network of q(z|x) = N(mu(x), diag exp(log_var(x)))."""

    def __init__(self, latent_dim: int):
        """Make the layers.

        Args:
            latent_dim: D >= 1, dimensions of the code z.
        """
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=4, stride=2, padding=1),  # (B, 16, 14, 14)
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=4, stride=2, padding=1),  # (B, 32, 7, 7)
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, 200),
            nn.ReLU(),
            nn.Linear(200, 2 * latent_dim),  # no activation: mu and log_var are any real numbers
        )

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the parameters of q(z|x).

        Args:
            x: images, values in {0, 1}, shape (B, 1, 28, 28).
        Returns:
            mu and log_var, each of shape (B, D).
        """
        mu, log_var = self.layers(x).chunk(2, dim=-1)
        return mu, log_var


class Decoder(nn.Module):
    """The network of p(x|z): independent Bernoulli pixels with these logits."""

    def __init__(self, latent_dim: int):
        """Make the layers.

        Args:
            latent_dim: D >= 1, dimensions of the code z.
        """
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, 200),
            nn.ReLU(),
            nn.Linear(200, 32 * 7 * 7),
            nn.ReLU(),
            nn.Unflatten(-1, (32, 7, 7)),
            nn.ConvTranspose2d(32, 16, kernel_size=4, stride=2, padding=1),  # (B, 16, 14, 14)
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, kernel_size=4, stride=2, padding=1),  # (B, 1, 28, 28), no sigmoid: logits
        )

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return the logits of p(x|z).

        Args:
            z: codes, shape (B, D) or (K, B, D).
        Returns:
            Log-odds of each pixel, shape (B, 1, 28, 28) or (K, B, 1, 28, 28).
        """
        rows = z.flatten(0, -2)  # (K * B, D): convolutions know one batch axis
        return self.layers(rows).unflatten(0, z.shape[:-1])


class VAE(nn.Module):
    """A variational autoencoder with Bernoulli pixels: encoder q(z|x), decoder p(x|z), prior p(z)."""

    def __init__(self, latent_dim: int, prior: nn.Module | None = None):
        """Make the networks.

        Args:
            latent_dim: D >= 1, dimensions of the code z.
            prior: module with log_prob(z) and sample(n, generator=None); N(0, I) where None.
        """
        super().__init__()
        self.encoder = Encoder(latent_dim=latent_dim)
        self.decoder = Decoder(latent_dim=latent_dim)
        self.prior = prior
        self.latent_dim = latent_dim

    def elbo(self, x: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
        """Return the evidence lower bound of each image.

        ELBO = E_q[log p(x|z)] - KL(q(z|x) || p(z)), the expectation averaged over the K samples

        Args:
            x: images, values in {0, 1}, shape (B, 1, 28, 28).
            eps: standard normal noise, shape (B, D) or (K, B, D).
        Returns:
            Bound in nats, shape (B,). The KL is exact for the prior N(0, I), else estimated with the same samples.
        Source: Kingma and Welling (2014), Auto-Encoding Variational Bayes, equations 3 and 7.
        """
        mu, log_var = self.encoder(x)
        z = reparameterize(mu, log_var, eps)  # shape of eps
        reconstruction = bernoulli_log_prob(x, self.decoder(z))  # (B,) or (K, B)
        if self.prior is None:
            kl = kl_standard_normal(mu, log_var)  # (B,), broadcasts over K
        else:
            kl = gaussian_log_prob(z, mu, log_var) - self.prior.log_prob(z)  # (B,) or (K, B)
        bound = reconstruction - kl
        return bound.mean(0) if eps.dim() == 3 else bound


def negative_elbo(self: VAE, x: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    """Return the loss of a batch: the negative ELBO with one fresh noise per image.

    Args:
        self: the model.
        x: images, values in {0, 1}, shape (B, 1, 28, 28).
        reduction: "mean" or "sum" over the batch.
    Returns:
        Scalar in nats: per image for "mean", of the batch for "sum".
    Raises:
        ValueError: when reduction is neither "mean" nor "sum".
    """
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction must be 'mean' or 'sum', got {reduction!r}")
    noise = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    bound = self.elbo(x, noise)  # (B,)
    return -bound.mean() if reduction == "mean" else -bound.sum()


VAE.forward = negative_elbo  # vae(x) is the loss


def sample(self: VAE, n: int, generator: torch.Generator | None = None) -> torch.Tensor:
    """Return new images: prior, decoder, Bernoulli pixels.

    Args:
        self: the model.
        n: number of images, n >= 1.
        generator: source of codes and pixels on the device of the model; torch's global one where None.
    Returns:
        Images, values in {0, 1}, shape (n, 1, 28, 28), without gradient.
    """
    with torch.no_grad():
        if self.prior is None:
            parameter = next(self.parameters())  # says which dtype and device
            shape = (n, self.latent_dim)
            z = torch.randn(shape, generator=generator, dtype=parameter.dtype, device=parameter.device)
        else:
            z = self.prior.sample(n, generator=generator)
        return bernoulli_sample(self.decoder(z), generator=generator)


VAE.sample = sample  # vae.sample(n)


def train_step(model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor) -> float:
    """Make one step of the optimizer on a batch.

    Args:
        model: module for which model(x) is a scalar loss; left in training mode.
        optimizer: optimizer of the model's parameters.
        x: images, values in {0, 1}, shape (B, 1, 28, 28).
    Returns:
        The loss before the step.
    """
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss.item()


def reconstruct(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return what the model makes of the mean code of each image.

    Args:
        model: module with encoder(x) and decoder(z).
        x: images, values in {0, 1}, shape (B, 1, 28, 28).
    Returns:
        Bernoulli means, values in [0, 1], shape (B, 1, 28, 28), without gradient.
    """
    with torch.no_grad():
        mu, _ = model.encoder(x)
        return torch.sigmoid(model.decoder(mu))
