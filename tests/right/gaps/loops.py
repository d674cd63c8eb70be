"""A right solution with another layout: codes (B, C, D), proposals from a gradient of their own that the acceptance corrects, one
optimisation for each image, masks by thresholds."""

import math
from copy import deepcopy

import torch
from iwae import iwae_bound, log_weights
from priors import PlanarFlow
from torch import nn
from vae import bernoulli_log_prob, gaussian_log_prob, kl_standard_normal, reparameterize

LOSES = set()


def log_prior(model, z):
    if model.prior is None:
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)
    return model.prior.log_prob(z)


def ais_log_likelihood(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    path = torch.as_tensor(betas, dtype=torch.float64)
    if num_leapfrog < 1 or num_chains < 1:
        raise ValueError("at least one chain and one leapfrog step")
    if path.dim() != 1 or path[0] != 0 or path[-1] != 1 or not bool((path.diff() > 0).all()):
        raise ValueError(f"betas rise from 0 to 1, got {path.tolist()}")
    shape = (len(x), num_chains, model.latent_dim)
    images = x.repeat_interleave(num_chains, 0)

    def log_lik(z):
        return bernoulli_log_prob(images, model.decoder(z.flatten(0, 1))).reshape(shape[:2])

    def gradient(z, beta):
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            # the likelihood's slope is damped: a proposal of its own, which the acceptance corrects
            value = log_prior(model, z.flatten(0, 1)).reshape(shape[:2]) + 0.9 * beta * log_lik(z)
            return torch.autograd.grad(value.sum(), z)[0]

    def energy(z, v, beta, likelihood):
        return v.square().sum(-1) / 2 - log_prior(model, z.flatten(0, 1)).reshape(shape[:2]) - beta * likelihood

    with torch.no_grad():
        if model.prior is None:
            z = torch.randn(shape, generator=generator, dtype=x.dtype, device=x.device)
        else:
            z = model.prior.sample(len(x) * num_chains, generator).reshape(shape)
        weight, likelihood = torch.zeros(shape[:2], dtype=x.dtype, device=x.device), log_lik(z)
        for beta, step in zip(path[1:].tolist(), path.diff().tolist(), strict=True):
            weight += step * likelihood  # from the last accepted point: one decoding less
            v = start = torch.randn(shape, generator=generator, dtype=x.dtype, device=x.device)
            point, slope = z, gradient(z, beta)
            for _ in range(num_leapfrog):
                v = v + slope * step_size / 2
                point = point + v * step_size
                slope = gradient(point, beta)
                v = v + slope * step_size / 2
            proposed = log_lik(point)
            change = energy(z, start, beta, likelihood) - energy(point, v, beta, proposed)
            e = torch.rand(shape[:2], generator=generator, dtype=x.dtype, device=x.device).log()
            keep = torch.isfinite(change) & (e <= change)
            z = torch.where(keep[..., None], point, z)
            likelihood = torch.where(keep, proposed, likelihood)
        return weight.logsumexp(1) - math.log(num_chains)


class LocalFlow(nn.Module):
    """q of one image: a Gaussian and one planar layer."""

    def __init__(self, mu, log_var, generator):
        super().__init__()
        self.mu, self.log_var = nn.Parameter(mu.clone()), nn.Parameter(log_var.clone())
        w = torch.randn(mu.shape, generator=generator, dtype=mu.dtype, device=mu.device)
        self.w, self.b = nn.Parameter(w), nn.Parameter(torch.zeros((), dtype=mu.dtype, device=mu.device))
        self.u = nn.Parameter(math.log(math.e - 1) * w / (w @ w))

    def forward(self, eps):
        z = self.mu + torch.exp(self.log_var / 2) * eps
        log_q = gaussian_log_prob(z, self.mu, self.log_var)
        along = self.w @ self.u
        gap = nn.functional.softplus(along)
        u_hat = self.u + (gap - 1 - along) * self.w / (self.w @ self.w)
        t = torch.tanh(z @ self.w + self.b)
        return z + t[..., None] * u_hat, log_q - torch.log(gap + (1 - gap) * t**2)


def optimize_local_q(model, x, family, steps, num_samples, generator=None):
    if family not in ("gaussian", "flow"):
        raise ValueError(f"no family {family}")
    if steps < 0 or num_samples < 1:
        raise ValueError("steps >= 0 and num_samples >= 1")
    with torch.no_grad():
        mu, log_var = model.encoder(x)
    if family == "gaussian":
        return together(model, x, mu.clone(), log_var.clone(), steps, num_samples, generator)
    bounds, parts = [], []
    for image, m, v in zip(x.split(1), mu, log_var, strict=True):
        q = LocalFlow(m, v, generator)
        optimizer = torch.optim.Adam(q.parameters(), lr=5e-3)

        def bound(k, image=image, q=q):
            eps = torch.randn(k, 1, model.latent_dim, generator=generator, dtype=x.dtype, device=x.device)
            z, log_q = q(eps)
            return (bernoulli_log_prob(image, model.decoder(z)) + log_prior(model, z) - log_q).mean()

        for _ in range(steps):
            named = list(q.parameters())
            for p, g in zip(named, torch.autograd.grad(-bound(num_samples), named), strict=True):
                p.grad = g
            optimizer.step()
        q.requires_grad_(False)
        bounds.append(bound(150))
        parts.append(q)

    def joint(eps):
        found = [q(eps[..., i, :]) for i, q in enumerate(parts)]
        return torch.stack([z for z, _ in found], -2), torch.stack([log_q for _, log_q in found], -1)

    return torch.stack(bounds), joint


def together(model, x, mu, log_sigma2, steps, num_samples, generator):
    """Optimise Gaussians with standard deviations as parameters."""
    sigma = torch.exp(log_sigma2 / 2).log()
    mu.requires_grad_(), sigma.requires_grad_()
    optimizer = torch.optim.Adam([mu, sigma], lr=0.03, betas=(0.9, 0.99))

    def bound(k):
        eps = torch.randn(k, *mu.shape, generator=generator, dtype=mu.dtype, device=mu.device)
        z = mu + sigma.exp() * eps
        inside = bernoulli_log_prob(x, model.decoder(z))
        if model.prior is None:
            return inside.mean(0) - kl_standard_normal(mu, 2 * sigma)
        return (inside + model.prior.log_prob(z) - gaussian_log_prob(z, mu, 2 * sigma)).mean(0)

    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 0.03 * 0.998**step
        mu.grad, sigma.grad = torch.autograd.grad(-bound(num_samples).sum(), (mu, sigma))
        optimizer.step()
    with torch.no_grad():
        return bound(200), (mu.detach(), log_sigma2 if steps == 0 else 2 * sigma.detach())


def inference_gaps(log_p, elbo_local, elbo_amortized):
    stacked = torch.stack([log_p, elbo_local, elbo_amortized])
    first, second = -stacked.diff(dim=0)
    return [first, second, stacked[0] - stacked[2]]


class FlowPosterior(nn.Module):
    """As the text says it, with the log-determinants kept in a list."""

    def __init__(self, *, latent_dim, num_flows):
        super().__init__()
        self.layers = nn.ModuleList([PlanarFlow(latent_dim) for _ in range(num_flows)])

    def forward(self, mu, log_var, eps):
        path, log_dets = [reparameterize(mu, log_var, eps)], []
        for layer in self.layers:
            z, log_det = layer(path[-1])
            path.append(z)
            log_dets.append(log_det)
        return path[-1], gaussian_log_prob(path[0], mu, log_var) - torch.stack(log_dets).sum(0)


class ContextualFlow(nn.Module):
    """Three maps for all layers at once, and one sample after the other."""

    def __init__(self, *, latent_dim, num_flows, context_dim):
        super().__init__()
        self.shape = (num_flows, latent_dim)
        self.make_u, self.make_w = (nn.Linear(context_dim, num_flows * latent_dim) for _ in range(2))
        self.make_b = nn.Linear(context_dim, num_flows)

    def forward(self, mu, log_var, eps, context):
        if eps.dim() == 3:
            return tuple(torch.stack(part) for part in zip(*(self(mu, log_var, e, context) for e in eps), strict=True))
        u, w = (make(context).unflatten(-1, self.shape) for make in (self.make_u, self.make_w))
        b = self.make_b(context)
        z = reparameterize(mu, log_var, eps)
        log_q = gaussian_log_prob(z, mu, log_var)
        for i in range(self.shape[0]):
            dot = (w[:, i] * u[:, i]).sum(-1)
            gap = nn.functional.softplus(dot).clamp(min=1e-30)
            u_hat = u[:, i] + ((gap - 1 - dot) / (w[:, i] ** 2).sum(-1))[:, None] * w[:, i]
            t = torch.tanh(torch.bmm(w[:, i, None], z[..., None])[:, 0, 0] + b[:, i])
            z, log_q = z + t[:, None] * u_hat, log_q - torch.log(t**2 + (1 - t**2) * gap)
        return z, log_q


def refit_encoder(model, x, steps, encoder=None, num_samples=1, generator=None):
    if steps < 0:
        raise ValueError("steps")
    if num_samples < 1:
        raise ValueError("num_samples")
    if not x.shape[0]:
        raise ValueError("x")
    fitted = deepcopy(model)
    fitted.encoder = deepcopy(model.encoder if encoder is None else encoder)
    fitted.eval()
    parameters = list(fitted.encoder.parameters())
    optimizer = torch.optim.Adam(parameters, lr=3e-4)
    for _ in range(steps):
        batch = x[torch.randint(len(x), (min(64, len(x)),), generator=generator, device=x.device)]
        eps = torch.randn(
            num_samples, len(batch), model.latent_dim, generator=generator, dtype=x.dtype, device=x.device
        )
        optimizer.zero_grad()
        (-iwae_bound(log_weights(fitted, batch, eps)).sum()).backward(inputs=parameters)
        optimizer.step()
    optimizer.zero_grad()
    return fitted


def gradient_norms(model):
    def of(part):
        total, count = 0.0, 0
        for parameter in part.parameters():
            count += parameter.numel()
            if parameter.grad is not None:
                total += float((parameter.grad.double() ** 2).sum())
        return total**0.5, (total / count) ** 0.5

    encoder, decoder = of(model.encoder), of(model.decoder)
    try:
        ratio = encoder[1] / decoder[1]
    except ZeroDivisionError:
        ratio = float("nan")
    return {
        "encoder": encoder[0],
        "decoder": decoder[0],
        "encoder_per_sqrt": encoder[1],
        "decoder_per_sqrt": decoder[1],
        "ratio": ratio,
    }


def flip_pixels(x, num_pixels, generator=None):
    flat = x.reshape(len(x), -1)
    if not 0 <= num_pixels <= flat.shape[1]:
        raise ValueError(f"num_pixels {num_pixels}")
    if num_pixels == 0:
        return x.clone()
    chosen = torch.multinomial(torch.ones_like(flat), num_pixels, replacement=False, generator=generator)
    mask = torch.zeros_like(flat).scatter_(1, chosen, 1.0)
    return (flat + mask - 2 * flat * mask).reshape(x.shape)
