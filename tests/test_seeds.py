"""The hidden suites of `priors` and `iwae` on published code of others, which is no part of this repository.

COURSE_SEEDS names a folder of text files. One holds a mixture prior and a flow prior as a notebook printed as text;
layers see one point at a time there, as they only work then. Three hold losses of importance weighted autoencoders.
Names and signatures are adapted while the test runs; formulas are left as they stand.
"""

import contextlib
import os
import re
import warnings
from pathlib import Path

import numpy
import pytest
import torch
from torch import nn

from autograder.reporting.report import Status
from tests import suites

FOLDER = os.environ.get("COURSE_SEEDS", "")

pytestmark = pytest.mark.skipif(not FOLDER, reason="COURSE_SEEDS names no folder of published code")


@contextlib.contextmanager
def seeded(generator):
    """Let torch's global generator follow the given one for a while, as code without the argument needs it."""
    with torch.random.fork_rng(enabled=generator is not None):
        if generator is not None:
            torch.manual_seed(generator.initial_seed())
        yield


def by_rows(function, points):
    """Return a function's values for each point by itself."""
    rows = [function(row[None]).squeeze(0) for row in points.flatten(0, -2)]
    return torch.stack(rows).unflatten(0, points.shape[:-1])


def class_of(name, holding=""):
    """Return the source of a class that one of the texts holds: its line and the indented ones that follow.

    Args:
        holding: what the class contains, where several have this name.
    """
    return source_of(rf"class {name}\(", holding)


def function_of(name):
    """Return the source of a function that one of the texts holds."""
    return source_of(rf"def {name}\(")


def source_of(start, holding=""):
    """Return the line that starts like this, at the margin, and the indented ones that follow."""
    pattern = re.compile(rf"^(?:{{%.*%}})?({start}.*\n(?:(?:[ \t].*)?\n)+)", re.MULTILINE)  # a mark may open a block
    texts = [path.read_text() for path in sorted(Path(FOLDER).glob("*.txt"))]
    found = [match.group(1).partition("{% endraw %}")[0] for text in texts for match in pattern.finditer(text)]
    found = [source for source in found if holding in source]
    assert len(found) == 1, f"expected one {start} in {FOLDER}, found {len(found)}"
    return found[0]


def published():
    """Return the classes as published, with the parameters' names of the contract."""
    source = "\n".join(class_of(name) for name in ("Prior", "PlanarFlow", "NormalizingFlowPrior"))
    source = re.sub(r"self\.pi_logits\b", "self.logits", source)
    source = re.sub(r"self\.mu\b", "self.loc", source)
    namespace = {"__name__": "published"}
    exec("import math\nimport torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n" + source, namespace)
    return namespace


def submission():
    """Return the reference solution with the published priors in place of its own."""
    theirs = published()

    class MixturePrior(theirs["Prior"]):
        def __init__(self, num_components, latent_dim):
            super().__init__(latent_dim, K=num_components, device="cpu")

        def log_prob(self, z):
            return super().forward(z.flatten(0, -2)).unflatten(0, z.shape[:-1])

        def sample(self, n, generator=None):
            with seeded(generator), torch.no_grad():
                return super().sample(n).to(self.loc.dtype)

    class PlanarFlow(theirs["PlanarFlow"]):
        def __init__(self, latent_dim):
            super().__init__(latent_dim)

        def forward(self, v):
            return by_rows(super().forward, v), by_rows(self.log_abs_det_jacobian, v)

    class Moves:
        def __init__(self, layer):
            self.layer = layer

        def __call__(self, z):
            return self.layer(z)[0]

        def log_abs_det_jacobian(self, z):
            return self.layer(z)[1]

    class Whole:
        def __init__(self, prior):
            self.z_dim, self.flows = prior.latent_dim, [Moves(layer) for layer in prior.layers]

    class FlowPrior(nn.Module):
        def __init__(self, num_flows, latent_dim):
            super().__init__()
            self.latent_dim = latent_dim
            self.layers = nn.ModuleList(PlanarFlow(latent_dim) for _ in range(num_flows))

        def log_prob(self, z):
            rows = theirs["NormalizingFlowPrior"].forward(Whole(self), z.flatten(0, -2))
            return rows.unflatten(0, z.shape[:-1])

        def sample(self, n, generator=None):
            default = torch.get_default_dtype()
            torch.set_default_dtype(self.layers[0].w.dtype)
            try:
                with seeded(generator), torch.no_grad():
                    return theirs["NormalizingFlowPrior"].sample(Whole(self), n)
            finally:
                torch.set_default_dtype(default)

    own = {"MixturePrior": MixturePrior, "PlanarFlow": PlanarFlow, "FlowPrior": FlowPrior}
    return suites.Suite("priors").solution() | own


