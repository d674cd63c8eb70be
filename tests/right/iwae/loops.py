"""A right solution with loops where the reference broadcasts, whose estimate takes one sample at a time, and which
divides by N throughout."""

import math

import torch
from torch.func import functional_call
from vae import bernoulli_log_prob, gaussian_log_prob, kl_standard_normal, reparameterize

LOSES = set()


def log_weights(model, x, eps):
    rows = []
    for noise in eps:
        mu, log_var = model.encoder(x)
        z = reparameterize(mu, log_var, noise)
        log_prior = kernel(z).sum(-1) if model.prior is None else model.prior.log_prob(z)
        rows.append(bernoulli_log_prob(x, model.decoder(z)) + log_prior - gaussian_log_prob(z, mu, log_var))
    return torch.stack(rows)


def kernel(z):
    return -0.5 * (z * z + math.log(2 * math.pi))


def iwae_bound(log_w):
    total = log_w[0]
    for row in log_w[1:]:
        total = torch.logaddexp(total, row)
    return total - math.log(log_w.shape[0])


def normalized_weights(log_w):
    return torch.stack([torch.softmax(column, 0) for column in log_w.unbind(1)], 1)


def iwae_loss(log_w, form="fast"):
    match form:
        case "fast":
            return -sum(iwae_bound(log_w)) / log_w.shape[1]
        case "normalized":
            with torch.no_grad():
                weights = torch.exp(log_w - torch.logsumexp(log_w, 0, keepdim=True))
        case "original":
            with torch.no_grad():
                weights = torch.exp(log_w - log_w.max(0, keepdim=True)[0])
                weights = weights / weights.sum(0, keepdim=True)
        case _:
            raise ValueError("fast, normalized or original")
    return -torch.einsum("kb,kb->", weights, log_w) / log_w.shape[1]


def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    total = None
    with torch.inference_mode():
        for _ in range(num_samples):
            eps = torch.randn(1, len(x), model.latent_dim, generator=generator, dtype=x.dtype, device=x.device)
            log_w = log_weights(model, x, eps)[0].double()
            total = log_w if total is None else torch.logaddexp(total, log_w)
        result = (total - math.log(num_samples)).to(x.dtype)
    return result.clone()


def active_units(model, x, rule, threshold=0.01):
    mu, log_var = (torch.cat(parts).detach() for parts in zip(*map(model.encoder, x.split(100)), strict=True))
    if rule not in {"kl", "variance"}:
        raise ValueError(rule)
    if rule == "kl":
        columns = zip(mu.split(1, 1), log_var.split(1, 1), strict=True)
        statistic = torch.stack([kl_standard_normal(m, v).mean() for m, v in columns])
    else:
        statistic = ((mu - mu.mean(0)) ** 2).sum(0) / len(mu)
    return sum(float(value) > threshold for value in statistic), statistic


def gradient_snr(model, x, num_samples, runs, generator=None):
    name = next(name for name, p in model.encoder.named_parameters() if len(p.shape) > 1)
    encoder, mean, square = model.encoder, 0.0, 0.0

    class Moved:
        """The model with another value of one parameter."""

        decoder, prior = model.decoder, model.prior

        def __init__(self, value):
            self.encoder = lambda images: functional_call(encoder, {name: value}, (images,))

    def loss(value, eps):
        return -iwae_bound(log_weights(Moved(value), x, eps)).mean()

    start = encoder.get_parameter(name).detach()
    for run in range(runs):
        shape = (num_samples, x.shape[0], model.latent_dim)
        eps = torch.randn(shape, generator=generator, dtype=x.dtype, device=x.device)
        step = torch.func.grad(loss)(start, eps).detach().double()
        change = step - mean  # Welford's update
        mean = mean + change / (run + 1)
        square = square + change * (step - mean)
    variance = square / runs
    noisy = variance > 0
    return float(variance[noisy].mean()), float((mean[noisy].abs() / variance[noisy].sqrt()).mean())


def latent_traversal(model, x, dims, values):
    with torch.no_grad():
        mu = model.encoder(x)[0]
        rows = []
        for dim in dims:
            codes = mu.repeat(len(values), 1)
            codes[:, dim] = torch.tensor(values, dtype=mu.dtype, device=mu.device)
            rows.append(1 / (1 + torch.exp(-model.decoder(codes))))
        return torch.stack(rows)
