"""Small cases that everybody may know, one or a few for an exercise, with their right values: where an answer is wrong, a
student is shown one that it misses, the right number beside the own one.

Never a hidden input: the cases are fixed, the same for everybody, and short enough to work by hand.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from autograder.judging import expect, oracles
from autograder.judging.oracles import AffineModel
from autograder.kernel.remote import Handle, Student
from autograder.kernel.wire import Seed
from autograder.suite.priors.truth import Flow, Mixture, Planar

NUMBERS = 6  # shown of a value


@dataclass(frozen=True)
class Case:
    """A call in words, how it is asked, and its right value."""

    words: str
    ask: Callable[[Student, Callable], object]
    want: torch.Tensor


def example(student: Student, exercise: str, build: Callable[[Student, AffineModel], Handle] | None = None) -> str:
    """Return one public case that the student's answer misses, in words, or an empty text where there is none.

    Args:
        build: places a toy as the model that the exercise takes.
    """
    for case in CASES.get(exercise, ()):
        got = expect.attempt(lambda case=case: case.ask(student, build))
        if isinstance(got, (int, float)):
            got = torch.tensor(float(got), dtype=torch.float64)
        if not isinstance(got, torch.Tensor) or not expect.close_to(got, case.want):
            return f"A small case: {case.words} is {shown(case.want)}, yours gives {shown(got)}."
    return ""


def shown(value: object) -> str:
    """Return a value in a few digits.

    Example:
    >>> shown(torch.tensor([1.0, -0.123456]))
    '[1, -0.1235]'
    """
    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        return expect.described(value)
    if value.numel() > NUMBERS:
        return expect.described(value)
    return _text(value.detach().tolist())


def _text(value: object) -> str:
    return f"[{', '.join(map(_text, value))}]" if isinstance(value, list) else f"{value:.4g}"


def _t(value: object) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _called(name: str, *args: torch.Tensor) -> Case:
    """Return the case of a function of tensors, whose truth is the oracle of that name."""
    words = f"{name}({', '.join(map(shown, args))})"
    return Case(words, lambda student, _: student.call(name, *args), getattr(oracles, name)(*args))


def _pixels(x: list, logits: list) -> Case:
    """Return the case of bernoulli_log_prob for images of one row."""
    image, at = (_t(value).reshape(1, 1, 1, -1) for value in (x, logits))
    words = f"bernoulli_log_prob(x, logits) of an image of {len(x)} pixels, x = {_text(x)}, logits = {_text(logits)},"
    return Case(words, lambda s, _: s.bernoulli_log_prob(image, at), oracles.bernoulli_log_prob(image, at))


# q(z|x) = N(0.5, exp(-1)) for every image, logits (2z, -z), two pixels
TOY = AffineModel(
    weight_mu=torch.zeros(1, 2, dtype=torch.float64),
    bias_mu=_t([0.5]),
    weight_log_var=torch.zeros(1, 2, dtype=torch.float64),
    bias_log_var=_t([-1.0]),
    weight=_t([[2.0], [-1.0]]),
    bias=_t([0.0, 0.0]),
    shape=(1, 1, 2),
)
WITH_PRIOR = TOY.changed(prior=(_t([1.0]), _t([0.0])))
WORDS = "a model with mu = 0.5, log_var = -1 and logits (2z, -z)"
X, ONE, TWO = _t([1.0, 0.0]).reshape(1, 1, 1, 2), _t([[1.0]]), _t([[[1.0]], [[-1.0]]])


def _bounds(label: str, ask: Callable[[Student, Handle, torch.Tensor], object], truth: Callable) -> tuple[Case, ...]:
    """Return cases of a function of a model, an image and noise."""

    def case(toy, eps, what):
        prior = "" if toy.prior is None else " and the prior N(1, 1)"
        words = f"{label} for {WORDS}{prior}, x = (1, 0), {what},"
        return Case(words, lambda student, build: ask(student, build(student, toy), eps), truth(toy, X, eps))

    found = [case(TOY, ONE, "eps = 1"), case(WITH_PRIOR, ONE, "eps = 1"), case(TOY, TWO, "two samples, eps = 1 and -1")]
    return tuple(found)


def _sampled(toy: AffineModel, x: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    none = (torch.zeros(1, dtype=torch.float64),) * 2
    return toy.changed(prior=toy.prior or none).elbo(x, eps)


MIXTURE = Mixture(logits=_t([0.0, 1.0]), loc=_t([[-1.0], [2.0]]), log_var=_t([[0.0], [1.0]]))
LAYER = Planar(u=_t([1.0]), w=_t([2.0]), b=_t(0.5))


def _built(student: Student, name: str, options: dict, parameters: dict[str, torch.Tensor]) -> Handle:
    """Return an object of the student's with these parameters, in double precision."""
    module = student.new(name, **options)
    module.to(torch.float64)
    module.load(parameters)
    return module


