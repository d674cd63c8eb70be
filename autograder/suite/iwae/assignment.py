"""The assignment on importance weighted autoencoders: what it trains, and what its models are compared by."""

import torch
from torch import nn

from autograder.catalogue import SEEDS, Assignment, Comparison, Model, Network, solution
from autograder.suite.iwae.published import PUBLISHED
from autograder.suite.vae.assignment import LATENT_DIM
from autograder.trained.estimate import NUM_SAMPLES, estimate
from autograder.trained.likelihood import ACTIVE_VARIANCE
from autograder.trained.networks import ConnectedDecoder, ConnectedEncoder

SEEDS_OF_MANY = 3
MANY = 50  # samples with which one run takes as long as ten others
SAMPLES = {  # by the notebook's variable: objective, and samples per image
    "vae_k1": ("vae", 1),
    "vae_k5": ("vae", 5),
    "iwae_k5": ("iwae", 5),
    "vae_k50": ("vae", 50),
    "iwae_k50": ("iwae", 50),
}
GRADIENT_IMAGES, GRADIENT_RUNS = 100, 100

EXPLANATION = f"""\
NLL is −log p(x), estimated with K = {NUM_SAMPLES}; error is −log p(x|z), the mean over these samples, on stochastic images, and weighted error that with
normalised importance weights. IWAE with K = 1 is VAE with K = 1. Active units by the two rules: variance of the posterior mean, or mean KL
divergence from N(0, 1), above {ACTIVE_VARIANCE}. SNR: |mean| / standard deviation of the gradient of the bound of K samples, K as in training, for the
encoder's first layer at the trained weights; {GRADIENT_RUNS} draws of the noise on {GRADIENT_IMAGES} images, so that a gradient of nothing but noise would
give 0.08.
"""


def build(objective: str, num_samples: int) -> nn.Module:
    """Return the untrained model of the notebook: connected networks with SiLU, which trains faster than tanh on short budgets.

    Args:
        objective: "vae", the mean of the samples' ELBOs, or "iwae", their importance weighted bound.
        num_samples: K.
    """
    given = solution("iwae")

    class MultiSampleVAE(solution("vae")["VAE"]):
        def forward(self, x):
            eps = torch.randn(num_samples, len(x), LATENT_DIM, dtype=x.dtype, device=x.device)
            if objective == "vae":
                return -self.elbo(x, eps).mean()
            return given["iwae_loss"](given["log_weights"](self, x, eps), "fast")

    model = MultiSampleVAE(latent_dim=LATENT_DIM)
    model.encoder, model.decoder = ConnectedEncoder(LATENT_DIM, nn.SiLU), ConnectedDecoder(LATENT_DIM, nn.SiLU)
    return model


def diagnostics(
    model: nn.Module, images: torch.Tensor, thresholded: torch.Tensor, num_samples: int
) -> dict[str, float]:
    """Return what tells an importance weighted autoencoder from a VAE beside its likelihood.

    Args:
        model: on the images' device.
        images, thresholded: held-out images, drawn once and cut at one half, (N, 1, 28, 28) in {0, 1}.
        num_samples: K of the bound whose gradient is looked at.
    """
    noise = {f"gradient_{name}": float(f"{value:.4g}") for name, value in gradient(model, images, num_samples).items()}
    bound = estimate(model.eval(), thresholded, NUM_SAMPLES).bound
    return noise | {
        "active_units_kl": solution("iwae")["active_units"](model, images, "kl")[0],
        "log_likelihood_thresholded": round(float(bound.mean()), 3),
    }


def gradient(model: nn.Module, images: torch.Tensor, num_samples: int) -> dict[str, float]:
    """Return variance and signal-to-noise ratio of the gradient of the bound for the encoder's first layer.

    Args:
        model: on the images' device.
        images: held-out images, of which the first GRADIENT_IMAGES are used.
        num_samples: K of the bound.
    """
    generator = torch.Generator(images.device).manual_seed(0)
    few = images[:GRADIENT_IMAGES]
    variance, snr = solution("iwae")["gradient_snr"](model, few, num_samples, GRADIENT_RUNS, generator)
    return {"variance": variance, "snr": snr}


def active_units(model: nn.Module, images: torch.Tensor) -> dict[str, int]:
    """Return the number of active units by each rule."""
    return {rule: solution("iwae")["active_units"](model, images, rule)[0] for rule in ("variance", "kl")}


def model_of(name: str, objective: str, num_samples: int) -> Model:
    """Return the model of that name."""
    network = Network(lambda: build(objective, num_samples))
    seeds = SEEDS if num_samples < MANY else SEEDS_OF_MANY
    return Model(name, {"connected": network}, checkpoints=(objective,), num_samples=num_samples, seeds=seeds)


assignment = Assignment(
    builds_on=("vae",),
    models=tuple(model_of(name, *of) for name, of in SAMPLES.items()),
    comparison=Comparison(
        title="VAE against IWAE",
        objectives={name: objective for name, (objective, _) in SAMPLES.items()},
        order=("vae_k1", "iwae_k5", "iwae_k50"),  # L_1 is the ELBO
        entry="gradient_snr",
        measures=diagnostics,
        explanation=EXPLANATION,
        published=PUBLISHED,
    ),
    measures={"active": active_units, "gradient": lambda model, images: gradient(model, images, model.num_samples)},
)
