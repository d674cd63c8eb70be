"""Hidden tests of negative_elbo."""

import math

import torch

from autograder.judging import expect, known, oracles, sentences, statistics
from autograder.judging.draw import Draw
from autograder.judging.expect import attempt
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.reporting.points import Kind
from autograder.suite.asking import SHAPE
from autograder.suite.question import Question
from autograder.suite.vae.follow import own_bound, own_bounds, own_losses
from autograder.suite.vae.shared import Earlier, ask, at_prior, installed


@worth("negative_elbo", 2)
def test_negative_elbo_reduces_over_images(student, draw):
    """vae(x) is minus the mean of the images' bounds, vae(x, reduction="sum") minus their sum: one number each."""
    for batch in (5, 1):
        toy = at_prior(AffineModel.drawn(draw, 2))
        x = draw.binary(batch, *SHAPE)
        for reduction, options in (("mean", {}), ("mean", {"reduction": "mean"}), ("sum", {"reduction": "sum"})):
            is_right(loss(student, toy, x, **options), draw, reduction)


@worth("negative_elbo", 2)
def test_negative_elbo_draws_noise_for_every_image(student, draw):
    """Every image and latent dimension gets standard normal noise of its own, one each, anew in every call
    (concentration bound at 1e-9)."""
    copies, calls = 20_000, 3
    for prior in (False, True):
        toy = tense(draw, prior)
        x = draw.binary(1, 1, 1, 2)
        many = x.expand(copies, -1, -1, -1).clone()
        question = loss(student, toy, many).adding("one image many times")
        vae = question.owner()
        losses = [float(question.is_like((), torch.float64)) for _ in range(calls)]
        truth, limit = -float(toy.expected_elbo(x)), toy.lipschitz(x)
        alpha = statistics.ALPHA / (2 * calls)
        findings = [statistics.lipschitz_mean_is(loss, truth, limit, copies, alpha) for loss in losses]
        if all(findings) and len(set(losses)) == calls:
            continue
        own = own_bounds(vae, many, draw.normal(copies, 2))  # may be wrong, then it pays for that itself
        again = own_bounds(vae, many, draw.normal(copies, 2))
        if (
            own is not None
            and own.shape == (copies,)
            and not (
                expect.varies(own) and again is not None and statistics.same_mean(float(again.mean()), copies, own)
            )
        ):
            continue  # it hears nothing of the images' noise, or couples the images
        if own is not None and own.shape == (copies,):
            findings = [statistics.same_mean(loss, copies, -own, alpha) for loss in losses]
        elif own is not None and own.dim() == 0:
            size = max(1.0, abs(float(own) / truth))  # of a bound that sums the images
            findings = [
                statistics.lipschitz_mean_is(loss / size, -float(own) / size, 2 * limit, copies, alpha)
                for loss in losses
            ]
        todo = (
            "With a prior of its own too the loss goes through `elbo`."
            if prior
            else "Draw eps of shape (B, D) with randn."
        )
        expected, got = "a loss near the expectation of the negative bound", "one far from it"
        hint = noise_hint(toy, x, losses, copies, draw)
        question.agrees(min(findings, key=bool), expected, got, todo, hint)
        if len(set(losses)) < calls:
            raise question.wrong("other noise in every call", "the same loss again", hint=sentences.EPS_FIXED)
    toy, x = AffineModel.drawn(draw, 2), draw.binary(5, *SHAPE)
    question = loss(student, toy, x)
    vae, one = question.owner(), draw.normal(5, 2)
    decoded, own = (
        student.watch((vae, method), x, *rest, parts_of=vae).parts.get("decoder", (0, 0, 0))[2] // toy.latent_dim
        for method, rest in (("", ()), ("elbo", (one,)))
    )
    if decoded > max(len(x), own):
        raise question.wrong("one code decoded for every image", f"{decoded} codes", hint=sentences.EPS_MANY)


@worth("negative_elbo", kind=Kind.GRADIENT)
def test_negative_elbo_passes_gradients(student, draw):
    """The gradient of the loss reaches encoder and decoder."""
    toy, x = AffineModel.drawn(draw, 2), draw.binary(5, *SHAPE)
    still = at_prior(toy)
    is_right(loss(student, still, x), draw)
    flat = toy.changed(weight=torch.zeros_like(toy.weight))  # its bound does not depend on the noise
    question, eps = loss(student, flat, x), draw.normal(5, 2)
    vae = question.owner()
    for part, name in (("decoder", "bias"), ("encoder", "bias_mu"), ("encoder", "bias_log_var")):
        owner = vae.attribute(part)
        found = question.gradient(wrt=(), parameters_of=owner)
        value = question.is_like((), torch.float64, got=found.value)
        own = attempt(lambda owner=owner: student.gradient((vae, "elbo"), x, eps, wrt=(), parameters_of=owner))
        if own is not None and (own.parameters[name] is None or not bool(own.parameters[name].any())):
            continue  # cut off in an earlier function already
        got = found.parameters[name]
        if (
            got is None
            or not bool(torch.isfinite(got).all())
            or not float(got.abs().max()) > 0
            or not math.isfinite(float(value))
        ):
            reconstruction = -float((flat.elbo(x, eps) + oracles.kl_standard_normal(*flat.encode(x))).mean())
            alone = expect.equal(value, torch.tensor(reconstruction, dtype=torch.float64))
            hint = sentences.DIVERGENCE_MISSING if alone else sentences.DETACHED
            todo = "The optimizer needs the loss as a tensor with its graph."
            raise question.wrong(f"a gradient for the {part}", "none", todo, hint)