@pytest.fixture(scope="module")
def failed():
    """The outcomes of the hidden tests that the published code does not pass, by test."""
    suite = suites.Suite("priors")
    found = suite.outcomes(submission(), evaluate=lambda name: suites.evaluation())
    return {o.test: o for o in found if o.status is not Status.PASSED}


def test_published_mixture_is_right_but_for_its_floor(failed):
    """The mixture fails where a weight lies below its floor of 1e-8, is told so, and fails nowhere else."""
    lost = [o for o in failed.values() if o.cell.startswith("mixture")]
    assert [o.test for o in lost] == ["test_mixture_log_prob_is_exact_for_extreme_logits"]
    assert "small number is added to the weights" in lost[0].hint


def test_published_flow_fails_in_its_own_cells(failed):
    """Layer, inverse and prior of the flow fail; the bound does not."""
    assert {"planar_flow", "planar_inverse", "flow_prior"} <= {o.cell for o in failed.values()}
    assert not [o for o in failed.values() if o.cell in ("monte_carlo_elbo", "mixture_sample", "trained_prior")]


def test_published_flow_is_told_about_its_direction(failed):
    """Density and samples of the flow are named for what they are: layers run the wrong way."""
    assert "Which way do your layers go" in failed["test_flow_log_prob_is_the_log_density"].hint
    assert "run forward" in failed["test_flow_sample_follows_its_density"].hint


def test_published_layer_is_told_about_its_constraint_and_prints(failed):
    """The layer is told that u is not constrained, that it folds, and that it prints."""
    said = " ".join(o.message + " " + o.hint for o in failed.values() if o.cell == "planar_flow")
    assert "u itself is used" in said
    assert "two points land on one" in said
    assert "Remove print calls" in said


# --- importance weighted autoencoders ---------------------------------------------------------------------------------


def iwae_outcomes(**functions):
    """Return the outcomes of the hidden suite of `iwae` on the reference with other functions, by test."""
    suite = suites.Suite("iwae")
    found = suite.outcomes(suite.solution() | functions, evaluate=lambda name: suites.evaluation())
    return {o.test: o for o in found}


def lost(found):
    """Return the outcomes of hidden tests that are not passed."""
    return [o for o in found.values() if o.status is not Status.PASSED]


def executed_source(*sources):
    """Return the namespace of published sources."""
    namespace = {"__name__": "published", "nn": nn, "torch": torch, "np": numpy, "F": torch.nn.functional}
    exec("import torch.distributions as dists\nMNIST_SIZE, HIDDEN_DIM, LATENT_DIM, device = 28, 4, 2, 'cpu'", namespace)
    with warnings.catch_warnings(action="ignore"):  # formulas in docstrings hold backslashes
        for source in sources:
            exec(source, namespace)
    return namespace


def explained():
    """Return iwae_loss as the three modes of the published explanation, whose weights are (B, K)."""
    namespace = executed_source(class_of("VAE", "create_latent_traversal"), class_of("IWAE", "normalized weights"))
    published_loss = namespace["IWAE"].compute_loss
    modes = {"fast": "fast", "normalized": "normalized weights", "original": "original"}

    class Given:
        """Takes the place of the model: its log weights are given, and the bound that follows is the published one."""

        k = None

        def __init__(self, log_w):
            self.log_w = log_w

        def compute_marginal_log_likelihood(self, x, k):
            log_likelihood = (torch.logsumexp(self.log_w, 1) - numpy.log(self.log_w.shape[1])).mean()
            return log_likelihood, self.log_w

    def iwae_loss(log_w, form):
        if form not in modes:
            raise ValueError(form)
        return published_loss(Given(log_w.T), None, len(log_w), mode=modes[form])

    return iwae_loss


