"""The trained model's bound and gates: against quadrature, and against models that try to look better than they are."""

import dataclasses
import itertools
import math
import re

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import nn

import lab
from autograder.course import Course
from autograder.judging.draw import Draw
from autograder.judging.rubric import Partial
from autograder.kernel.failures import BadAnswer, NotDefined
from autograder.kernel.remote import in_process
from autograder.suite.priors.learned import FLOW, MIXTURE
from autograder.trained import likelihood
from autograder.trained import prior as learned
from autograder.trained.gates import Evaluation, Gate, NoReference, evaluation
from autograder.trained.likelihood import Measurement, measure, posterior
from autograder.trained.prior import prior_of

SHAPE = (1, 2, 2)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Fewer images and samples than for a class."""
    monkeypatch.setattr(likelihood, "IMAGES", 16)
    monkeypatch.setattr(likelihood, "NUM_SAMPLES", 200)
    monkeypatch.setattr(likelihood, "AGAIN", 16)
    monkeypatch.setattr(learned, "PRIOR_POINTS", 500)


WEIGHT = torch.tensor([[2.0], [-1.5], [1.0], [0.5]])
BIAS = torch.tensor([0.3, -0.2, 0.1, -0.4])
IMAGES = torch.tensor(list(itertools.product((0.0, 1.0), repeat=4))).reshape(16, *SHAPE)


def log_px(log_prior=lambda z: -0.5 * (math.log(2 * math.pi) + z[:, 0] ** 2)):
    """log p(x) of the toy decoder for each of the 16 images, by quadrature over its one latent dimension."""
    z = torch.linspace(-9, 9, 4001, dtype=torch.float64)[:, None]
    logits = z @ WEIGHT.double().T + BIAS.double()
    x = IMAGES.double().flatten(1)
    log_joint = (x[:, None] * logits - F.softplus(logits)).sum(-1) + log_prior(z)
    return log_joint.logsumexp(1) + math.log(18 / 4000)


class Encoder(nn.Module):
    """mu is a number of each image, log_var the same for all."""

    def __init__(self, mu=lambda x: 0.5 * (x.flatten(1) @ WEIGHT), log_var=-0.5):
        super().__init__()
        self.mu, self.log_var = mu, log_var

    def forward(self, x):
        mu = self.mu(x)
        return mu, torch.full_like(mu, self.log_var)


class Decoder(nn.Module):
    """The toy decoder."""

    def forward(self, z):
        return (z @ WEIGHT.to(z.dtype).T + BIAS.to(z.dtype)).unflatten(-1, SHAPE)


def measured(encoder=None, decoder=Decoder, images=IMAGES, seed="a", prior=None, elsewhere=None):
    """Return the measurement of a toy model; each fresh decoder is made anew, as in a new kernel."""
    encode = in_process({"encoder": encoder or Encoder()}).variable("encoder")
    draw, given = Draw("secret", seed), prior and handed_in(prior)
    codes = posterior(encode, images if elsewhere is None else torch.cat([images, elsewhere]))
    fresh = lambda: in_process({"decoder": decoder()}).variable("decoder")  # noqa: E731
    return measure(codes, fresh, images, draw, given, elsewhere)


# --- numbers ---------------------------------------------------------------------------------------


def test_bound_comes_up_to_the_likelihood(monkeypatch):
    """With many samples the bound is within 0.02 nats of log p(x) by quadrature, and below it in expectation."""
    monkeypatch.setattr(likelihood, "NUM_SAMPLES", 4000)
    found, truth = measured(), float(log_px().mean())
    # bias -Var(w)/2K below 0.001 nats; standard error of the mean over 16 images 0.005 nats; 4 of them
    assert found.bound == pytest.approx(truth, abs=0.02)


def test_elbo_is_the_bounds_lower_end():
    """The ELBO equals its closed form up to four standard errors, and lies below the bound."""
    found, truth = measured(), float(log_px().mean())
    mu, var = 0.5 * (IMAGES.flatten(1) @ WEIGHT).double(), math.exp(-0.5)
    kl = 0.5 * (mu**2 + var - 1 + 0.5).sum(-1)
    u = torch.linspace(-8, 8, 2001, dtype=torch.float64)
    logits = (mu + math.sqrt(var) * u)[..., None] * WEIGHT.double().T[0] + BIAS.double()  # (16, 2001, 4)
    x = IMAGES.double().flatten(1)[:, None]
    density = torch.exp(-0.5 * u**2) / math.sqrt(2 * math.pi)
    expected = ((x * logits - F.softplus(logits)).sum(-1) * density).sum(1) * (16 / 2000) - kl
    # 3200 samples whose log weights have a standard deviation below 1.5: 4 standard errors are 0.11
    assert found.elbo == pytest.approx(float(expected.mean()), abs=0.11)
    assert found.elbo < found.bound < truth + 0.05


def test_permuted_elbo_meets_the_codes_of_other_images():
    """Images decoded from the codes of others cost nats where codes matter, and none where all codes are alike."""
    found = measured()
    assert found.elbo_permuted < found.elbo - 0.2
    blind = measured(Encoder(mu=lambda x: torch.zeros(len(x), 1)))
    # the same codes for all images: the mean over images of Σ x·logits is not moved by a permutation but for noise
    assert blind.elbo_permuted == pytest.approx(blind.elbo, abs=0.3)


def test_measurement_is_the_same_at_a_regrade():
    """The same draw gives the same numbers, another one others close by."""
    first, again, other = measured(), measured(), measured(seed="b")
    assert first == again
    assert first.bound != other.bound
    assert first.bound == pytest.approx(other.bound, abs=0.1)


def test_order_of_codes_does_not_matter(monkeypatch):
    """Codes are sent shuffled and in pieces; each image gets its own logits back."""
    monkeypatch.setattr(likelihood, "ROWS", 37)
    pieces = measured()
    monkeypatch.setattr(likelihood, "ROWS", 10**6)
    assert measured().bound == pytest.approx(pieces.bound, abs=1e-5)  # float32 in batches of other sizes


def test_active_units_are_those_whose_mean_varies():
    """A latent dimension counts where its posterior mean varies over images by more than 0.01."""

    class Wide(Decoder):
        def forward(self, z):
            return super().forward(z[..., :1])

    encoder = Encoder(mu=lambda x: x.flatten(1) * torch.tensor([1.0, 0.19, 0.25, 0.0]))  # variance of a bit: 0.267
    found = measured(encoder, Wide)
    assert (found.active_units, found.latent_dim) == (2, 4)  # 0.267 and 0.0167; 0.0096 and 0 are not


def test_images_are_spread_over_all():
    """The bound looks at every n-th of the images."""
    seen = []

    class Watching(Encoder):
        def forward(self, x):
            seen.append(len(x))
            return super().forward(x)

    found = measured(Watching(), images=IMAGES.repeat(40, 1, 1, 1))
    assert seen == [250, 250, 140]
    assert math.isfinite(found.bound)


# --- models that try to look better ----------------------------------------------------------------


def test_rounding_of_codes_gains_nothing():
    """A posterior narrower than the rounding of codes to float32 does not come out above log p(x)."""
    encoder = Encoder(mu=lambda x: torch.full((len(x), 1), 1 + 3e-8, dtype=torch.float64), log_var=-49.0)
    assert measured(encoder).bound < float(log_px().mean())


@pytest.mark.parametrize("log_var", [-49.0, 49.0, 10.0])
def test_extreme_posterior_gives_a_lower_bound(log_var):
    """However narrow or wide the posterior, the bound stays finite and below log p(x)."""
    found = measured(Encoder(log_var=log_var))
    assert math.isfinite(found.bound)
    assert found.bound < float(log_px().mean())


class Remembering(Decoder):
    """Answers later codes otherwise than earlier ones."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, z):
        self.calls += 1
        return super().forward(z) + 0.1 * self.calls


