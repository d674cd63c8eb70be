"""Reference runs: which there are, from which weights they start, and their likelihood against quadrature."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autograder import likelihood, reference
from autograder.course import Course
from autograder.reference import Run, runs_for

WEIGHT, BIAS = torch.tensor([[2.0], [-1.5]]), torch.tensor([0.3, -0.2])
IMAGES = torch.tensor([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]).reshape(3, 1, 1, 2)


def test_runs_are_those_that_the_gates_need():
    """N(0, I) is trained with two networks whatever the assignments, each learned prior of an assignment with one."""
    networks = {("vae", "convolutional"), ("vae", "connected")}
    priors = {("vae_mixture", "convolutional"), ("vae_flow", "convolutional")}
    for assignments, kinds in ((("vae",), networks), (("priors",), networks | priors), (("other",), networks)):
        found = runs_for(assignments)
        assert {(run.model, run.network) for run in found} == kinds
        assert len(found) == len(set(found)) == 5 * len(kinds)


def test_runs_have_keys_that_evaluation_reads(tmp_path, monkeypatch):
    """With a record under the key of every run, each model of every assignment can be judged."""
    course = Course(course_id="t", assignments=("vae", "priors"), dataset="glyphs", budget="quick")
    path = tmp_path / "reference.yaml"
    for run in runs_for(course.assignments):
        record = {"gate_bound": -90.0 - run.seed, "gate_elbo": -95.0, "active_units": 20}
        likelihood.results.merge(path, run.key(course), record)
    nothing = likelihood.Measurement(0.0, 0.0, 0.0, 0, 0)
    for name in likelihood.PRIORS:
        assert likelihood.evaluation(nothing, course, name, path).best_reference == -90.0


def test_runs_have_checkpoints_of_their_own():
    """No two runs share a checkpoint, and those of a learned prior are named as the notebook names them."""
    found = runs_for(("vae", "priors"))
    assert len({(run.name, run.seed) for run in found}) == len(found)
    assert {run.name for run in found if run.prior} == {"vae_mixture", "vae_flow"}


def test_networks_of_a_seed_start_alike(monkeypatch):
    """Whatever its prior, a model starts with the encoder and decoder of its seed, and no other seed's."""
    priors = {"MixturePrior": drawing("num_components"), "FlowPrior": drawing("num_flows")}
    of_vae = reference.solution()
    monkeypatch.setattr(reference, "solution", lambda assignment="vae": {"vae": of_vae, "priors": priors}[assignment])
    plain, mixture, flow = (
        reference.build(Run(name, "convolutional", 3), "cpu") for name in ("vae", "vae_mixture", "vae_flow")
    )
    other = reference.build(Run("vae", "convolutional", 4), "cpu")
    assert (plain.prior, mixture.prior.size, flow.prior.size) == (None, (20, 50), (8, 50))
    for name, value in plain.named_parameters():
        assert torch.equal(value, mixture.get_parameter(name))
        assert torch.equal(value, flow.get_parameter(name))
    assert not torch.equal(plain.decoder.layers[0].weight, other.decoder.layers[0].weight)


def drawing(option):
    """Return a class of priors that draws a number when it is made."""

    class Prior(nn.Module):
        def __init__(self, latent_dim, **options):
            super().__init__()
            self.size, self.number = (options[option], latent_dim), nn.Parameter(torch.randn(()))

    return Prior


def test_solution_imports_earlier_ones(tmp_path, monkeypatch):
    """A reference solution can import those of earlier assignments, and the path is as before."""
    monkeypatch.setattr(reference, "ROOT", tmp_path)
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "earlier_of_a_test.py").write_text("def one():\n    return 1\n")
    (tmp_path / "solutions" / "later.py").write_text("from earlier_of_a_test import one\n\ntwo = one() + one()\n")
    path = list(reference.sys.path)
    assert reference.solution("later")["two"] == 2
    assert reference.sys.path == path


class Toy(nn.Module):
    """A model of two pixels and one latent dimension, whose log p(x) is an integral."""

    def __init__(self, prior=None):
        super().__init__()
        self.prior = prior

    def encoder(self, x):
        mu = 0.5 * (x.flatten(1) @ WEIGHT)
        return mu, torch.full_like(mu, -0.3)

    def decoder(self, z):
        return (z @ WEIGHT.T + BIAS).unflatten(-1, (1, 1, 2))


class Shifted(nn.Module):
    """N(1, 1)."""

    def log_prob(self, z):
        return -0.5 * (math.log(2 * math.pi) + (z[..., 0] - 1) ** 2)


@pytest.mark.parametrize("prior", [None, Shifted()], ids=["standard", "shifted"])
def test_log_likelihood_is_the_integral(prior):
    """With 20,000 samples the bound of each image is log p(x) under the model's own prior, and the ELBO lies below."""
    bound, elbo = reference.log_likelihood(Toy(prior), IMAGES, 20_000)
    z = torch.linspace(-9, 9, 4001)[:, None]
    logits, x = z @ WEIGHT.T + BIAS, IMAGES.flatten(1)
    log_prior = Shifted().log_prob(z + (0 if prior else 1))
    truth = ((x[:, None] * logits - F.softplus(logits)).sum(-1) + log_prior).logsumexp(1) + math.log(18 / 4000)
    # weights with a standard deviation of their own size at most: 0.007 a standard error
    assert torch.allclose(bound, truth.double(), rtol=0, atol=0.03)
    assert (elbo < bound).all()
