"""A right solution that decodes flat rows, streams with the largest log weight so far, and takes all runs of a gradient
from one Jacobian."""

import math

import torch
import torch.nn.functional as F
from vae import gaussian_log_prob, reparameterize

LOSES = set()


def log_weights(model, x, eps):
    samples, batch, _ = eps.shape
    mu, log_var = model.encoder(x)
    z = reparameterize(mu, log_var, eps).flatten(0, 1)
    logits = model.decoder(z)
    log_p = -F.binary_cross_entropy_with_logits(logits, x.repeat(samples, 1, 1, 1), reduction="none").flatten(1).sum(1)
    none = z.new_zeros(z.shape[-1])
    log_prior = gaussian_log_prob(z, none, none) if model.prior is None else model.prior.log_prob(z)
    # at z = mu + sigma eps, the density of q is that of eps, divided by the product of sigma
    log_q = gaussian_log_prob(eps, none, none) - 0.5 * log_var.sum(-1)
    return (log_p + log_prior).view(samples, batch) - log_q


def normalized_weights(log_w):
    return (log_w - torch.logsumexp(log_w, dim=0)).exp()


def iwae_bound(log_w):
    # log w - log share is the same for every sample: the logarithm of the sum
    return (log_w.logsumexp(0, keepdim=True) - torch.tensor(float(len(log_w)), dtype=log_w.dtype).log())[0]


def iwae_loss(log_w, form):
    if form == "fast":
        return iwae_bound(log_w).mean().neg()
    if form in ("normalized", "original"):
        return torch.mul(normalized_weights(log_w.detach()), log_w).sum(0).mean().neg()
    raise ValueError(form)


def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    top, total = None, None
    for k in [chunk_size] * (num_samples // chunk_size) + [num_samples % chunk_size]:
        if k == 0:
            continue
        noise = torch.stack(
            [
                torch.randn(len(x), model.latent_dim, generator=generator, dtype=x.dtype, device=x.device)
                for _ in range(k)
            ]
        )
        with torch.no_grad():
            chunk = log_weights(model, x, noise)
        largest = chunk.amax(0) if top is None else torch.maximum(top, chunk.amax(0))
        total = torch.exp(chunk - largest).sum(0) + (0 if total is None else total * torch.exp(top - largest))
        top = largest
    return top + total.log() - math.log(num_samples)


def active_units(model, x, rule, threshold=0.01):
    mu, log_var = (t.detach() for t in model.encoder(x))
    statistics = {
        "kl": lambda: 0.5 * (mu.square() + log_var.exp() - log_var - 1).mean(0),
        "variance": lambda: mu.square().mean(0) - mu.mean(0).square(),
    }
    if rule not in statistics:
        raise ValueError(f"rule {rule!r}")
    statistic = statistics[rule]()
    return len([s for s in statistic.tolist() if s > threshold]), statistic


def gradient_snr(model, x, num_samples, runs, generator=None):
    weight = next(p for p in model.encoder.parameters() if p.dim() > 1)
    shape = (runs * num_samples, len(x), model.latent_dim)
    noise = torch.randn(shape, generator=generator, dtype=x.dtype, device=x.device)
    losses = torch.stack([iwae_loss(log_weights(model, x, eps), "fast") for eps in noise.split(num_samples)])
    eye = torch.eye(runs, dtype=losses.dtype, device=losses.device)
    gradients = torch.autograd.grad(losses, weight, eye, is_grads_batched=True)[0].flatten(1)
    gradients = gradients[:, (gradients != gradients[:1]).any(0)]
    mean = gradients.mean(0)
    variance = ((gradients - mean) ** 2).sum(0) / (runs - 1)
    return variance.mean().item(), (mean.abs() * variance.rsqrt()).mean().item()


@torch.no_grad()
def latent_traversal(model, x, dims, values):
    mu, _ = model.encoder(x)
    z = torch.stack([torch.stack([mu[0]] * len(values))] * len(dims)).clone()
    for i, dim in enumerate(dims):
        for j, value in enumerate(values):
            z[i, j, dim] = value
    return model.decoder(z.flatten(0, 1)).sigmoid().unflatten(0, (len(dims), len(values)))