class Noisy(Decoder):
    """Draws noise."""

    def forward(self, z):
        return super().forward(z) + 0.1 * torch.randn(len(z), 1, 1, 1)


class Batchwise(Decoder):
    """Looks at the other codes of its batch."""

    def forward(self, z):
        return super().forward(z - z.mean(0))


class Counting(Decoder):
    """Differs from kernel to kernel."""

    made = 0

    def __init__(self):
        super().__init__()
        Counting.made += 1
        self.own = Counting.made

    def forward(self, z):
        return super().forward(z) * self.own


@pytest.mark.parametrize("decoder", [Remembering, Noisy, Batchwise, Counting], ids=lambda kind: kind.__name__)
def test_decoder_that_is_no_function_of_the_code_is_refused(decoder):
    """State, noise, the company of other codes and differences between kernels are found."""
    with pytest.raises(BadAnswer, match="one code different logits in other company or in another kernel"):
        measured(decoder=decoder)


# --- images that nobody can have ---------------------------------------------------------------------


def turned(images, degrees=0.0, shift=(0.0, 0.0)):
    """Return images all turned and moved alike."""
    angles = torch.deg2rad(torch.full((len(images),), degrees, dtype=torch.float64))
    return likelihood._turned(images, angles, torch.tensor([shift], dtype=torch.float64).expand(len(images), 2))