def _mixture(student: Student) -> Handle:
    return _built(student, "MixturePrior", {"num_components": 2, "latent_dim": 1}, MIXTURE.parameters)


def _layer(student: Student) -> Handle:
    return _built(student, "PlanarFlow", {"latent_dim": 1}, LAYER.parameters)


def _flow(student: Student) -> Handle:
    options = {"num_flows": 1, "latent_dim": 1}
    return _built(student, "FlowPrior", options, {f"layers.0.{name}": p for name, p in LAYER.parameters.items()})


def _layer_case(label: str, words: str, ask: Callable[[Handle], object], want: torch.Tensor) -> Case:
    return Case(f"{label} of {words} with u = 1, w = 2, b = 0.5, at 1,", lambda student, _: ask(student), want)


def _steps(number: int) -> Callable[[Student, Callable], torch.Tensor]:
    """Return a function that calls train_step so many times and returns the parameter."""

    def ask(student, _):
        model = student.quadratic_loss(_t([1.0]))
        optimizer = student.optimizer("SGD", model, lr=0.1)
        for _ in range(number):
            student.train_step(model, optimizer, torch.zeros(1, 1, 1, 1, dtype=torch.float64))
        return model.state().parameters["weight"]

    return ask


def _statistic(rule: str, wants: tuple[float, ...], words: str = "") -> Case:
    """Return the case of a statistic of active_units for two images with the means 1.5 and -0.5; each of `wants` is right."""
    toy = TOY.changed(weight_mu=_t([[1.0, -1.0]]))

    def ask(student, build):
        got = student.active_units(build(student, toy), torch.cat([X, 1 - X]), rule)[1]
        right = any(expect.equal(got, _t([want])) for want in wants)
        return _t([wants[0]]) if right else got

    label = f'the statistic of active_units(model, x, "{rule}") for two images, mu = 1.5 and -0.5, log_var = -1{words},'
    return Case(label, ask, _t([wants[0]]))


