"""Reference solution, made from source/gaps/gaps.ipynb by `python -m autograder reference`: edit the source."""

import copy
import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from iwae import iwae_bound, log_weights
from priors import PlanarFlow
from torch import nn
from vae import bernoulli_log_prob, gaussian_log_prob, kl_standard_normal, reparameterize


def ais_log_likelihood(
    model: nn.Module,
    x: torch.Tensor,
    num_chains: int,
    betas: Sequence[float],
    num_leapfrog: int,
    step_size: float,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Return the log of the mean weight of annealed importance sampling, an estimate of log p(x).

    log w = sum over t of (beta_t - beta_{t-1}) log p(x|z_{t-1}); one HMC move on p(z) p(x|z)^beta_t after each term

    Args:
        model: module with decoder(z), prior and latent_dim; N(0, I) where the prior is None.
        x: images, values in {0, 1}, shape (B, 1, 28, 28).
        num_chains: >= 1, chains per image; each starts at a code of the prior.
        betas: inverse temperatures 0 = beta_0 < ... < beta_T = 1.
        num_leapfrog: >= 1, leapfrog steps in a transition.
        step_size: of a leapfrog step.
        generator: source of randomness on the device of x; torch's global one where None.
    Returns:
        Estimate in nats, shape (B,), dtype of x, without gradient.
    Raises:
        ValueError: when num_chains or num_leapfrog is below 1, or when betas do not begin with 0, end with 1 and rise.
    Source: Neal (2001), Annealed Importance Sampling, section 2; Neal (2011), MCMC Using Hamiltonian Dynamics.
    """
    if num_chains < 1:
        raise ValueError(f"num_chains must be at least 1, got {num_chains}")
    if num_leapfrog < 1:
        raise ValueError(f"num_leapfrog must be at least 1, got {num_leapfrog}")
    betas = torch.as_tensor(betas, dtype=torch.float64).tolist()
    if len(betas) < 2 or betas[0] != 0 or betas[-1] != 1 or not all(low < high for low, high in pairwise(betas)):
        raise ValueError(f"betas must rise from 0 to 1, got {betas}")
    if not len(x):
        return x.new_zeros(0)

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=x.dtype, device=x.device)

    def tempered(z, beta):
        """Return log p(x|z), log p(z) + beta log p(x|z), each (num_chains, B), and the gradient of the latter."""
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            zeros = torch.zeros_like(z)
            log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
            log_lik = bernoulli_log_prob(x, model.decoder(z))
            log_target = log_prior + beta * log_lik
            (gradient,) = torch.autograd.grad(log_target.sum(), z)  # for z alone: nothing reaches a parameter
        return log_lik.detach(), log_target.detach(), gradient

    if model.prior is None:
        z = draw(num_chains, len(x), model.latent_dim)
    else:
        z = model.prior.sample(num_chains * len(x), generator=generator).detach()
        z = z.unflatten(0, (num_chains, len(x)))
    log_w = torch.zeros(num_chains, len(x), dtype=torch.float64, device=x.device)
    for previous, beta in pairwise(betas):
        log_lik, log_target, gradient = tempered(z, beta)
        log_w += (beta - previous) * log_lik.double()  # at the point of the old temperature, before the move
        if beta == 1:
            break  # no weight comes after the last move
        velocity = draw(*z.shape)
        log_start = log_target - velocity.square().sum(-1) / 2
        proposal = z
        for _ in range(num_leapfrog):
            velocity = velocity + step_size / 2 * gradient
            proposal = proposal + step_size * velocity
            _, log_target, gradient = tempered(proposal, beta)
            velocity = velocity + step_size / 2 * gradient
        log_end = log_target - velocity.square().sum(-1) / 2
        log_uniform = torch.rand(log_end.shape, generator=generator, dtype=x.dtype, device=x.device).log()
        # A diverged trajectory ends in NaN or infinities; a comparison with NaN is False, and the chain stays.
        accepted = log_uniform < log_end - log_start  # (num_chains, B)
        z = torch.where(accepted.unsqueeze(-1), proposal, z)
    return (torch.logsumexp(log_w, dim=0) - math.log(num_chains)).to(x.dtype)


def optimize_local_q(
    model: nn.Module,
    x: torch.Tensor,
    family: str,
    steps: int,
    num_samples: int,
    generator: torch.Generator | None = None,
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor] | Callable]:
    """Return the bound of the best q of each image, and this q.

    Every image has parameters of its own. They start at what the encoder says, and maximise the image's ELBO.

    Args:
        model: module with encoder(x), decoder(z), prior and latent_dim; left as it is.
        x: images, values in {0, 1}, shape (B, 1, 28, 28).
        family: "gaussian", a diagonal Gaussian; "flow", a diagonal Gaussian moved by planar layers.
        steps: >= 0, of the optimiser; 0 gives the bound of the encoder's q.
        num_samples: K >= 1, samples per image in a step.
        generator: source of the noise on the device of x; torch's global one where None.
    Returns:
        L[q*] in nats, shape (B,), from fresh samples, and q*: (mu, log_var), each (B, D), for "gaussian"; for "flow" a
        function of eps, (B, D) or (K, B, D), that returns z of that shape and log q(z|x), (B,) or (K, B). Without
        gradient in the model.
    Raises:
        ValueError: when family is neither of the two, steps is below 0, or num_samples below 1.
    Source: Cremer, Li and Duvenaud (2018), Inference Suboptimality in Variational Autoencoders, section 5.1.
    """
    if family not in ("gaussian", "flow"):
        raise ValueError(f"family must be 'gaussian' or 'flow', got {family!r}")
    if steps < 0:
        raise ValueError(f"steps must be at least 0, got {steps}")
    if num_samples < 1:
        raise ValueError(f"num_samples must be at least 1, got {num_samples}")
    with torch.no_grad():
        mu, log_var = (value.clone() for value in model.encoder(x))  # (B, D)
    free = [mu, log_var]
    layers = []  # parameters (u, w, b) of planar layers, of each image: (B, D), (B, D) and (B,)
    if family == "flow":
        for _ in range(8):
            w = torch.randn(mu.shape, generator=generator, dtype=mu.dtype, device=mu.device) / math.sqrt(mu.shape[1])
            # w·u_hat = softplus(w·u) - 1 is 0 for w·u = ln(e - 1): the layers start as the identity.
            u = math.log(math.e - 1) * w / w.square().sum(-1, keepdim=True)
            layers.append((u, w, torch.zeros_like(mu[:, 0])))
            free += layers[-1]

    def q(eps):
        """Return codes, (B, D) or (K, B, D), and log q of them; for "gaussian" the layers are none."""
        z = reparameterize(mu, log_var, eps)
        log_q = gaussian_log_prob(z, mu, log_var)
        for u, w, b in layers:
            wu = (w * u).sum(-1, keepdim=True)
            slope = F.softplus(wu).clamp_min(torch.finfo(wu.dtype).eps)  # 1 + w·u_hat
            u_hat = u + (slope - 1 - wu) * w / w.square().sum(-1, keepdim=True)
            t = torch.tanh((w * z).sum(-1) + b)  # (B,) or (K, B)
            z = z + u_hat * t.unsqueeze(-1)
            log_q = log_q - torch.log(t**2 + slope[:, 0] * (1 - t**2))
        return z, log_q

    def bound(eps):
        """Return the mean over K of the estimates of the ELBO, (B,); as much of the KL in closed form as there is."""
        z, log_q = q(eps)
        log_lik = bernoulli_log_prob(x, model.decoder(z))  # (K, B)
        if family == "gaussian" and model.prior is None:
            return log_lik.mean(0) - kl_standard_normal(mu, log_var)
        zeros = torch.zeros_like(z)
        log_prior = gaussian_log_prob(z, zeros, zeros) if model.prior is None else model.prior.log_prob(z)
        if family == "gaussian":
            entropy = (log_var + 1 + math.log(2 * math.pi)).sum(-1) / 2
            return (log_lik + log_prior).mean(0) + entropy
        return (log_lik + log_prior - log_q).mean(0)

    def draw(samples):
        return torch.randn(samples, *mu.shape, generator=generator, dtype=mu.dtype, device=mu.device)

    # all layers move the same code, so that steps as long as a Gaussian's end lower
    adam = torch.optim.Adam(free, lr=0.05 if family == "gaussian" else 0.02)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(adam, max(1, steps), eta_min=1e-4)
    for parameter in free:
        parameter.requires_grad_()
    with torch.enable_grad():
        for _ in range(steps):
            # The sum over images: no image's gradient depends on how many others there are.
            gradients = torch.autograd.grad(-bound(draw(num_samples)).sum(), free)
            for parameter, gradient in zip(free, gradients, strict=True):
                parameter.grad = gradient
            adam.step()
            decay.step()
    for parameter in free:
        parameter.requires_grad_(False).grad = None
    with torch.no_grad():
        # Fresh noise: q* may have fitted that of its steps. Each draw comes with its mirror image, and the columns are
        # made orthogonal: mean and covariance of the noise are exact, and so is the mean of anything quadratic in it.
        count = max(500, mu.shape[1])
        eps = torch.linalg.qr(draw(count).transpose(0, 1)).Q.transpose(0, 1) * math.sqrt(count)  # (count, B, D)
        parts = [bound(torch.cat([part, -part])) * len(part) for part in eps.split(25)]
        elbo = torch.stack(parts).sum(0) / count
    return elbo, (mu, log_var) if family == "gaussian" else q


def inference_gaps(
    log_p: torch.Tensor, elbo_local: torch.Tensor, elbo_amortized: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the approximation gap, the amortisation gap and their sum, the inference gap.

    Args:
        log_p: estimate of log p(x) of each image, shape (B,).
        elbo_local: L[q*], the bound of the best q of the family, shape (B,).
        elbo_amortized: L[q], the bound of the encoder's q, shape (B,).
    Returns:
        log p(x) - L[q*], L[q*] - L[q] and log p(x) - L[q] in nats, each of shape (B,).
    Source: Cremer, Li and Duvenaud (2018), Inference Suboptimality in Variational Autoencoders, section 3.
    """
    return log_p - elbo_local, elbo_local - elbo_amortized, log_p - elbo_amortized


class FlowPosterior(nn.Module):
    """A posterior whose planar layers move the samples of the encoder's Gaussian; the layers are the same for all x."""

    def __init__(self, latent_dim: int, num_flows: int):
        """Make the layers: an nn.ModuleList of PlanarFlow, layers[0] is the first that a sample meets.

        Args:
            latent_dim: D >= 1, dimensions of the code z.
            num_flows: layers, at least 1.
        """
        super().__init__()
        self.layers = nn.ModuleList(PlanarFlow(latent_dim=latent_dim) for _ in range(num_flows))

    def forward(self, mu: torch.Tensor, log_var: torch.Tensor, eps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return samples of the posterior and their log-density.

        log q(z|x) = log N(z_0; mu, diag exp(log_var)) - sum over layers of log|det|, each at the point that enters it

        Args:
            mu: mean of the encoder's Gaussian, shape (B, D).
            log_var: its log variance, shape (B, D).
            eps: standard normal noise, shape (B, D) or (K, B, D).
        Returns:
            z, shape of eps, and log q(z|x) in nats, shape (B,) or (K, B).
        Source: Rezende and Mohamed (2015), Variational Inference with Normalizing Flows, equation 13.
        """
        z = reparameterize(mu, log_var, eps)
        log_q = gaussian_log_prob(z, mu, log_var)
        for layer in self.layers:
            z, log_det = layer(z)
            log_q = log_q - log_det  # where the layer spreads the samples, their density falls
        return z, log_q


class ContextualFlow(nn.Module):
    """A posterior whose planar layers move the samples of the encoder's Gaussian; every x has layers of its own."""

    def __init__(self, latent_dim: int, num_flows: int, context_dim: int):
        """Make the map from the context to the layers' parameters u, w and b.

        Args:
            latent_dim: D >= 1, dimensions of the code z.
            num_flows: layers, at least 1.
            context_dim: numbers that tell the layers about x, at least 1.
        """
        super().__init__()
        self.latent_dim, self.num_flows = latent_dim, num_flows
        self.conditioner = nn.Linear(context_dim, num_flows * (2 * latent_dim + 1))
        with torch.no_grad():
            # A small start: the layers of two images differ from the first step on, and do little yet.
            self.conditioner.weight.mul_(0.1)
            w = torch.randn(num_flows, latent_dim) / math.sqrt(latent_dim)
            # w·u_hat = softplus(w·u) - 1 is 0 for w·u = ln(e - 1): around the identity.
            u = math.log(math.e - 1) * w / w.square().sum(-1, keepdim=True)
            self.conditioner.bias.copy_(torch.cat([u, w, torch.zeros(num_flows, 1)], dim=-1).flatten())

    def forward(
        self, mu: torch.Tensor, log_var: torch.Tensor, eps: torch.Tensor, context: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return samples of the posterior and their log-density.

        log q(z|x) = log N(z_0; mu, diag exp(log_var)) - sum over layers of log|det|, each at the point that enters it

        Args:
            mu: mean of the encoder's Gaussian, shape (B, D).
            log_var: its log variance, shape (B, D).
            eps: standard normal noise, shape (B, D) or (K, B, D).
            context: what the layers know about each image, shape (B, context_dim).
        Returns:
            z, shape of eps, and log q(z|x) in nats, shape (B,) or (K, B).
        """
        z = reparameterize(mu, log_var, eps)
        log_q = gaussian_log_prob(z, mu, log_var)
        parameters = self.conditioner(context).unflatten(-1, (self.num_flows, -1))  # (B, num_flows, 2 D + 1)
        for layer in parameters.unbind(1):
            u, w, b = layer.split([self.latent_dim, self.latent_dim, 1], dim=-1)  # (B, D), (B, D) and (B, 1)
            wu = (w * u).sum(-1, keepdim=True)
            slope = F.softplus(wu).clamp_min(torch.finfo(wu.dtype).eps)  # 1 + w·u_hat, (B, 1)
            u_hat = u + (slope - 1 - wu) * w / w.square().sum(-1, keepdim=True)
            t = torch.tanh((w * z).sum(-1) + b[:, 0])  # (B,) or (K, B): each image meets its own w and b alone
            z = z + u_hat * t.unsqueeze(-1)
            log_q = log_q - torch.log(t**2 + slope[:, 0] * (1 - t**2))
        return z, log_q


def refit_encoder(
    model: nn.Module,
    x: torch.Tensor,
    steps: int,
    encoder: nn.Module | None = None,
    num_samples: int = 1,
    generator: torch.Generator | None = None,
) -> nn.Module:
    """Return a model with the same decoder and prior, whose encoder is fitted to images by the bound L_K.

    Args:
        model: module with encoder(x), decoder(z), prior and latent_dim; left as it is.
        x: images, values in {0, 1}, shape (B, 1, 28, 28), B >= 1.
        steps: >= 0, of the optimiser.
        encoder: where the fit starts; a copy of the model's encoder where None.
        num_samples: K >= 1, samples per image in the bound.
        generator: source of the noise and the order on the device of x; torch's global one where None.
    Returns:
        A new model in evaluation mode; its decoder and prior have the values of the given model's.
    Raises:
        ValueError: when steps is below 0, num_samples below 1, or x holds no image.
    Source: Mattei and Frellsen (2018), Refit your Encoder when New Data Comes by.
    """
    if steps < 0:
        raise ValueError(f"steps must be at least 0, got {steps}")
    if num_samples < 1:
        raise ValueError(f"num_samples must be at least 1, got {num_samples}")
    if not len(x):
        raise ValueError(f"x must hold at least one image, got shape {tuple(x.shape)}")
    fitted = copy.deepcopy(model)
    if encoder is not None:
        fitted.encoder = copy.deepcopy(encoder)
    fitted.eval()  # batch statistics of the decoder would change its values, although no optimiser has them
    fitted.encoder.train().requires_grad_()
    parameters = list(fitted.encoder.parameters())
    adam = torch.optim.Adam(parameters, lr=1e-3)
    for _ in range(steps):
        order = torch.randperm(len(x), generator=generator, device=x.device)
        batch = x[order[:128]]
        eps = torch.randn(
            num_samples, len(batch), model.latent_dim, generator=generator, dtype=x.dtype, device=x.device
        )
        with torch.enable_grad():
            loss = -iwae_bound(log_weights(fitted, batch, eps)).mean()
            gradients = torch.autograd.grad(loss, parameters)  # for the encoder alone
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        adam.step()
    for parameter in parameters:
        parameter.grad = None
    return fitted.eval()


def gradient_norms(model: nn.Module) -> dict[str, float]:
    """Return how large the gradients of encoder and decoder are, from `.grad` as it stands.

    Args:
        model: module with encoder and decoder, after a backward pass; a parameter whose .grad is None counts as zero.
    Returns:
        "encoder" and "decoder", Euclidean norms over all parameters; "encoder_per_sqrt" and "decoder_per_sqrt", these
        divided by the square root of the number of parameters; "ratio", the former of the two by the latter: inf where
        only the decoder's is zero, nan where both are.
    """
    norms = {}
    for part in ("encoder", "decoder"):
        parameters = list(getattr(model, part).parameters())
        squares = sum(
            parameter.grad.double().square().sum().item() for parameter in parameters if parameter.grad is not None
        )
        norms[part] = math.sqrt(squares)
        norms[f"{part}_per_sqrt"] = norms[part] / math.sqrt(max(1, sum(parameter.numel() for parameter in parameters)))
    top, bottom = norms["encoder_per_sqrt"], norms["decoder_per_sqrt"]
    norms["ratio"] = top / bottom if bottom else math.inf if top else math.nan
    return norms


def flip_pixels(x: torch.Tensor, num_pixels: int, generator: torch.Generator | None = None) -> torch.Tensor:
    """Return the images with some pixels turned from 0 to 1 or from 1 to 0, others in each image.

    Args:
        x: images, values in {0, 1}, shape (B, 1, 28, 28); left as they are.
        num_pixels: pixels to flip in each image, all distinct, from 0 to the number of pixels.
        generator: source of the draw on the device of x; torch's global one where None.
    Returns:
        Images, shape and dtype of x.
    Raises:
        ValueError: when num_pixels is below 0 or above the number of pixels of an image.
    """
    pixels = x.shape[1:].numel()
    if not 0 <= num_pixels <= pixels:
        raise ValueError(f"num_pixels must be from 0 to {pixels}, got {num_pixels}")
    # The order of random numbers is a random order of the pixels: its first entries are distinct.
    order = torch.rand(len(x), pixels, generator=generator, device=x.device).argsort(dim=-1)[:, :num_pixels]
    flat = x.flatten(1)
    return flat.scatter(1, order, 1 - flat.gather(1, order)).view_as(x)