def test_images_are_turned_and_moved():
    """By nothing, a quarter of a turn and whole pixels the bytes are those of the image; what comes in is 0."""
    images = torch.randint(0, 256, (3, 1, 8, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    assert turned(images).equal(images)
    assert turned(images, 90.0).equal(images.rot90(-1, (2, 3))) or turned(images, 90.0).equal(images.rot90(1, (2, 3)))
    assert turned(images, shift=(1.0, 0.0))[..., :-1].equal(images[..., 1:])
    assert turned(images, shift=(0.0, -2.0))[..., 2:, :].equal(images[..., :-2, :])
    assert turned(images, shift=(1.0, 0.0))[..., -1].max() == 0


def test_moved_images_follow_from_the_secret():
    """Each is binary, near its image and not equal to it; the same draw moves it in the same way, another one in another way."""
    there, again, other = (likelihood.moved(course(), Draw("secret", seed)) for seed in "aab")
    here = likelihood.held_out(course())[:: likelihood.UNIT_IMAGES // likelihood.MOVED_IMAGES]
    assert there.shape == here.shape
    assert set(there.unique().tolist()) == {0.0, 1.0}
    assert there.equal(again)
    differ = [(there != x).double().mean((1, 2, 3)) for x in (here, other, here.roll(1, 0))]
    assert all(0.01 < float(part.mean()) < 0.15 for part in differ[:2])
    assert differ[0].mean() < 0.7 * differ[2].mean()
    assert there.mean() == pytest.approx(float(here.mean()), rel=0.1)


def test_moved_images_move_no_other_number():
    """What is measured beside them is the same with and without, to the bit."""
    with_them = measured(elsewhere=IMAGES.flip(0))
    assert dataclasses.replace(with_them, moved_loss=0.0) == measured()


def test_model_that_learned_loses_nothing_where_images_are_alike():
    """Images of the same kind cost the same bound, but for the noise of few samples."""
    assert measured(elsewhere=IMAGES.flip(0)).moved_loss == pytest.approx(0.0, abs=0.3)


def test_each_moved_image_meets_its_own_code():
    """The loss is the difference of the two bounds: images that the toy finds likely lose less than nothing."""
    likely = IMAGES[log_px().argmax()].expand(16, -1, -1, -1)
    expected = float(log_px().mean() - log_px().max())
    assert measured(elsewhere=likely).moved_loss == pytest.approx(expected, abs=0.3)


class Naming(nn.Module):
    """The code says, in ten bits, under which of the known logits the image is most likely."""

    def __init__(self, known):
        super().__init__()
        self.known = known.flatten(1)

    def forward(self, x):
        index = (x.flatten(1) @ self.known.T - F.softplus(self.known).sum(1)).argmax(1)
        code = (index[:, None] >> torch.arange(10)) % 2 * 4.0 - 2.0
        return code, torch.full_like(code, -3.0)


class Recalling(nn.Module):
    """Shows what it knows of the image that the code names."""

    def __init__(self, known):
        super().__init__()
        self.known = known

    def forward(self, z):
        return self.known[((z > 0) << torch.arange(10)).sum(-1).clamp(max=len(self.known) - 1)]


def remembered(how):
    """Return logits of the public images: sure of each pixel, as pale as it takes to look honest, or blurred to suit others, too."""
    if how != "blurred":
        return (likelihood.held_out(course()) * 2 - 1) * {"sure": 15.0, "pale": 2.1}[how]
    grey = lab.load("test", dataset="glyphs", device="cpu")[: likelihood.UNIT_IMAGES] / 255
    kernel = torch.exp(-(torch.arange(-3.0, 4.0) ** 2) / (2 * 0.7**2))
    kernel = (kernel[:, None] * kernel / kernel.sum() ** 2)[None, None]
    return torch.logit(F.conv2d(grey, kernel, padding=3), eps=1e-3)


@pytest.mark.parametrize("how", ["sure", "pale", "blurred"])
def test_public_images_in_the_decoder_earn_nothing(how, monkeypatch):
    """A bound that is that of an honest model on the public images is not believed where the same images moved cost much more."""
    monkeypatch.setattr(likelihood, "IMAGES", 100)
    monkeypatch.setattr(likelihood, "NUM_SAMPLES", 50)
    known, there = remembered(how), likelihood.moved(course(), Draw("secret", "moved"))
    handed_in = measured(Naming(known), lambda: Recalling(known), likelihood.held_out(course()), elsewhere=there)
    found = evaluation(handed_in, course(), "vae")
    assert found.bound_gate.credit(found.measurement.bound) == 1, (
        "a memory that would earn nothing anyway shows nothing"
    )
    for name in ("bound", "elbo"):
        with pytest.raises(Partial, match="judged as .* because") as caught:
            found.judge(name)
        assert caught.value.credit == 0
    assert "does its decoder hold the public test images?" in found.flags[-1]


def answering(value):
    """Return a class of decoders or encoders that answer with value(input)."""
    return type("Answering", (nn.Module,), {"forward": lambda self, z: value(z)})


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (lambda z: torch.zeros(len(z), 4), "expected logits of shape (2000, 1, 2, 2), got (2000, 4)"),
        (lambda z: torch.zeros(1, *SHAPE), "got (1, 1, 2, 2)"),
        (lambda z: torch.zeros(()), "got ()"),
        (lambda z: (torch.zeros(len(z), *SHAPE),), "got tuple"),
        (lambda z: None, "got NoneType"),
        (lambda z: torch.full((len(z), *SHAPE), math.nan), "not all finite"),
        (lambda z: torch.full((len(z), *SHAPE), math.inf), "not all finite"),
    ],
    ids=["flat", "broadcast", "scalar", "tuple", "none", "nan", "inf"],
)
def test_malformed_logits_are_refused(value, problem):
    """Logits of another type, shape or without a value are the student's error, and are never broadcast."""
    with pytest.raises(BadAnswer, match=re.escape(problem)):
        measured(decoder=answering(value))


def pair(mu, log_var=0.0):
    """Return a function that gives (mu, log_var) filled with numbers, one latent dimension."""
    return lambda x: (torch.full((len(x), 1), mu), torch.full((len(x), 1), log_var))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (lambda x: torch.zeros(len(x), 1), "expected (mu, log_var), got Tensor"),
        (lambda x: (torch.zeros(len(x), 1),) * 3, "expected (mu, log_var), got tuple"),
        (lambda x: (0.0, 1.0), "expected (mu, log_var), got tuple"),
        (lambda x: (torch.zeros(len(x), 1), torch.zeros(1)), "expected mu and log_var of shape (16, D)"),
        (lambda x: (torch.zeros(len(x)), torch.zeros(len(x))), "expected mu and log_var of shape (16, D)"),
        (lambda x: (torch.zeros(len(x), 0),) * 2, "expected mu and log_var of shape (16, D)"),
        (lambda x: (torch.zeros(1, 1),) * 2, "expected mu and log_var of shape (16, D)"),
        (lambda x: (torch.zeros(len(x), 513),) * 2, "the latent dimension is 513"),
        (pair(math.nan), "not finite"),
        (pair(0.0, math.nan), "not finite"),
        (pair(math.inf), "not finite"),
        (pair(2e6), "mu is beyond"),
        (pair(0.0, 50.0), "log_var beyond"),
        (pair(0.0, -1e9), "log_var beyond"),
    ],
    ids=[
        "tensor",
        "three",
        "floats",
        "mismatch",
        "flat",
        "empty",
        "broadcast",
        "large",
        "nan-mu",
        "nan-var",
        "inf",
        "huge-mu",
        "huge-var",
        "tiny-var",
    ],
)
def test_malformed_posteriors_are_refused(value, problem):
    """What the encoder answers is checked for type, shape and size before anything is computed from it."""
    with pytest.raises(BadAnswer, match=re.escape(problem)):
        measured(answering(value)())


