"""The fully connected networks of Burda et al. (2016), beside the reference solution's convolutional ones."""

import torch
from torch import nn


class ConnectedEncoder(nn.Module):
    """784–200–200–(50, 50), with tanh as in Burda et al. (2016), section 5, where nothing else is asked for."""

    def __init__(self, latent_dim: int, activation: type[nn.Module] = nn.Tanh):
        super().__init__()
        hidden = (nn.Flatten(), nn.Linear(784, 200), activation(), nn.Linear(200, 200), activation())
        self.layers = nn.Sequential(*hidden, nn.Linear(200, 2 * latent_dim))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mu, log_var = self.layers(x).chunk(2, dim=-1)
        return mu, log_var


class ConnectedDecoder(nn.Module):
    """50–200–200–784."""

    def __init__(self, latent_dim: int, activation: type[nn.Module] = nn.Tanh):
        super().__init__()
        hidden = (nn.Linear(latent_dim, 200), activation(), nn.Linear(200, 200), activation())
        self.layers = nn.Sequential(*hidden, nn.Linear(200, 784), nn.Unflatten(-1, (1, 28, 28)))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.layers(z)
