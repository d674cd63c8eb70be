"""A right solution on torch.distributions: chains one after the other with one potential, gradients by backward() of copies, and one
image after the other where the reference has a batch."""

import copy
import math

import torch
from priors import PlanarFlow
from torch import nn
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torch.func import functional_call

LOSES = set()


def prior_of(model, like):
    if model.prior is not None:
        return model.prior
    standard = Normal(torch.zeros_like(like), torch.ones_like(like), validate_args=False)  # a proposal may be no number
    return Independent(standard, 1, validate_args=False)


def log_likelihood_of(model, x, z):
    return Independent(Bernoulli(logits=model.decoder(z), validate_args=False), 3).log_prob(x)


def ais_log_likelihood(model, x, num_chains, betas, num_leapfrog, step_size, generator=None):
    betas = [float(beta) for beta in betas]
    rises = all(a < b for a, b in zip(betas, betas[1:], strict=False))
    if num_chains < 1 or num_leapfrog < 1 or not (betas[0] == 0.0 and betas[-1] == 1.0 and rises):
        raise ValueError(f"no path: {betas}, {num_leapfrog} steps of {num_chains} chains")

    def potential(z, beta):
        return -(prior_of(model, z).log_prob(z) + beta * log_likelihood_of(model, x, z))

    def force(z, beta):
        z = z.clone().requires_grad_(True)
        return -torch.autograd.grad(potential(z, beta).sum(), z)[0]

    def normal():
        return torch.empty(len(x), model.latent_dim, dtype=x.dtype, device=x.device).normal_(generator=generator)

    logs = []
    for _ in range(num_chains):
        z = normal() if model.prior is None else model.prior.sample(len(x), generator=generator).detach()
        log_w = torch.zeros(len(x), dtype=x.dtype, device=x.device)
        for t in range(1, len(betas)):
            with torch.no_grad():
                log_w = log_w + (betas[t] - betas[t - 1]) * log_likelihood_of(model, x, z)
            momentum, new = normal(), z
            p = momentum + 0.5 * step_size * force(z, betas[t])
            for step in range(num_leapfrog):  # inner half kicks make whole ones
                new = new + step_size * p
                p = p + (step_size if step < num_leapfrog - 1 else 0.5 * step_size) * force(new, betas[t])
            with torch.no_grad():
                before = potential(z, betas[t]) + 0.5 * (momentum**2).sum(-1)
                after = potential(new, betas[t]) + 0.5 * (p**2).sum(-1)
                chance = torch.exp((before - after).clamp_max(0))
                u = torch.rand(len(x), generator=generator, dtype=x.dtype, device=x.device)
                z = torch.where((u < chance)[:, None], new, z)
        logs.append(log_w)
    return torch.stack(logs).logsumexp(0) - math.log(num_chains)


def optimize_local_q(model, x, family, steps, num_samples, generator=None):
    if family not in {"gaussian", "flow"} or steps < 0 or num_samples < 1:
        raise ValueError(f"{family}, {steps} steps, {num_samples} samples")
    with torch.no_grad():
        mu, log_var = (value.clone() for value in model.encoder(x))
    batch, latent_dim = mu.shape

    def noise(k):
        return torch.empty(k, batch, latent_dim, dtype=mu.dtype, device=mu.device).normal_(generator=generator)

    mu.requires_grad_(True), log_var.requires_grad_(True)
    flows = []
    if family == "flow":
        for _ in range(2):
            w = noise(1)[0]
            flows.append([(0.5413248546129181 * w / (w * w).sum(-1, keepdim=True)), w, torch.zeros(batch, 1).to(mu)])
    free = [mu, log_var, *(p.requires_grad_(True) for flow in flows for p in flow)]

    def sampled(eps):
        q0 = Normal(mu, (0.5 * log_var).exp())
        z = q0.loc + q0.scale * eps
        log_q = q0.log_prob(z).sum(-1)
        for u, w, b in flows:
            along = (w * u).sum(-1, keepdim=True)
            gain = nn.functional.softplus(along) - 1
            h = torch.tanh((w * z).sum(-1, keepdim=True) + b)
            log_q = log_q - torch.log1p((1 - h**2) * gain).squeeze(-1)
            z = z + (u + (gain - along) * w / (w**2).sum(-1, keepdim=True)) * h
        return z, log_q

    def elbo(eps):
        z, log_q = sampled(eps)
        log_lik = log_likelihood_of(model, x, z)
        if family == "gaussian" and model.prior is None:
            standard = Normal(torch.zeros_like(mu), torch.ones_like(mu))
            return log_lik.mean(0) - kl_divergence(Normal(mu, (0.5 * log_var).exp()), standard).sum(-1)
        return (log_lik + prior_of(model, z).log_prob(z) - log_q).mean(0)

    optimizer = torch.optim.RMSprop(free, lr=0.01)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.01 * (1 - step / steps) + 1e-4
        for parameter, gradient in zip(free, torch.autograd.grad(elbo(noise(num_samples)).mean(), free), strict=True):
            parameter.grad = -gradient
        optimizer.step()
    mu, log_var = mu.detach(), log_var.detach()
    flows = [[p.detach() for p in flow] for flow in flows]
    with torch.no_grad():
        value = torch.stack([elbo(noise(50)) for _ in range(4)]).mean(0)
    return value, (sampled if family == "flow" else (mu, log_var))