def test_latent_dimension_that_changes_is_refused():
    """An encoder that answers with other dimensions at each call is the student's error."""

    def value(x):
        return (torch.zeros(len(x), 1 + len(x) % 100),) * 2

    with pytest.raises(BadAnswer, match="expected the same for all images"):
        measured(answering(value)(), images=IMAGES.repeat(40, 1, 1, 1))


# --- learned priors ----------------------------------------------------------------------------------


class MixturePrior(nn.Module):
    """A mixture of two in one dimension, written as a student might."""

    def __init__(self, logits=(0.3, -0.4), loc=((-1.5,), (1.2,)), log_var=((-0.5,), (0.4,))):
        super().__init__()
        values = {"logits": logits, "loc": loc, "log_var": log_var}
        for name, value in values.items():
            self.register_parameter(name, nn.Parameter(torch.as_tensor(value, dtype=torch.float32)))

    def log_prob(self, z):
        normal = torch.distributions.Normal(self.loc, torch.exp(self.log_var / 2)).log_prob(z[..., None, :]).sum(-1)
        return torch.logsumexp(torch.log_softmax(self.logits, -1) + normal, -1)


class PlanarFlow(nn.Module):
    """A layer's parameters."""

    def __init__(self, u, w, b):
        super().__init__()
        self.u, self.w, self.b = (nn.Parameter(torch.tensor(value)) for value in (u, w, b))


class FlowPrior(nn.Module):
    """Two planar layers in one dimension, with the logarithm of their derivative."""

    def __init__(self, layers=(([3.0], [1.1], 1.5), ([-0.6], [0.9], -0.3))):
        super().__init__()
        self.layers = nn.ModuleList(PlanarFlow(*values) for values in layers)

    def log_prob(self, z):
        total = 0.0
        for layer in self.layers:
            c = F.softplus(layer.w @ layer.u) - 1
            t = torch.tanh(z @ layer.w + layer.b)
            z, total = z + (c * t)[..., None] / layer.w, total + torch.log1p(c * (1 - t**2))
        return total - 0.5 * (math.log(2 * math.pi) + z**2).sum(-1)


PRIORS = {"mixture": MixturePrior, "flow": FlowPrior}
ASKED = {"mixture": MIXTURE, "flow": FLOW}


def handed_in(prior):
    """Return what the grader makes of a model's prior."""
    kind = "mixture" if isinstance(prior, MixturePrior) else "flow"
    return prior_of(in_process({"vae": holding(prior)}).variable("vae"), ASKED[kind])


def holding(prior):
    """Return a module with this prior."""
    vae = nn.Module()
    vae.prior = prior
    return vae


def spoiled(kind, log_prob):
    """Return a prior of this kind whose log_prob is `log_prob(itself, z)`."""
    return type("Spoiled", (PRIORS[kind],), {"log_prob": log_prob, "right": PRIORS[kind].log_prob})()