def test_explained_losses_have_one_gradient():
    """The three modes of the published explanation pass every hidden test of iwae_loss."""
    assert not lost(iwae_outcomes(iwae_loss=explained()))


def test_explained_weights_are_right():
    """The published log weights of the explanation, for the prior N(0, I) that they know, are those of the formula."""
    published_class = executed_source(class_of("VAE", "create_latent_traversal"))["VAE"]
    reference = suites.Suite("iwae").solution()["log_weights"]

    class Given(nn.Module):
        """Takes the place of the model: its parts are given."""

        def __init__(self, model, eps):
            super().__init__()
            self.model, self.eps, self.k = model, eps, len(eps)

        def forward(self, x, k):
            mu, log_var = self.model.encoder(x)
            z = (mu + torch.exp(log_var / 2) * self.eps).transpose(0, 1)  # (B, K, D)
            return [torch.sigmoid(self.model.decoder(z)), z, mu, log_var]

    def log_weights(model, x, eps):
        if model.prior is not None:
            return reference(model, x, eps)
        return published_class.compute_marginal_log_likelihood(Given(model, eps), x)[1].T

    assert not lost(iwae_outcomes(log_weights=log_weights))


def test_project_loss_is_right():
    """The published loss of the project that compares both objectives, for given log weights, is the negative bound."""
    source = class_of("IWAE", "multi-échantillons")
    line = next(line.strip() for line in source.splitlines() if line.strip().startswith("loss = - (torch.logsumexp"))
    reference = suites.Suite("iwae").solution()["iwae_loss"]

    def iwae_loss(log_w, form):
        if form != "fast":
            return reference(log_w, form)
        given = type("Given", (), {"K": len(log_w)})
        names = {"torch": torch, "log_w": log_w, "self": given}
        exec(line, names)
        return names["loss"]

    assert not lost(iwae_outcomes(iwae_loss=iwae_loss))


def test_assignment_loss_is_told_about_log_k():
    """The published loss of the short assignment, a vector with the sign of log K turned round, fails where values are
    asked, and is told about log K once it is averaged."""
    namespace = executed_source(function_of("loss_function_IWAE"))
    reference = suites.Suite("iwae").solution()["iwae_loss"]

    def published_loss(log_w):
        namespace["calc_log_joint"] = lambda x, theta, z: z[:, 0]
        namespace["calc_log_q_z"] = lambda mean, log_var, z: torch.zeros_like(z[:, 0])
        z = log_w.T[..., None]  # (B, K, 1): the log weights themselves
        return namespace["loss_function_IWAE"](z, z, z, z, z, len(log_w))

    as_published = iwae_outcomes(iwae_loss=lambda w, form: published_loss(w) if form == "fast" else reference(w, form))
    assert {o.cell for o in lost(as_published)} == {"iwae_loss"}
    assert "shape (3,)" in as_published["test_iwae_loss_fast_is_the_negative_bound"].message
    bound = iwae_outcomes(iwae_bound=lambda log_w: -published_loss(log_w))
    assert {o.cell for o in lost(bound)} == {"iwae_bound"}
    assert "log K is added" in bound["test_iwae_bound_is_the_log_of_the_mean_weight"].hint
    averaged = iwae_outcomes(
        iwae_loss=lambda w, form: published_loss(w).mean() if form == "fast" else reference(w, form)
    )
    assert {o.cell for o in lost(averaged)} == {"iwae_loss"}
    assert "log K is added" in averaged["test_iwae_loss_fast_is_the_negative_bound"].hint


def test_project_units_are_those_of_the_divergence():
    """The published statistic of the project, a mean over batches of equal size, is that of the rule "kl"."""
    source = function_of("compute_batch_kl")
    kl = executed_source(source)["compute_batch_kl"]
    reference = suites.Suite("iwae").solution()["active_units"]

    def active_units(model, x, rule, threshold=0.01):
        if rule != "kl":
            return reference(model, x, rule, threshold)
        statistic = kl(*(t.detach() for t in model.encoder(x)))
        return int((statistic > threshold).sum()), statistic

    assert not lost(iwae_outcomes(active_units=active_units))