def inference_gaps(log_p, elbo_local, elbo_amortized):
    approximation, inference = torch.sub(log_p, elbo_local), torch.sub(log_p, elbo_amortized)
    return approximation, torch.sub(elbo_local, elbo_amortized), inference


class FlowPosterior(nn.Module):
    """The density of the noise, less the change of volume of the whole map."""

    def __init__(self, latent_dim, num_flows):
        super().__init__()
        self.layers = nn.ModuleList()
        for _ in range(num_flows):
            self.layers.append(PlanarFlow(latent_dim=latent_dim))
        self.register_buffer("unused", torch.zeros(1))

    def forward(self, mu, log_var, eps):
        z = torch.addcmul(mu, (log_var / 2).exp(), eps)
        volume = 0.5 * log_var.sum(-1)
        for layer in self.layers:
            z, log_det = layer(z)
            volume = volume + log_det
        return z, Normal(torch.zeros_like(eps), 1.0).log_prob(eps).sum(-1) - volume


class ContextualFlow(nn.Module):
    """One small network for each layer, whose last bias is the identity; every row by itself through functional_call."""

    def __init__(self, latent_dim, num_flows, context_dim):
        super().__init__()
        self.nets, self.latent_dim = nn.ModuleList(), latent_dim
        for _ in range(num_flows):
            net = nn.Sequential(nn.Linear(context_dim, 6), nn.Tanh(), nn.Linear(6, 2 * latent_dim + 1))
            w = torch.randn(latent_dim)
            with torch.no_grad():
                net[-1].weight.mul_(0.2)
                net[-1].bias.copy_(torch.cat([0.5413 * w / (w @ w), w, torch.zeros(1)]))
            self.nets.append(net)

    def forward(self, mu, log_var, eps, context):
        z = mu + torch.exp(log_var / 2) * eps
        log_q = Normal(mu, torch.exp(log_var / 2)).log_prob(z).sum(-1)
        for net in self.nets:
            made = net(context)
            u, w, b = made[:, : self.latent_dim], made[:, self.latent_dim : -1], made[:, -1:]
            along = torch.einsum("bd,bd->b", w, u)[:, None]
            slope = nn.functional.softplus(along) + 1e-9
            u_hat = u + (slope - 1 - along) * w / torch.einsum("bd,bd->b", w, w)[:, None]
            h = torch.tanh(torch.einsum("bd,...bd->...b", w, z)[..., None] + b)
            z = z + u_hat * h
            log_q = log_q - torch.log(h**2 + (1 - h**2) * slope).squeeze(-1)
        return z, log_q


def refit_encoder(model, x, steps, encoder=None, num_samples=1, generator=None):
    if steps < 0 or num_samples < 1 or len(x) == 0:
        raise ValueError(f"{steps} steps, {num_samples} samples, {len(x)} images")
    new = copy.deepcopy(model).eval()
    if encoder is not None:
        new.encoder = encoder.eval()  # trained in place
    names = [name for name, _ in new.encoder.named_parameters()]
    values = {name: p.detach().clone().requires_grad_(True) for name, p in new.encoder.named_parameters()}
    optimizer = torch.optim.RMSprop(values.values(), lr=2e-3)
    for step in range(steps):
        part = x.roll(-100 * step, 0)[:100]
        mu, log_var = functional_call(new.encoder, values, (part,))
        q = Normal(mu, (log_var / 2).exp())
        eps = torch.empty(num_samples, *mu.shape, dtype=x.dtype, device=x.device).normal_(generator=generator)
        z = q.loc + q.scale * eps
        log_w = log_likelihood_of(new, part, z) + prior_of(new, z).log_prob(z) - q.log_prob(z).sum(-1)
        gradients = torch.autograd.grad(-log_w.logsumexp(0).mean(), list(values.values()))
        for name, gradient in zip(names, gradients, strict=True):
            values[name].grad = gradient
        optimizer.step()
    with torch.no_grad():
        for name, parameter in new.encoder.named_parameters():
            parameter.copy_(values[name])
    return new


def gradient_norms(model):
    result, rms = {}, {}
    for name, part in (("encoder", model.encoder), ("decoder", model.decoder)):
        every = torch.cat(
            [(torch.zeros_like(p) if p.grad is None else p.grad).detach().double().flatten() for p in part.parameters()]
        )
        result[name] = float(torch.linalg.vector_norm(every))
        rms[name] = result[f"{name}_per_sqrt"] = float(every.square().mean().sqrt())
    ratio = torch.tensor(rms["encoder"], dtype=torch.float64) / torch.tensor(rms["decoder"], dtype=torch.float64)
    return {"ratio": ratio.item(), **result}


def flip_pixels(x, num_pixels, generator=None):
    count = math.prod(x.shape[1:])
    if num_pixels < 0 or num_pixels > count:
        raise ValueError(num_pixels)
    rows = []
    for image in x:
        mask = torch.zeros(count, dtype=torch.bool, device=x.device)
        mask[torch.randperm(count, generator=generator, device=x.device)[:num_pixels]] = True
        rows.append(torch.where(mask.view(image.shape), 1 - image, image))
    return torch.stack(rows)