@pytest.mark.parametrize("kind", PRIORS)
def test_bound_with_a_learned_prior_comes_up_to_the_likelihood(kind, monkeypatch):
    """With many samples the bound is within 0.02 nats of log p(x) under the learned prior, which differs from N(0, I)."""
    monkeypatch.setattr(likelihood, "NUM_SAMPLES", 4000)
    prior = PRIORS[kind]()
    with torch.no_grad():
        truth = float(log_px(lambda z: prior.double().log_prob(z)).mean())
    assert abs(truth - float(log_px().mean())) > 0.05
    assert measured(prior=PRIORS[kind]()).bound == pytest.approx(truth, abs=0.02)


def test_prior_does_not_change_what_is_drawn():
    """A mixture of one standard normal component gives the numbers of N(0, I), but for the order of the codes."""
    standard = MixturePrior([0.0], [[0.0]], [[0.0]])
    found, plain = measured(prior=standard), measured()
    for name in ("bound", "elbo", "elbo_permuted"):
        assert getattr(found, name) == pytest.approx(getattr(plain, name), abs=1e-6)


@pytest.mark.parametrize("kind", PRIORS)
def test_prior_is_asked_in_mixed_order(kind):
    """Codes of all images and points drawn from the prior come shuffled, and each answer goes back to its place."""
    seen = []

    def log_prob(self, z):
        seen.append(z[:, 0])
        return self.right(z)

    numbered = Encoder(mu=lambda x: 100 + 10 * x.flatten(1) @ torch.tensor([[8.0], [4], [2], [1]]), log_var=-4.0)
    measured(numbered, prior=spoiled(kind, log_prob))
    image = ((torch.cat(seen) - 100) / 10).round()  # negative: a point drawn from the prior
    assert len(image) == 200 * 16 + 500
    drawn = image < 0
    assert 200 < drawn[: len(image) // 2].sum() < 300  # half of 500, with a standard deviation of 10
    codes = image[~drawn]
    # 1 in 16 neighbours are neighbouring images by chance, 200 of 3199 with a standard deviation of 14
    assert 120 < (codes[1:] == (codes[:-1] + 1) % 16).sum() < 280


WRONG = {
    "unnormalised": lambda self, z: self.right(z) + 1.0,
    "without constant": lambda self, z: self.right(z) + 0.5 * math.log(2 * math.pi),
    "shifted": lambda self, z: self.right(z - 0.3),  # integrates to one
    "standard normal": lambda self, z: -0.5 * (math.log(2 * math.pi) + z[..., 0] ** 2),
    "not a number": lambda self, z: self.right(z) * math.nan,
    "minus infinity": lambda self, z: self.right(z) - math.inf,
}


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("wrong", WRONG)
def test_log_prob_that_is_not_the_density_is_refused(kind, wrong):
    """A log_prob that is another function than the parameters' density ends the measurement, normalised or not."""
    called = ASKED[kind].called
    with pytest.raises(BadAnswer, match=f"{called}.log_prob.z. at the trained model's codes: expected the density"):
        measured(prior=spoiled(kind, WRONG[wrong]))


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("more", [1.0, -3.0, math.nan])
def test_log_prob_that_is_no_density_away_from_the_codes_is_refused(kind, more):
    """One that is right at the codes and treats other points otherwise does not integrate to one."""
    narrow = Encoder(mu=lambda x: torch.ones(len(x), 1), log_var=-6.0)  # all codes are near 1

    def log_prob(self, z):
        return self.right(z) + torch.where(z[..., 0] > 0.5, 0.0, more)

    with pytest.raises(BadAnswer, match=r"log_prob.z. at points drawn from the prior: .* in the mean; expected 1"):
        measured(narrow, prior=spoiled(kind, log_prob))


@pytest.mark.parametrize("kind", PRIORS)
def test_accuracy_of_the_assignment_is_enough(kind):
    """A log_prob within 1e-3 of the density, relative, passes; at one code in a hundred it may be further away."""
    measured(prior=spoiled(kind, lambda self, z: 1.0009 * self.right(z)))

    def floored(self, z):  # one code in three hundred
        return self.right(z) + 2.0 * (z[..., 0] < z[..., 0].quantile(0.003))

    measured(prior=spoiled(kind, floored))


@pytest.mark.parametrize(
    ("value", "got"),
    [
        (lambda self, z: self.right(z)[:, None], "torch.float32 of shape (2000, 1)"),
        (lambda self, z: self.right(z).sum(), "torch.float32 of shape ()"),
        (lambda self, z: self.right(z)[:1], "torch.float32 of shape (1,)"),
        (lambda self, z: self.right(z).int(), "torch.int32 of shape (2000,)"),
        (lambda self, z: None, "NoneType"),
    ],
    ids=["column", "scalar", "broadcast", "integer", "none"],
)
def test_malformed_log_prob_is_refused(value, got):
    """Log-densities of another type or shape are the student's error, and are never broadcast."""
    problem = f"MixturePrior.log_prob(z) for z of shape (2000, 1): expected floats of shape (2000,), got {got}."
    with pytest.raises(BadAnswer, match=re.escape(problem)):
        measured(prior=spoiled("mixture", value))


def test_prior_of_another_dimension_is_refused():
    """A prior over other codes than the encoder's is named as such."""
    prior = MixturePrior([0.0], [[0.0, 0.0]], [[0.0, 0.0]])
    with pytest.raises(
        BadAnswer, match="The prior's points have 2 dimensions, the encoder's codes 1; expected the same"
    ):
        measured(prior=prior)


def test_prior_is_read_before_an_image_is_seen():
    """Parameters that change after prior_of read them do not change the density that counts."""
    prior = MixturePrior()
    given = handed_in(prior)
    with torch.no_grad():
        prior.loc += 1.0
    z = torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None]
    with torch.no_grad():
        assert torch.allclose(given.density.log_prob(z), MixturePrior().double().log_prob(z))


