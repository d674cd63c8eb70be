"""What the reference solution of gaps makes of input that is bad, or none: a ValueError that names argument and value, or an empty answer."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from autograder import catalogue

GAPS = catalogue.solution("gaps")


class Model(nn.Module):
    """A small model with two latent dimensions and images of two by two pixels."""

    def __init__(self):
        super().__init__()
        self.latent_dim, self.prior = 2, None
        self.linear, self.back = nn.Linear(4, 4), nn.Linear(2, 4)
        self.encoder = Encoder(self.linear)
        self.decoder = Decoder(self.back)


class Encoder(nn.Module):
    def __init__(self, linear):
        super().__init__()
        self.linear = linear

    def forward(self, x):
        return self.linear(x.flatten(1)).chunk(2, -1)


class Decoder(nn.Module):
    def __init__(self, linear):
        super().__init__()
        self.linear = linear

    def forward(self, z):
        return self.linear(z).unflatten(-1, (1, 2, 2))


AIS = {"num_chains": 2, "betas": (0.0, 0.5, 1.0), "num_leapfrog": 2, "step_size": 0.1}
LOCAL = {"family": "gaussian", "steps": 2, "num_samples": 2}
REFIT = {"steps": 2, "num_samples": 2}
FUNCTIONS = {
    "ais_log_likelihood": AIS,
    "optimize_local_q": LOCAL,
    "refit_encoder": REFIT,
}
BAD = [
    ("ais_log_likelihood", "betas", (0.1, 1.0)),
    ("ais_log_likelihood", "betas", (0.0, 0.9)),
    ("ais_log_likelihood", "betas", (0.0, 0.6, 0.4, 1.0)),
    ("ais_log_likelihood", "betas", (0.0, 0.5, 0.5, 1.0)),
    ("ais_log_likelihood", "betas", (0.0, math.nan, 1.0)),
    ("ais_log_likelihood", "betas", ()),
    ("ais_log_likelihood", "betas", (1.0,)),
    ("ais_log_likelihood", "num_leapfrog", 0),
    ("ais_log_likelihood", "num_chains", 0),
    ("optimize_local_q", "family", "laplace"),
    ("optimize_local_q", "steps", -1),
    ("optimize_local_q", "num_samples", 0),
    ("refit_encoder", "steps", -1),
    ("refit_encoder", "num_samples", 0),
    ("flip_pixels", "num_pixels", 5),
    ("flip_pixels", "num_pixels", -1),
]


def images(count):
    """Return images of two by two pixels."""
    return torch.bernoulli(torch.full((count, 1, 2, 2), 0.5), generator=torch.Generator().manual_seed(0))


def asked(name, x, **changes):
    """Return the answer of a function to these images."""
    if name == "flip_pixels":
        return GAPS[name](x, **changes)
    torch.manual_seed(0)
    return GAPS[name](Model().eval(), x, **FUNCTIONS[name] | changes)


@pytest.mark.parametrize(("name", "argument", "value"), BAD)
def test_bad_value_is_refused_by_its_name(name, argument, value):
    """The text of the ValueError has the argument and what came."""
    with pytest.raises(ValueError, match=argument) as raised:
        asked(name, images(3), **{argument: value})
    assert str(list(value) if isinstance(value, tuple) else value) in str(raised.value)


def test_batch_of_no_images_gives_an_empty_answer():
    """Every function of images answers with as many values as there are images, but for the one that fits to them."""
    none = images(0)
    assert asked("ais_log_likelihood", none).shape == (0,)
    for family in ("gaussian", "flow"):
        assert asked("optimize_local_q", none, family=family)[0].shape == (0,)
    assert asked("flip_pixels", none, num_pixels=2).shape == none.shape
    with pytest.raises(ValueError, match=r"x must hold at least one image, got shape \(0, 1, 2, 2\)"):
        asked("refit_encoder", none)  # there is nothing to fit an encoder to


@pytest.mark.parametrize("step_size", [1e10, 1e30, math.inf, math.nan])
def test_step_at_which_every_proposal_is_refused_gives_importance_sampling(step_size):
    """Chains that stay where they start weigh their draw of the prior."""
    x, generator = images(3), torch.Generator().manual_seed(1)
    found = asked("ais_log_likelihood", x, step_size=step_size, generator=generator)
    torch.manual_seed(0)
    model = Model()
    codes = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(1))
    weights = torch.distributions.Bernoulli(logits=model.decoder(codes)).log_prob(x).sum((-3, -2, -1))
    torch.testing.assert_close(found, weights.logsumexp(0).detach() - math.log(2))


def test_betas_may_be_a_tensor_of_any_precision():
    """A schedule in half precision is read as the numbers that it holds."""
    betas = torch.tensor([0.0, 0.25, 1.0])
    answers = [
        asked("ais_log_likelihood", images(3), betas=given, generator=torch.Generator().manual_seed(0))
        for given in (betas, betas.half(), betas.double(), betas.tolist())
    ]
    assert all(torch.equal(answers[0], other) for other in answers)


def test_gaps_of_no_images_are_empty():
    """The three gaps have the shape of the bounds."""
    none = torch.zeros(0)
    assert [gap.shape for gap in GAPS["inference_gaps"](none, none, none)] == [(0,)] * 3


def test_gradient_norms_of_a_model_without_gradients_are_zero():
    """Where no gradient was taken yet, both norms are zero, and their ratio raises nothing."""
    model = Model()
    found = GAPS["gradient_norms"](SimpleNamespace(encoder=model.encoder, decoder=model.decoder))
    assert (found["encoder"], found["decoder"]) == (0.0, 0.0)
