"""Given: the reference solution of the assignment iwae."""

import math
from types import SimpleNamespace

import torch
from torch import nn
from vae import bernoulli_log_prob, gaussian_log_prob, kl_standard_normal, reparameterize


def log_weights(model: nn.Module, x: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    """Return the log importance weights of K samples of q(z|x) for each image.

    log w_k = log p(x|z_k) + log p(z_k) - log q(z_k|x), z_k = mu + sigma * eps_k

    Args:
        model: module with encoder(x), decoder(z) and prior; N(0, I) where the prior is None.
        x: images, values in {0, 1}, shape (B, 1, 28, 28).
        eps: standard normal noise, shape (K, B, D).
    Returns:
        Log weights in nats, shape (K, B), differentiable in encoder, decoder and prior.
    Source: Burda, Grosse and Salakhutdinov (2016), Importance Weighted Autoencoders, section 3.
    """
    mu, log_var = model.encoder(x)  # (B, D): once per image, not once per sample
    z = reparameterize(mu, log_var, eps)  # (K, B, D)
    zeros = torch.zeros_like(z)
    log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)  # (K, B)
    return bernoulli_log_prob(x, model.decoder(z)) + log_prior - gaussian_log_prob(z, mu, log_var)


def iwae_bound(log_w: torch.Tensor) -> torch.Tensor:
    """Return the importance weighted bound of each image.

    L_K = log(1/K sum over k of w_k)

    Args:
        log_w: log weights, shape (K, B).
    Returns:
        Bound in nats, shape (B,), differentiable in log_w.
    Source: Burda, Grosse and Salakhutdinov (2016), Importance Weighted Autoencoders, equation 8.
    """
    # logsumexp takes the largest weight out before it exponentiates: exp(-1000) alone would be zero.
    return torch.logsumexp(log_w, dim=0) - math.log(len(log_w))


def normalized_weights(log_w: torch.Tensor) -> torch.Tensor:
    """Return each sample's share of the sum of an image's weights.

    w_k / sum over j of w_j

    Args:
        log_w: log weights, shape (K, B).
    Returns:
        Weights that sum to one over K, shape (K, B), differentiable in log_w.
    """
    return torch.softmax(log_w, dim=0)


def iwae_loss(log_w: torch.Tensor, form: str) -> torch.Tensor:
    """Return a loss whose gradient is that of the negative bound, averaged over the batch.

    Args:
        log_w: log weights, shape (K, B).
        form: "fast", the negative bound itself; "normalized", the negative log weights averaged with constant weights
            exp(log_w - logsumexp); "original", the same with constant weights exp(log_w - max), divided by their sum.
    Returns:
        Scalar in nats per image. Only the value of "fast" is the negative bound; the gradients are all the same.
    Raises:
        ValueError: when form is none of the three.
    Source: Burda, Grosse and Salakhutdinov (2016), Importance Weighted Autoencoders, section 3.
    """
    if form == "fast":
        return -iwae_bound(log_w).mean()
    constant = log_w.detach()  # the gradient of the bound differentiates log w and not the weights in front of it
    if form == "normalized":
        weights = torch.exp(constant - torch.logsumexp(constant, dim=0))  # (K, B)
    elif form == "original":
        scaled = torch.exp(constant - constant.amax(0))  # the largest is exactly 1: nothing overflows, the sum is >= 1
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(f"form must be 'fast', 'normalized' or 'original', got {form!r}")
    return -(weights * log_w).sum(0).mean()