def test_standard_prior_is_none():
    """N(0, I) is the prior None, and no other object is."""
    assert prior_of(in_process({"vae": holding(None)}).variable("vae"), None) is None
    for prior in (MixturePrior(), "N(0, I)", torch.zeros(2)):
        vae = nn.Module()
        vae.__dict__["prior"] = prior
        with pytest.raises(BadAnswer, match="expected None, the standard normal prior, got another one"):
            prior_of(in_process({"vae": vae}).variable("vae"), None)


@pytest.mark.parametrize("kind", PRIORS)
def test_missing_prior_is_refused(kind):
    """A model with N(0, I) where a learned prior is asked for is the student's error."""
    with pytest.raises(BadAnswer, match=f"expected a {ASKED[kind].called}, got no module at all"):
        prior_of(in_process({"vae": holding(None)}).variable("vae"), ASKED[kind])
    with pytest.raises(NotDefined):
        prior_of(in_process({"vae": nn.Module()}).variable("vae"), ASKED[kind])


def numbers(*shape, value=1.0):
    """Return a tensor filled with a number."""
    return torch.full(shape, value)


@pytest.mark.parametrize(
    ("logits", "loc", "log_var", "problem"),
    [
        (numbers(3), numbers(2, 1), numbers(2, 1), "got {'logits': (3,), 'loc': (2, 1), 'log_var': (2, 1)}"),
        (numbers(2), numbers(2, 1), numbers(1, 1), "expected logits (C,), loc (C, D) and log_var (C, D)"),
        (numbers(2), numbers(2), numbers(2), "expected logits (C,), loc (C, D) and log_var (C, D)"),
        (numbers(0), numbers(0, 1), numbers(0, 1), "expected logits (C,), loc (C, D) and log_var (C, D)"),
        (numbers(50_001), numbers(50_001, 2), numbers(50_001, 2), "C·D at most 100000"),
        (numbers(1, value=math.nan), numbers(1, 1), numbers(1, 1), "expected finite floats within"),
        (numbers(1), numbers(1, 1, value=math.inf), numbers(1, 1), "expected finite floats within"),
        (numbers(1), numbers(1, 1, value=2e6), numbers(1, 1), "expected finite floats within"),
        (numbers(1), numbers(1, 1), numbers(1, 1, value=-51.0), "log_var: expected values within ±50, got 51"),
    ],
    ids=["other-c", "one-row", "flat", "empty", "large", "nan", "inf", "huge", "narrow"],
)
def test_parameters_of_a_mixture_are_checked(logits, loc, log_var, problem):
    """Names, shapes, number and size of a mixture's parameters are checked before anything is computed from them."""
    with pytest.raises(BadAnswer, match=re.escape(problem)):
        handed_in(MixturePrior(logits, loc, log_var))


@pytest.mark.parametrize(
    ("layers", "problem"),
    [
        ([], "got none of them"),
        ([([1.0], [1.0], [0.0, 0.0])], "'layers.0.b': (2,)"),
        ([([1.0], [1.0, 2.0], 0.0)], "'layers.0.w': (2,)"),
        ([([1.0], [1.0], 0.0), ([1.0, 2.0], [1.0, 2.0], 0.0)], "'layers.1.u': (2,)"),
        ([([[1.0]], [[1.0]], 0.0)], "'layers.0.u': (1, 1)"),
        ([([1.0] * 1001, [1.0] * 1001, 0.0)] * 100, "at most 100000 numbers in all u"),
        ([([math.nan], [1.0], 0.0)], "expected finite floats within"),
        ([([1.0], [2e6], 0.0)], "expected finite floats within"),
        ([([1.0], [1.0], 0.0), ([1.0], [0.0], 0.0)], "expected w other than zero"),
    ],
    ids=["none", "vector-b", "other-w", "other-dimension", "matrix", "large", "nan", "huge", "zero-w"],
)
def test_parameters_of_a_flow_are_checked(layers, problem):
    """Names, shapes, number and size of a flow's parameters are checked before anything is computed from them."""
    with pytest.raises(BadAnswer, match=re.escape(problem)):
        handed_in(FlowPrior(layers))