@worth("negative_elbo", kind=Kind.REFUSAL)
def test_negative_elbo_refuses_unknown_reductions(student, draw):
    """An unknown reduction raises a ValueError."""
    toy, x = at_prior(AffineModel.drawn(draw, 2)), draw.binary(4, *SHAPE)
    is_right(loss(student, toy, x), draw)
    todo = "A misspelt option that is silently accepted is found only after hours of training."
    loss(student, toy, x, reduction="total").refuses("ValueError", todo)


@worth("negative_elbo", kind=Kind.CARE)
def test_negative_elbo_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, answers float32 in float32, and changes neither x nor the model nor any submodule's mode."""
    toy, eps = AffineModel.drawn(draw, 2, dtype=torch.float32), draw.normal(5, 2, dtype=torch.float32)
    x = draw.binary(5, *SHAPE, dtype=torch.float32)
    vae = installed(student, toy)
    vae.attribute("decoder").train()
    before = vae.state()
    own = attempt(lambda: student.inspect((vae, "elbo"), x, eps))  # what it does itself is judged there
    blamed = own is not None and (
        own.printed or not expect.identical(own.arguments[0], x) or expect.changes(before, vae.state()) is not None
    )
    question = loss(student, toy, x)
    vae = question.owner()
    vae.attribute("decoder").train()
    before = vae.state()
    seen = question.inspected()
    dtype = own.value.dtype if own is not None and isinstance(own.value, torch.Tensor) else torch.float32
    question.is_like((), dtype, got=seen.value)
    if not blamed:
        question.prints_nothing(seen)
        question.keeps_inputs(seen)
        question.keeps_state(before, vae.state())
    toy, x = at_prior(AffineModel.drawn(draw, 2)), draw.binary(5, *SHAPE)
    still = loss(student, toy, x)
    is_right(still, draw)
    still.keeps_models(Earlier(student, draw, Earlier.modes(student, toy, x, draw)), draws=True)
    question.keeps_seed(draw)


def tense(draw: Draw, prior: bool) -> AffineModel:
    """Return a toy of two pixels whose bound depends strongly on how the noise of two latent dimensions combines."""
    size = draw.uniform(2, 2, low=1.8, high=2.4)
    toy = AffineModel.drawn(draw, 2, (1, 1, 2))
    log_var = draw.uniform(2, low=-0.2, high=0.2)
    toy = toy.changed(weight=size * torch.tensor([[1.0, -1.0], [1.0, -1.0]], dtype=torch.float64), bias=0.2 * toy.bias)
    toy = toy.changed(weight_log_var=torch.zeros_like(toy.weight_log_var), bias_log_var=log_var)
    return toy.changed(prior=(toy.bias_mu + 1.0, log_var)) if prior else toy


def noise_hint(toy: AffineModel, x: torch.Tensor, losses: list[float], copies: int, draw: Draw) -> str:
    """Return what is known about losses of one image many times that are far from their expectation."""
    truth, tolerance = -float(toy.expected_elbo(x)), 6 * toy.lipschitz(x) / math.sqrt(copies)
    if all(abs(loss / copies - truth) <= tolerance for loss in losses):
        return known.sentence("vae", "loss_always_summed")
    if all(abs(loss + truth) <= tolerance for loss in losses):
        return known.sentence("vae", "loss_sign")
    if max(losses) - min(losses) > 2 * tolerance:
        return sentences.EPS_SHARED
    both = draw.normal(copies, 1).expand(copies, 2)  # one number for both dimensions
    shared = -float(toy.elbo(x.expand(copies, *x.shape[1:]), both).mean())
    if all(abs(loss - shared) <= 2 * tolerance for loss in losses):
        return sentences.EPS_SHARED
    noises = (draw.uniform(copies, 2), draw.uniform(copies, 2, low=-1), 0.1 * both, 0 * both)
    others = [
        (-float(toy.elbo(x.expand(copies, *x.shape[1:]), noise).mean()), sentences.NOISE_DISTRIBUTION)
        for noise in noises
    ]
    if toy.prior is None:
        others.append((truth - float(oracles.kl_standard_normal(*toy.encode(x))), sentences.DIVERGENCE_MISSING))
    said = {say for other, say in others if all(abs(loss - other) <= 2 * tolerance for loss in losses)}
    return said.pop() if len(said) == 1 else ""


def loss(student: Student, toy: AffineModel, x: torch.Tensor, **options: str) -> Question:
    """Return the question for the loss of a toy, put into a VAE of the student's."""
    question = ask(student, "", x=x).on(lambda student: installed(student, toy), "vae").given(**options)
    question.toy = toy
    return question.of_exercise("negative_elbo")


def is_right(question: Question, draw: Draw, reduction: str = "mean") -> None:
    """Demand the loss by the formula, for a toy whose bound does not depend on the noise, or by the student's own bound."""
    x, vae, toy = question.arguments["x"], question.owner(), question.toy
    noise = torch.zeros(len(x), 2, dtype=x.dtype)
    question.behind({"VAE.elbo": lambda model, x, eps: own_bound(vae, x, noise)}).equals(
        -getattr(toy.elbo(x, noise), reduction)(),
        also=own_losses(vae, x, draw.normal(len(x), 2), reduction),
        todo="It is the negative of `elbo`, reduced over the images.",
        shape="A loss is one number.",
    )