def log_likelihood(
    model: nn.Module, x: torch.Tensor, num_samples: int, chunk_size: int, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Return the bound of each image with many samples, an estimate of log p(x) from below.

    Memory does not grow with num_samples: at most chunk_size samples per image are decoded at a time.

    Args:
        model: module with encoder(x), decoder(z), prior and latent_dim.
        x: images, values in {0, 1}, shape (B, 1, 28, 28).
        num_samples: K >= 1, samples per image.
        chunk_size: >= 1, samples per image decoded at a time; need not divide num_samples, and may be larger.
        generator: source of the noise on the device of x; torch's global one where None.
    Returns:
        Bound with num_samples samples in nats, shape (B,), dtype of x, without gradient.
    """
    with torch.no_grad():
        posterior = model.encoder(x)  # once per image: the codes of all chunks come from the same mu and log_var
        encoded = SimpleNamespace(encoder=lambda _: posterior, decoder=model.decoder, prior=model.prior)
        total = torch.full((len(x),), -math.inf, dtype=torch.float64, device=x.device)  # log of the sum of the weights
        for start in range(0, num_samples, chunk_size):
            shape = (min(chunk_size, num_samples - start), len(x), model.latent_dim)
            eps = torch.randn(shape, generator=generator, dtype=x.dtype, device=x.device)
            chunk = torch.logsumexp(log_weights(encoded, x, eps).double(), dim=0)  # (B,)
            total = torch.logaddexp(total, chunk)
        return (total - math.log(num_samples)).to(x.dtype)


def active_units(model: nn.Module, x: torch.Tensor, rule: str, threshold: float = 0.01) -> tuple[int, torch.Tensor]:
    """Return how many latent dimensions carry something about the images, and the statistic that was compared.

    Args:
        model: module with encoder(x).
        x: images, values in {0, 1}, shape (B, 1, 28, 28).
        rule: "kl", mean over the images of the KL divergence of a dimension from N(0, 1); "variance", variance over the
            images of the posterior mean.
        threshold: a dimension is active where its statistic is greater.
    Returns:
        Number of active dimensions, and the statistic of each, shape (D,).
    Raises:
        ValueError: when rule is neither "kl" nor "variance".
    Source: Burda, Grosse and Salakhutdinov (2016), Importance Weighted Autoencoders, section 5.2 (rule "variance").
    """
    if rule not in ("kl", "variance"):
        raise ValueError(f"rule must be 'kl' or 'variance', got {rule!r}")
    with torch.no_grad():
        mu, log_var = model.encoder(x)  # (B, D)
        if rule == "kl":
            # kl_standard_normal sums over the last axis: give it one dimension at a time.
            statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
        else:
            statistic = mu.var(0, correction=0)
    return int((statistic > threshold).sum()), statistic


def gradient_snr(
    model: nn.Module, x: torch.Tensor, num_samples: int, runs: int, generator: torch.Generator | None = None
) -> tuple[float, float]:
    """Return how noisy the gradient of the encoder's first layer is when the noise is drawn again and again.

    The gradient is that of -mean over B of the bound, for the encoder's first parameter of two or more axes. Entries
    whose variance over the runs is zero are left out.

    Args:
        model: module with encoder(x), decoder(z), prior and latent_dim; left as it is.
        x: images, values in {0, 1}, shape (B, 1, 28, 28), the same in each run.
        num_samples: K >= 1, samples per image.
        runs: gradients to compare, at least 2, each with new noise.
        generator: source of the noise on the device of x; torch's global one where None.
    Returns:
        Mean over the entries of the variance over runs, and of abs(mean over runs) / standard deviation over runs.
    Source: Rainforth et al. (2018), Tighter Variational Bounds are Not Necessarily Better, section 3.
    """
    weight = next(parameter for parameter in model.encoder.parameters() if parameter.dim() >= 2)
    gradients = []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype, device=x.device)
        loss = -iwae_bound(log_weights(model, x, eps)).mean()
        (gradient,) = torch.autograd.grad(loss, weight)  # returned, not added to .grad: the model stays as it is
        gradients.append(gradient)
    gradients = torch.stack(gradients).double()  # (runs, *weight.shape)
    first = gradients[0]
    shifted = gradients - first  # exactly zero where the gradient is the same in all runs
    variance, mean = shifted.var(0), first + shifted.mean(0)
    noisy = variance > 0  # a pixel that is 0 in all images has gradient zero, and no signal-to-noise ratio
    return variance[noisy].mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()


def latent_traversal(model: nn.Module, x: torch.Tensor, dims: list[int], values: list[float]) -> torch.Tensor:
    """Return what the decoder makes of an image's mean code when one coordinate at a time is replaced.

    Args:
        model: module with encoder(x) and decoder(z).
        x: one image, values in {0, 1}, shape (1, 1, 28, 28).
        dims: coordinates to replace, one a row of the result.
        values: what each is replaced by, one a column.
    Returns:
        Bernoulli means, shape (len(dims), len(values), 1, 28, 28), without gradient.
    """
    with torch.no_grad():
        mu, _ = model.encoder(x)  # (1, D)
        z = mu.repeat(len(dims), len(values), 1)  # (rows, columns, D), a copy: mu itself stays as it is
        for row, dim in enumerate(dims):
            z[row, :, dim] = torch.as_tensor(values, dtype=z.dtype, device=z.device)
        return torch.sigmoid(model.decoder(z))