POINT = _t([[1.0]])
LOG_W = _t([[0.0], [-1.0], [-3.0]])
CASES = {
    "reparameterize": (_called("reparameterize", _t([[1.0, -1.0]]), _t([[0.0, 2.0]]), _t([[0.5, 1.0]])),),
    "gaussian_log_prob": (
        _called("gaussian_log_prob", _t([[1.0, 0.0]]), _t([[0.0, 0.5]]), _t([[0.0, 1.0]])),
        _called("gaussian_log_prob", _t([[40.0, 0.0]]), _t([[0.0, 0.0]]), _t([[0.0, 0.0]])),
        _called("gaussian_log_prob", _t([[0.0]]), _t([[0.0]]), _t([[-9.0]])),
    ),
    "kl_standard_normal": (
        _called("kl_standard_normal", _t([[1.0, -0.5]]), _t([[0.0, 1.0]])),
        _called("kl_standard_normal", _t([[0.0]]), _t([[-9.0]])),
    ),
    "bernoulli_log_prob": (_pixels([1.0, 0.0], [2.0, 1.0]), _pixels([0.0], [100.0]), _pixels([0.0], [1e4])),
    "elbo": _bounds("vae.elbo(x, eps)", lambda s, model, eps: model.elbo(X, eps), AffineModel.elbo),
    "negative_elbo": tuple(
        Case(
            f"vae(x{words}) for two images of one pixel, a model whose logits are 0 and whose q(z|x) is the prior,",
            lambda student, build, options=options: build(student, _blank())(torch.cat([X, X])[..., :1], **options),
            _t(want),
        )
        for words, options, want in (
            ("", {}, math.log(2)),
            (', reduction="sum"', {"reduction": "sum"}, 2 * math.log(2)),
        )
    ),
    "train_step": (
        Case("the parameter after a call with the loss (w - x)² / 2, w = 1, x = 0, SGD(lr=0.1),", _steps(1), _t([0.9])),
        Case(
            "the parameter after two calls with the loss (w - x)² / 2, w = 1, x = 0, SGD(lr=0.1),",
            _steps(2),
            _t([0.81]),
        ),
    ),
    "reconstruct": (
        Case(
            f"reconstruct(model, x) for {WORDS}, x = (1, 0),",
            lambda student, build: student.reconstruct(build(student, TOY), X).flatten(),
            torch.sigmoid(_t([1.0, -0.5])),
        ),
    ),
    "mixture_log_prob": (
        Case(
            "prior.log_prob(z) for logits (0, 1), loc (-1, 2), log_var (0, 1), z = 1,",
            lambda student, _: _mixture(student).log_prob(POINT),
            MIXTURE.log_prob(POINT),
        ),
    ),
    "planar_flow": (_layer_case("f(v)", "a layer", lambda s: _layer(s)(POINT)[0], LAYER.move(POINT)),),
    "planar_log_det": (_layer_case("log|det|", "a layer", lambda s: _layer(s)(POINT)[1], LAYER.log_det(POINT)),),
    "planar_inverse": (_layer_case("inverse(y)", "a layer", lambda s: _layer(s).inverse(POINT), LAYER.inverse(POINT)),),
    "flow_prior": (
        _layer_case("log_prob(z)", "one layer", lambda s: _flow(s).log_prob(POINT), Flow([LAYER]).log_prob(POINT)),
    ),
    "monte_carlo_elbo": _bounds(
        "monte_carlo_elbo(model, x, eps)", lambda s, model, eps: s.monte_carlo_elbo(model, X, eps), _sampled
    ),
    "log_weights": _bounds(
        "log_weights(model, x, eps)",
        lambda s, model, eps: s.log_weights(model, X, eps.reshape(-1, 1, 1)),
        lambda toy, x, eps: oracles.log_weights(toy, x, eps.reshape(-1, 1, 1)),
    ),
    "iwae_bound": (
        Case(
            "iwae_bound(log_w) for one image and log_w = 0, -1, -3",
            lambda student, _: student.iwae_bound(LOG_W),
            oracles.importance_bound(LOG_W),
        ),
        Case(
            "iwae_bound(log_w) for one image and log_w = -1000, -1001, -1003",
            lambda student, _: student.iwae_bound(LOG_W - 1000),
            oracles.importance_bound(LOG_W - 1000),
        ),
    ),
    "normalized_weights": (
        Case(
            "normalized_weights(log_w) for one image and log_w = 0, -1, -3",
            lambda student, _: student.normalized_weights(LOG_W),
            oracles.importance_shares(LOG_W),
        ),
    ),
    "iwae_loss": (
        Case(
            'iwae_loss(log_w, "fast") for one image and log_w = 0, -1, -3',
            lambda student, _: student.iwae_loss(LOG_W, "fast"),
            -oracles.importance_bound(LOG_W).mean(),
        ),
    ),
    "active_kl": (_statistic("kl", (0.5 * (1.25 + math.exp(-1)),)),),
    "active_variance": (_statistic("variance", (1.0, 2.0), " (divided by the number of images)"),),
    "latent_traversal": (
        Case(
            f"latent_traversal(model, x, [0], [1.0]) for {WORDS}, x = (1, 0),",
            lambda student, build: student.latent_traversal(build(student, TOY), X, [0], [1.0]).flatten(),
            torch.sigmoid(_t([2.0, -1.0])),
        ),
    ),
    "log_likelihood": (
        Case(
            "log_likelihood(model, x, 3, 2) for a model whose logits are 0 and whose q(z|x) is the prior, one pixel,",
            lambda student, build: student.log_likelihood(
                build(student, _blank()), X[..., :1], 3, 2, generator=Seed(0)
            ),
            _t([-math.log(2)]),
        ),
    ),
}


def _blank() -> AffineModel:
    """Return a toy of one pixel whose logits are zero and whose q(z|x) is the prior."""
    none = torch.zeros(1, 1, dtype=torch.float64)
    return AffineModel(none, none[0], none, none[0], none, none[0], (1, 1, 1))
