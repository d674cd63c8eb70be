"""Reference runs: which there are, from which weights they start, and their likelihood against quadrature."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autograder import catalogue
from autograder.course import ConfigError, Course
from autograder.trained import estimate, gates, likelihood
from autograder.trained.reference import Run, runs_for

WEIGHT, BIAS = torch.tensor([[2.0], [-1.5]]), torch.tensor([0.3, -0.2])
IMAGES = torch.tensor([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]).reshape(3, 1, 1, 2)


def test_runs_are_those_that_the_gates_need():
    """N(0, I) is trained with two networks whatever the assignments, each other model of an assignment with one."""
    networks = {("vae", "convolutional"), ("vae", "connected")}
    priors = {("vae_mixture", "convolutional"), ("vae_flow", "convolutional")}
    samples = {(name, "connected") for name in ("vae_k1", "vae_k5", "iwae_k5", "vae_k50", "iwae_k50")}
    more = ((("vae",), set()), (("priors",), priors), (("iwae", "vae"), samples))
    for assignments, kinds in ((assignments, networks | kinds) for assignments, kinds in more):
        found = runs_for(assignments)
        assert {(run.model.name, run.network) for run in found} == kinds
        many = [run for run in found if run.model.num_samples == 50]
        assert len(many) == 3 * sum(name.endswith("k50") for name, _ in kinds)  # at least as many as a gate needs
        assert (
            len([run for run in found if run not in many])
            == len(found) - len(many)
            == 5 * sum(not name.endswith("k50") for name, _ in kinds)
        )


def test_runs_have_keys_that_evaluation_reads(tmp_path, monkeypatch):
    """With a record under the key of every run, each model of every assignment can be judged."""
    course = Course(course_id="t", assignments=tuple(catalogue.every()), dataset="glyphs", budget="quick")
    path = tmp_path / "reference.yaml"
    for run in runs_for(course.assignments):
        record = {"gate_bound": -90.0 - run.seed, "gate_elbo": -95.0, "active_units": 20}
        gates.results.merge(path, run.key(course), record)
    nothing = likelihood.Measurement(0.0, 0.0, 0.0, 0, 0)
    for name in catalogue.models():
        assert gates.evaluation(nothing, course, name, path).best_reference == -90.0


def test_runs_have_checkpoints_of_their_own():
    """No two runs share a checkpoint, and those beside the assignment vae's are named as the notebooks name them."""
    found = runs_for(catalogue.every())
    assert len({(run.name, run.model.num_samples, run.seed) for run in found}) == len(found)
    names = {(run.name, run.model.num_samples) for run in found if run.model.name != "vae"}
    assert names == {("vae_mixture", 1), ("vae_flow", 1), *((of, k) for of in ("vae", "iwae") for k in (1, 5, 50))} - {
        ("iwae", 1)
    }


@pytest.mark.parametrize("name", catalogue.of("iwae").comparison.objectives)
def test_multi_sample_models_have_the_objective_of_their_name(name):
    """A batch's loss is the negative mean over images of the samples' mean ELBO, or of their importance weighted bound."""
    objective, k = catalogue.of("iwae").comparison.objectives[name], catalogue.models()[name].num_samples
    model = Run(catalogue.models()[name], "connected", 0).build()
    x = (torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    torch.manual_seed(5)
    loss = model(x)
    torch.manual_seed(5)
    eps = torch.randn(k, 3, 50)
    expected = model.elbo(x, eps).mean()
    if objective == "iwae":
        mu, log_var = model.encoder(x)
        z = mu + torch.exp(log_var / 2) * eps
        log_p = torch.distributions.Bernoulli(logits=model.decoder(z)).log_prob(x).sum((-3, -2, -1))
        log_ratio = 0.5 * (eps**2 + log_var - z**2).sum(-1)
        expected = ((log_p + log_ratio).logsumexp(0) - math.log(k)).mean()
    torch.testing.assert_close(loss, -expected)


def test_networks_of_a_seed_start_alike(monkeypatch):
    """Whatever its prior, a model starts with the encoder and decoder of its seed, and no other seed's."""
    priors = {"MixturePrior": drawing("num_components"), "FlowPrior": drawing("num_flows")}
    monkeypatch.setattr("autograder.suite.priors.assignment.solution", {"priors": priors}.get)
    plain, mixture, flow = (
        Run(catalogue.models()[name], "convolutional", 3).build() for name in ("vae", "vae_mixture", "vae_flow")
    )
    other = Run(catalogue.models()["vae"], "convolutional", 4).build()
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
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "earlier_of_a_test.py").write_text("def one():\n    return 1\n")
    (tmp_path / "solutions" / "later.py").write_text("from earlier_of_a_test import one\n\ntwo = one() + one()\n")
    path = list(catalogue.sys.path)
    assert catalogue.solution("later")["two"] == 2
    assert catalogue.sys.path == path


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
@pytest.mark.parametrize("rows", [1000, 100_000], ids=["images apart", "images together"])
def test_estimates_are_integrals(prior, rows, monkeypatch):
    """With 20,000 samples all estimates of each image are integrals over z, under the model's own prior."""
    monkeypatch.setitem(estimate.ROWS, "cpu", rows)
    model = Toy(prior)
    found = estimate.estimate(model, IMAGES, 20_000)
    z = torch.linspace(-9, 9, 4001, dtype=torch.float64)[:, None]
    logits, x = z @ WEIGHT.T.double() + BIAS, IMAGES.flatten(1)
    log_p_x = (x[:, None] * logits - F.softplus(logits)).sum(-1)
    log_joint = log_p_x + Shifted().log_prob(z + (0 if prior else 1)) + math.log(18 / 4000)
    truth = log_joint.logsumexp(1)
    mu, log_var = (part.double() for part in model.encoder(IMAGES))
    log_q = (-0.5 * (math.log(2 * math.pi) + log_var + (z.T - mu) ** 2 / log_var.exp())) + math.log(18 / 4000)
    # weights with a standard deviation of their own size at most: 0.007 a standard error
    for estimated, expected in (
        (found.bound, truth),
        (found.elbo, (log_q.exp() * (log_joint - log_q)).sum(1)),
        (found.reconstruction, -(log_q.exp() * log_p_x).sum(1)),
        (found.weighted_reconstruction, -((log_joint - truth[:, None]).exp() * log_p_x).sum(1)),
    ):
        torch.testing.assert_close(estimated, expected, rtol=0, atol=0.03)


def test_products_of_many_sigmoids_do_not_underflow():
    """log p(x|z) of 1024 pixels is exact where each sigmoid is a half, and where logits are huge."""
    logits = torch.zeros(1, 1, 1024)
    logits[..., :4] = 90.0
    x = torch.ones(1, 1024)
    x[:, 0] = 0
    expected = -90 - 1020 * math.log(2)
    assert float(estimate._bernoulli_log_prob(x, logits)) == pytest.approx(expected, rel=1e-6)


def test_assignment_without_a_suite_is_named():
    """An assignment of the course that no folder of the suite declares is the instructor's to mend: the file is named."""
    with pytest.raises(ConfigError, match="autograder/suite/gan/assignment.py is missing"):
        catalogue.of("gan")
