"""The training loops that are compared: the way of most course material, and the way of this kit.

Both train the model of Burda et al. (2016) with one stochastic layer, 784–200–200–50 with tanh, by Adam.
"""

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from bench.measure import Way, Work
from lab import batches
from lab.training import ADAM_EPS

PIXELS, HIDDEN, LATENT = 784, 200, 50
LEARNING_RATE = 1e-3
LOG_2PI = math.log(2 * math.pi)


def works(images: torch.Tensor) -> list[Work]:
    """Return what is measured on the images (uint8, shape (N, 1, 28, 28))."""
    return [
        Work(
            name="VAE, batch 128",
            baseline=Way(lambda: _transformed_items(images, 128, 1), 128),
            ours=Way(lambda: _bytes_and_logits(images, 128, 1), 128),
            goal=2.8,
            sgemm_goal=None,
            flop=flop_per_image(1),
        ),
        Work(
            name="IWAE K = 5, batch 128",
            baseline=Way(lambda: _transformed_items(images, 128, 5), 128),
            ours=Way(lambda: _bytes_and_logits(images, 128, 5), 128),
            goal=2.0,
            sgemm_goal=0.55,
            flop=flop_per_image(5),
        ),
        Work(
            name="IWAE K = 50, batch 20 | 128",
            baseline=Way(lambda: _encoded_copies(images, 20, 50), 20),
            ours=Way(lambda: _bytes_and_logits(images, 128, 50), 128),
            goal=3.3,
            sgemm_goal=0.60,
            flop=flop_per_image(50),
        ),
    ]


def flop_per_image(num_samples: int) -> float:
    """Return the FLOP of the matrix products of one training step, an image, with the encoder run once.

    A product is made once forward and twice backward, but nobody asks for the gradient of the pixels.
    """
    encoder = PIXELS * HIDDEN + HIDDEN * HIDDEN + HIDDEN * 2 * LATENT
    decoder = LATENT * HIDDEN + HIDDEN * HIDDEN + HIDDEN * PIXELS
    return 2 * (3 * encoder - PIXELS * HIDDEN + num_samples * 3 * decoder)


def mlp(*widths: int, normalize: bool = False) -> nn.Sequential:
    """Return linear layers with tanh, and BatchNorm where asked, between them."""
    layers: list[nn.Module] = []
    for before, after in zip(widths[:-2], widths[1:-1], strict=True):
        layers += [nn.Linear(before, after), *([nn.BatchNorm1d(after)] if normalize else []), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(*widths[-2:]))


# The way of this kit: bytes on the device, the encoder once an image, logits all the way, fused Adam.


def _bytes_and_logits(images: torch.Tensor, batch: int, num_samples: int) -> Iterator[None]:
    encoder, decoder = mlp(PIXELS, HIDDEN, HIDDEN, 2 * LATENT), mlp(LATENT, HIDDEN, HIDDEN, PIXELS)
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, eps=ADAM_EPS, fused=True)
    generator = torch.Generator().manual_seed(0)
    while True:
        for x in batches(images, batch, generator=generator):
            optimizer.zero_grad()
            loss = _loss(encoder, decoder, x.flatten(1), num_samples)
            loss.backward()
            optimizer.step()
            loss.item()
            yield


def _loss(encoder: nn.Module, decoder: nn.Module, x: torch.Tensor, num_samples: int) -> torch.Tensor:
    """Return the negative ELBO with the closed-form KL for one sample, else the negative bound of K samples."""
    mu, log_var = encoder(x).chunk(2, dim=-1)  # (B, D)
    eps = torch.randn(num_samples, *mu.shape)  # (K, B, D)
    z = mu + torch.exp(log_var / 2) * eps
    logits = decoder(z.flatten(0, 1)).unflatten(0, z.shape[:2])  # (K, B, 784)
    log_p_x = _BernoulliLogProb.apply(x, logits)  # (K, B)
    if num_samples == 1:
        kl = 0.5 * (mu**2 + torch.exp(log_var) - 1 - log_var).sum(-1)
        return (kl - log_p_x[0]).mean()
    # log p(z) - log q(z|x): the terms in 2 pi cancel, and (z - mu)² / variance is eps².
    log_w = log_p_x + 0.5 * (log_var + eps**2 - z**2).sum(-1)
    return -(torch.logsumexp(log_w, dim=0) - math.log(num_samples)).mean()


class _BernoulliLogProb(torch.autograd.Function):
    """Log probability of binary x (B, 784) given logits (K, B, 784), summed over pixels.

    x l - softplus(l) with softplus(l) = (l + |l|) / 2 - log sigmoid(|l|), and one sigmoid for value and gradient: all of
    it vectorised, whereas log1p, which F.softplus calls, took 50 times a sigmoid on some processors. Two of the three
    sums read the logits and write nothing of their size.
    """

    @staticmethod
    def forward(ctx, x: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        probabilities = torch.sigmoid(logits)
        ctx.save_for_backward(x, probabilities)
        likelier = 1 - probabilities
        torch.maximum(probabilities, likelier, out=likelier)  # sigmoid(|l|), at least a half
        signed = torch.einsum("bp,kbp->kb", x - 0.5, logits)
        return signed - torch.linalg.vector_norm(logits, ord=1, dim=-1) / 2 + likelier.log_().sum(-1)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[None, torch.Tensor]:
        x, probabilities = ctx.saved_tensors
        return None, (x - probabilities).mul_(gradient.unsqueeze(-1))


# The usual way: one picture at a time through transforms, probabilities instead of logits, BatchNorm.


class _Pictures(Dataset):
    """Images that become tensors one at a time, with a label that nobody reads, as torchvision's data sets do it."""

    def __init__(self, images: torch.Tensor, transform: Callable):
        self.images, self.transform = images.squeeze(1), transform
        self.labels = torch.zeros(len(images), dtype=torch.long)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[index].numpy())), int(self.labels[index])