@pytest.mark.parametrize("missing", ["logits", "layers.0.w", "layers.1.b"])
def test_missing_parameters_are_refused(missing):
    """Parameters under other names than the contract's are the student's error, wherever in the list of layers."""
    prior = MixturePrior() if missing == "logits" else FlowPrior()
    owner, _, name = missing.rpartition(".")
    delattr(prior.get_submodule(owner), name)
    with pytest.raises(BadAnswer, match="parameters: expected"):
        handed_in(prior)


def test_bias_of_one_number_is_taken_in_any_shape():
    """A flow whose b is a vector of one number has the same density: the shape is judged elsewhere."""
    given = handed_in(FlowPrior([([3.0], [1.1], [1.5]), ([-0.6], [0.9], [-0.3])])).density
    z = torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None]
    assert torch.equal(given.log_prob(z), handed_in(FlowPrior()).density.log_prob(z))


# --- gates -----------------------------------------------------------------------------------------


def course(**values):
    """Return a course whose reference results the tests write."""
    return Course(**{"course_id": "t", "assignments": ("vae",), "dataset": "glyphs", "budget": "quick"} | values)


@pytest.fixture
def reference(tmp_path):
    """Return a function that writes reference runs, {network: bounds} of a model, and returns the file with all of them."""
    path = tmp_path / "reference.yaml"

    def write(dataset="glyphs", budget="quick", model="vae", **networks):
        runs = {
            f"{dataset}/{budget}/{model}/{network}/seed{i}": {
                "gate_bound": b,
                "gate_elbo": b - 3,
                "active_units": 10 + i,
            }
            for network, bounds in networks.items()
            for i, b in enumerate(bounds)
        }
        path.write_text(yaml.safe_dump(runs | (yaml.safe_load(path.read_text()) if path.exists() else {})))
        return path

    return write


def result(bound=-90.0, elbo=-95.0, permuted=-300.0, active=10, dim=50):
    """Return a measurement."""
    return Measurement(bound, elbo, permuted, active, dim)


@pytest.mark.parametrize(
    ("value", "credit"),
    [(-90, 1), (-89, 1), (-93, 0.5), (-96, 0), (-1e9, 0), (math.nan, 0), (-math.inf, 0), (math.inf, 1)],
)
def test_gate_is_linear_between_its_ends(value, credit):
    """Full credit from the upper end, none below the lower one, linear between; not a number earns nothing."""
    assert Gate(full=-90.0, none=-96.0).credit(value) == credit


def test_gate_leaves_the_margin_to_the_reference(reference):
    """With runs that agree, full marks begin the margin below their mean, and end the width below that."""
    found = evaluation(
        result(), course(gate_margin_nats=2.0, gate_width_nats=5.0), "vae", reference=reference(conv=[-90.0] * 3)
    )
    assert (found.bound_gate, found.elbo_gate) == (Gate(-92.0, -97.0), Gate(-95.0, -100.0))


def test_gate_leaves_four_standard_deviations_of_seeds(reference):
    """Where seeds differ by more than the margin, four of their standard deviations are left."""
    found = evaluation(result(), course(), "vae", reference=reference(conv=[-91.0, -90.0, -89.0]))
    assert found.bound_gate.full == pytest.approx(-90 - 4 * 1.0)


def test_gate_trusts_no_few_runs_that_agree_by_chance(reference):
    """A model whose runs lie close together is left four times half of what seeds change over all models."""
    reference(conv=[-90.1, -90.0, -89.9])
    path = reference(model="vae_flow", conv=[-93.0, -90.0, -87.0])
    common = math.sqrt((0.1**2 + 3.0**2) / 2)
    assert evaluation(result(), course(), "vae", path).bound_gate.full == pytest.approx(-90 - 4 * 0.5 * common)


def test_gate_admits_the_weaker_network(reference):
    """Of several reference networks the weaker one sets the gate, and the best run the suspicion."""
    found = evaluation(result(), course(), "vae", reference=reference(conv=[-90.0] * 3, dense=[-100.0] * 3))
    assert (found.bound_gate.full, found.best_reference) == (-101.5, -90.0)


def test_gates_are_those_of_data_set_and_budget(reference):
    """Reference runs of other data or budgets do not count; too few runs are no reference."""
    problem = "fewer than 3 reference runs of vae for glyphs at quick: run `make reference`"
    others = {"dataset": "mnist"}, {"budget": "standard"}, {"model": "vae_flow"}
    for values in ({}, {"conv": [-90.0] * 2}, *({"conv": [-90.0] * 3} | other for other in others)):
        with pytest.raises(NoReference, match=problem):
            evaluation(result(), course(), "vae", reference=reference(**values))


def test_gate_of_a_learned_prior_is_the_lower_one(reference):
    """No prior has to gain anything over N(0, I), and one whose own reference runs are worse is judged by these."""
    for name, own, full in (("vae_mixture", -88.0, -91.5), ("vae_flow", -93.0, -94.5)):
        reference(conv=[-90.0] * 3)
        found = evaluation(result(), course(), name, reference(model=name, conv=[own] * 3))
        assert (found.bound_gate.full, found.best_reference) == (full, max(own, -90.0))


