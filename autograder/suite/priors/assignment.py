"""The assignment on learnable priors: what it trains."""

from torch import nn

from autograder.catalogue import Assignment, Model, Network, solution
from autograder.suite.priors.learned import FLOW, MIXTURE
from autograder.suite.vae.assignment import LATENT_DIM, convolutional

NUM_COMPONENTS = 20
NUM_FLOWS = 8


def with_mixture() -> nn.Module:
    """Return the reference solution's model with a mixture as its prior."""
    model = convolutional()
    model.prior = solution("priors")["MixturePrior"](num_components=NUM_COMPONENTS, latent_dim=LATENT_DIM)
    return model


def with_flow() -> nn.Module:
    """Return the reference solution's model with a planar flow as its prior."""
    model = convolutional()
    model.prior = solution("priors")["FlowPrior"](num_flows=NUM_FLOWS, latent_dim=LATENT_DIM)
    return model


def model_of(name: str, build, prior) -> Model:
    """Return the model of that name; no prior has to gain anything over N(0, I)."""
    return Model(name, networks={"convolutional": Network(build)}, checkpoints=(name,), prior=prior, admits=("vae",))


assignment = Assignment(
    builds_on=("vae",),
    models=(model_of("vae_mixture", with_mixture, MIXTURE), model_of("vae_flow", with_flow, FLOW)),
)