def _transformed_items(images: torch.Tensor, batch: int, num_samples: int) -> Iterator[None]:
    encoder = mlp(PIXELS, HIDDEN, HIDDEN, 2 * LATENT, normalize=True)
    decoder = nn.Sequential(mlp(LATENT, HIDDEN, HIDDEN, PIXELS, normalize=True), nn.Sigmoid())
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=LEARNING_RATE)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Lambda(torch.bernoulli)])
    loader = DataLoader(_Pictures(images, transform), batch_size=batch, shuffle=True)
    loss_of = _summed_loss if num_samples == 1 else _averaged_bound
    while True:
        for pictures, _ in loader:
            x = pictures.view(len(pictures), -1)
            optimizer.zero_grad()
            mu, log_var = encoder(x).chunk(2, dim=1)
            eps = torch.randn(num_samples, *mu.shape)
            z = mu + eps * torch.exp(0.5 * log_var)
            theta = decoder(z.view(-1, LATENT)).view(num_samples, len(x), -1)
            loss = loss_of(x, theta, mu, log_var, z)
            loss.backward()
            optimizer.step()
            loss.item()
            yield


def _summed_loss(
    x: torch.Tensor, theta: torch.Tensor, mu: torch.Tensor, log_var: torch.Tensor, z: torch.Tensor
) -> torch.Tensor:
    """Return the negative ELBO, summed over the batch."""
    kl = -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
    return F.binary_cross_entropy(theta[0], x, reduction="sum") + kl


def _averaged_bound(
    x: torch.Tensor, theta: torch.Tensor, mu: torch.Tensor, log_var: torch.Tensor, z: torch.Tensor
) -> torch.Tensor:
    """Return the negative bound of K samples, with x repeated and every density written out."""
    copies = x.unsqueeze(0).repeat(len(theta), 1, 1)
    log_p_x = -F.binary_cross_entropy(theta, copies, reduction="none").sum(dim=2)
    log_q = (-0.5 * (LOG_2PI + log_var + (z - mu).pow(2) / torch.exp(log_var))).sum(dim=2)
    log_p_z = (-0.5 * (LOG_2PI + z.pow(2))).sum(dim=2)
    return -(torch.logsumexp(log_p_x + log_p_z - log_q, dim=0) - math.log(len(theta))).mean()


# The usual way with many samples: K copies of an image through encoder and decoder, and a loop over K in the loss.


def _encoded_copies(images: torch.Tensor, batch: int, num_samples: int) -> Iterator[None]:
    encoder = mlp(PIXELS, HIDDEN, HIDDEN, 2 * LATENT)
    decoder = nn.Sequential(mlp(LATENT, HIDDEN, HIDDEN, PIXELS), nn.Sigmoid())
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=LEARNING_RATE, eps=ADAM_EPS)
    loader = DataLoader(_Pictures(images, transforms.ToTensor()), batch_size=batch, shuffle=True)
    while True:
        for pictures, _ in loader:
            x = torch.round(pictures.view(len(pictures), -1))
            copies = x.unsqueeze(1).repeat(1, num_samples, 1).view(-1, PIXELS)  # (B K, 784)
            optimizer.zero_grad()
            mu, log_var = encoder(copies).chunk(2, dim=1)
            z = mu + torch.randn_like(mu) * torch.exp(0.5 * log_var)
            theta = decoder(z)
            parts = [part.view(len(x), num_samples, -1) for part in (copies, theta, mu, log_var, z)]
            log_w = torch.stack([_log_weight(*(part[:, k] for part in parts)) for k in range(num_samples)], dim=1)
            loss = -(torch.logsumexp(log_w, dim=1) - math.log(num_samples)).mean()
            loss.backward()
            optimizer.step()
            loss.item()
            yield


def _log_weight(
    x: torch.Tensor, theta: torch.Tensor, mu: torch.Tensor, log_var: torch.Tensor, z: torch.Tensor
) -> torch.Tensor:
    """Return log p(x, z) - log q(z|x) of one sample an image, shape (B,)."""
    tiny = 1e-8
    log_p_x = torch.sum(x * torch.log(theta + tiny) + (1 - x) * torch.log(1 - theta + tiny), dim=1)
    log_p_z = -0.5 * torch.sum(LOG_2PI + z.pow(2), dim=1)
    log_q = -0.5 * torch.sum(LOG_2PI + log_var + (z - mu) ** 2 / torch.exp(log_var), dim=1)
    return log_p_x + log_p_z - log_q