def test_learned_prior_is_no_reference_for_other_models(reference):
    """Runs of one prior move no gate of another, nor of the model with N(0, I)."""
    reference(conv=[-90.0] * 3)
    reference(model="vae_mixture", conv=[-89.0] * 3)
    path = reference(model="vae_flow", conv=[-99.0] * 3)
    for name in ("vae", "vae_mixture"):
        assert evaluation(result(), course(), name, path).bound_gate.full == -91.5


def test_learned_prior_needs_reference_runs_of_its_own(reference):
    """With runs of N(0, I) alone a model with a learned prior cannot be judged."""
    path = reference(conv=[-90.0] * 3)
    with pytest.raises(NoReference, match="fewer than 3 reference runs of vae_flow for glyphs at quick"):
        evaluation(result(), course(), "vae_flow", path)


def test_missing_reference_file_is_no_reference(tmp_path):
    """Without the file nothing can be judged."""
    with pytest.raises(NoReference):
        evaluation(result(), course(), "vae", reference=tmp_path / "reference.yaml")


@pytest.fixture
def judged(reference):
    """Return a function that judges a measurement with a reference at -90 nats."""
    path = reference(conv=[-90.0] * 3)
    return lambda **values: evaluation(result(**values), course(), "vae", reference=path)


def test_judge_gives_the_share_and_the_reason(judged):
    """A result between the ends earns its share, with both ends and the conditions in the message."""
    judged(bound=-91.5, elbo=-94.5).judge("bound")
    judged(bound=-91.5, elbo=-94.5).judge("elbo")
    with pytest.raises(
        Partial,
        match=r"The bound of the trained model vae on held-out images \(glyphs at quick, 200 samples.*-94.50.*-91.50.*-97.50",
    ) as caught:
        judged(bound=-94.5).judge("bound")
    assert caught.value.credit == pytest.approx(0.5)


def test_judge_of_an_undefined_bound_earns_nothing(judged):
    """Not a number is no credit rather than an error."""
    with pytest.raises(Partial) as caught:
        judged(bound=math.nan).judge("bound")
    assert caught.value.credit == 0


def test_encoder_use_needs_its_nats(judged):
    """An ELBO that does not mind the codes of other images shows an encoder that is not used."""
    judged(elbo=-95.0, permuted=-115.0).judge_encoder_use()
    with pytest.raises(Partial, match="costs the ELBO of vae 19.0 nats"):
        judged(elbo=-95.0, permuted=-114.0).judge_encoder_use()


@pytest.mark.parametrize(("active", "passes"), [(4, False), (5, True), (20, True), (21, False)])
def test_active_units_have_a_window(judged, active, passes):
    """From half of the fewest to one and a half of the most, and two."""
    found = judged(active=active)  # references: 10 to 12
    if passes:
        found.judge_active_units()
    else:
        with pytest.raises(
            Partial, match=f"{active} of 50 latent dimensions of vae are active.*; 5 to 20 are expected"
        ):
            found.judge_active_units()


def test_loss_on_moved_images_has_a_limit(reference):
    """Up to MOVED_NATS more than the reference run that loses most nothing is said; what is beyond is taken off, and told."""
    path = reference(conv=[-90.0] * 3)
    runs = yaml.safe_load(path.read_text())
    for lost, run in zip((20.0, 22.0), runs.values(), strict=False):
        run["gate_moved"] = lost
    path.write_text(yaml.safe_dump(runs))
    at_limit, beyond = (
        evaluation(dataclasses.replace(result(), moved_loss=lost), course(), "vae", reference=path)
        for lost in (27.0, 30.0)
    )
    assert (at_limit.excess, at_limit.flags) == (0.0, [])
    at_limit.judge("bound")
    with pytest.raises(
        Partial,
        match=r"is -90.00 .* judged as -93.00, because .* 30.0 nats lower on the held-out images moved .* at most 27.0",
    ) as caught:
        beyond.judge("bound")
    assert caught.value.credit == pytest.approx(1 - 1.5 / 6)  # -93 of full marks from -91.5
    assert len(beyond.flags) == 1


def test_no_number_for_moved_images_earns_nothing(reference):
    """A loss that is not a number is no small one."""
    path = reference(conv=[-90.0] * 3)
    path.write_text(path.read_text().replace("active_units: 10", "gate_moved: 20.0\n  active_units: 10"))
    found = evaluation(dataclasses.replace(result(), moved_loss=math.nan), course(), "vae", reference=path)
    with pytest.raises(Partial) as caught:
        found.judge("bound")
    assert caught.value.credit == 0


def test_moved_images_are_not_judged_without_reference(judged):
    """Where no reference run was measured on moved images, no loss is too much."""
    found = dataclasses.replace(judged(), measurement=dataclasses.replace(result(), moved_loss=1e3))
    found.judge("bound")
    assert found.flags == []


def test_too_good_a_result_is_flagged(judged):
    """A bound better than every reference by more than the course allows is for the instructor to see."""
    assert judged(bound=-85.0).flags == []
    assert "5.1 nats better than every reference run" in judged(bound=-84.9).flags[0]
    assert isinstance(judged(), Evaluation)
