"""The assignment on variational autoencoders: what it trains."""

import dataclasses

from torch import nn

from autograder.catalogue import Assignment, Model, Network, solution
from autograder.trained.networks import ConnectedDecoder, ConnectedEncoder

LATENT_DIM = 50
EPOCHS = 4  # of the connected network, for one of the convolutional: its epochs cost a third


def convolutional() -> nn.Module:
    """Return the reference solution's model."""
    return solution("vae")["VAE"](latent_dim=LATENT_DIM)


def connected() -> nn.Module:
    """Return the same with the fully connected 784–200–200–50 networks of Burda et al. (2016)."""
    model = convolutional()
    model.encoder, model.decoder = ConnectedEncoder(LATENT_DIM), ConnectedDecoder(LATENT_DIM)
    return model


def longer(budget, name: str):
    """Return how the connected network is trained."""
    # Measured: at quick's batches of 16, rates above this spread the tanh network's seeds over 13 nats.
    factor = 0.5 if name == "quick" else 1.5
    return dataclasses.replace(budget, epochs=EPOCHS * budget.epochs, learning_rate=factor * budget.learning_rate)


assignment = Assignment(
    models=(
        Model(
            "vae",
            networks={
                "convolutional": Network(convolutional, checkpoint="convolutional"),
                "connected": Network(connected, checkpoint="connected", plan=longer),
            },
            checkpoints=("vae", "vae_standard"),
        ),
    ),
)
