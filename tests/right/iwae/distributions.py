"""A right solution on torch.distributions, whose estimate keeps all log weights of small chunks, and whose averages are
computed in one stack."""

import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torch.nn.functional import log_softmax

LOSES = set()


def posterior(model, x):
    mu, log_var = model.encoder(x)
    return Normal(mu, log_var.mul(0.5).exp())


def log_weights(model, x, eps):
    q = posterior(model, x)
    z = q.loc + q.scale * eps
    prior = Independent(Normal(torch.zeros_like(z), torch.ones_like(z)), 1) if model.prior is None else model.prior
    likelihood = Independent(Bernoulli(logits=model.decoder(z), validate_args=False), 3)
    return likelihood.log_prob(x) + prior.log_prob(z) - q.log_prob(z).sum(-1)


def iwae_bound(log_w):
    top = log_w.max(dim=0).values.detach()
    return top + torch.log(torch.exp(log_w - top).mean(0))


def normalized_weights(log_w):
    return log_softmax(log_w, dim=0).exp()


def iwae_loss(log_w, form):
    losses = {
        "fast": lambda: -iwae_bound(log_w),
        "normalized": lambda: -(normalized_weights(log_w).detach() * log_w).sum(0),
        "original": lambda: -(normalized_weights(log_w.detach() - log_w.detach().max()) * log_w).sum(0),
    }
    if form not in losses:
        raise ValueError(f"no form {form}")
    return losses[form]().mean(dim=-1)


@torch.no_grad()
def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    parts, left = [], num_samples
    while left > 0:
        k = min(left, chunk_size)
        eps = torch.empty(k, len(x), model.latent_dim, dtype=x.dtype, device=x.device).normal_(generator=generator)
        parts.append(log_weights(model, x, eps))
        left -= k
    return iwae_bound(torch.cat(parts))


@torch.no_grad()
def active_units(model, x, rule, threshold=0.01):
    q = posterior(model, x)
    if rule == "kl":
        statistic = kl_divergence(q, Normal(torch.zeros_like(q.loc), 1.0)).mean(0)
    elif rule == "variance":
        statistic = torch.var(q.loc, dim=0)
    else:
        raise ValueError(rule)
    return torch.count_nonzero(statistic > threshold).item(), statistic


def gradient_snr(model, x, num_samples, runs, generator=None):
    parameter = [p for p in model.encoder.parameters() if p.ndim > 1][0]
    rows = []
    for _ in range(runs):
        eps = torch.empty(num_samples, len(x), model.latent_dim, dtype=x.dtype, device=x.device)
        log_w = log_weights(model, x, eps.normal_(generator=generator))
        rows.append(torch.autograd.grad(iwae_loss(log_w, "original"), [parameter])[0].flatten())
    gradients = torch.stack(rows)
    noisy = (gradients != gradients[0]).any(0)
    std, mean = torch.std_mean(gradients[:, noisy], dim=0)
    return float((std**2).mean()), float((mean.abs() / std).mean())


@torch.no_grad()
def latent_traversal(model, x, dims, values):
    mean = posterior(model, x).loc[0]
    codes = []
    for d in dims:
        for v in values:
            code = mean.clone()
            code[d] = v
            codes.append(code)
    means = Bernoulli(logits=model.decoder(torch.stack(codes))).probs
    return means.reshape(len(dims), len(values), *means.shape[1:])
