"""Hidden tests of negative_elbo."""

import math
from collections.abc import Iterator

import torch

from autograder.judging import expect, mistakes, oracles, statistics
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong, attempt, call
from autograder.judging.mistakes import SAID
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.suite.asking import SHAPE, check_models_kept, check_seeding
from autograder.suite.vae import public
from autograder.suite.vae.shared import Earlier, at_prior, installed


@worth("negative_elbo", 2)
def test_negative_elbo_reduces_over_images(student, draw):
    """vae(x) is minus the mean of the images' bounds, vae(x, reduction="sum") minus their sum: one number each."""
    for batch in (5, 1):
        toy = at_prior(AffineModel.drawn(draw, 2))
        x = draw.binary(batch, *SHAPE)
        vae = installed(student, toy)
        for reduction, options in (("mean", {}), ("mean", {"reduction": "mean"}), ("sum", {"reduction": "sum"})):
            check_loss(student, toy, x, vae, draw, reduction, options)


@worth("negative_elbo", 2)
def test_negative_elbo_draws_noise_for_every_image(student, draw):
    """Every image and latent dimension gets standard normal noise of its own, one each, anew in every call
    (concentration bound at 1e-9)."""
    copies, calls = 20_000, 3
    for prior in (False, True):
        toy = tense(draw, prior)
        x = draw.binary(1, 1, 1, 2)
        many = x.expand(copies, -1, -1, -1).clone()
        vae = installed(student, toy)
        asked = call("vae", x=many) + ", one image many times"
        losses = [float(expect.tensor(vae(many), (), torch.float64, asked=asked)) for _ in range(calls)]
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
            findings = [statistics.lipschitz_mean_is(loss, -float(own), 2 * limit, copies, alpha) for loss in losses]
        todo = (
            "With a prior of its own too the loss goes through `elbo`."
            if prior
            else "Draw eps of shape (B, D) with randn."
        )
        expected, got = "a loss near the expectation of the negative bound", "one far from it"
        hint = noise_hint(toy, x, losses, copies, draw)
        expect.agrees(min(findings, key=bool), asked=asked, expected=expected, got=got, todo=todo, hint=hint)
        if len(set(losses)) < calls:
            raise Wrong(asked, "other noise in every call", "the same loss again", "", SAID["eps_fixed"])
    toy, x = AffineModel.drawn(draw, 2), draw.binary(5, *SHAPE)
    vae, asked = installed(student, toy), call("vae", x=x)
    one = draw.normal(5, 2)
    decoded, own = (
        student.watch((vae, method), x, *rest, parts_of=vae).parts.get("decoder", (0, 0, 0))[2] // toy.latent_dim
        for method, rest in (("", ()), ("elbo", (one,)))
    )
    if decoded > max(len(x), own):
        raise Wrong(asked, "one code decoded for every image", f"{decoded} codes", "", SAID["eps_many"])
    check_seeding(student, lambda: vae(x), draw, asked)


@worth("negative_elbo")
def test_negative_elbo_passes_gradients(student, draw):
    """The gradient of the loss reaches encoder and decoder."""
    toy, x = AffineModel.drawn(draw, 2), draw.binary(5, *SHAPE)
    still = at_prior(toy)
    check_loss(student, still, x, installed(student, still), draw, "mean", {})
    flat = toy.changed(weight=torch.zeros_like(toy.weight))  # its bound does not depend on the noise
    vae = installed(student, flat)
    asked = call("vae", x=x)
    eps = draw.normal(5, 2)
    for part, name in (("decoder", "bias"), ("encoder", "bias_mu"), ("encoder", "bias_log_var")):
        owner = vae.attribute(part)
        found = student.gradient((vae, ""), x, wrt=(), parameters_of=owner)
        value = expect.tensor(found.value, (), torch.float64, asked=asked)
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
            hint = SAID[
                "divergence_missing"
                if expect.equal(value, torch.tensor(reconstruction, dtype=torch.float64))
                else "detached"
            ]
            todo = "The optimizer needs the loss as a tensor with its graph."
            raise Wrong(asked, f"a gradient for the {part}", "none", todo, hint)


@worth("negative_elbo")
def test_negative_elbo_refuses_unknown_reductions(student, draw):
    """An unknown reduction raises a ValueError."""
    toy, x = at_prior(AffineModel.drawn(draw, 2)), draw.binary(4, *SHAPE)
    vae = installed(student, toy)
    asked = call("vae", x=x, reduction="total")
    check_loss(student, toy, x, vae, draw, "mean", {})
    todo = "A misspelt option that is silently accepted is found only after hours of training."
    expect.refused(lambda: vae(x, reduction="total"), "ValueError", asked=asked, todo=todo)


@worth("negative_elbo")
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
    vae = installed(student, toy)
    vae.attribute("decoder").train()
    asked, before = call("vae", x=x), vae.state()
    seen = student.inspect((vae, ""), x)
    dtype = own.value.dtype if own is not None and isinstance(own.value, torch.Tensor) else torch.float32
    expect.tensor(seen.value, (), dtype, asked=asked)
    if not blamed:
        expect.silent(seen, asked=asked)
        expect.inputs_kept(seen, {"x": x}, asked=asked)
        expect.state_kept(before, vae.state(), asked=asked)
    toy, x = at_prior(AffineModel.drawn(draw, 2)), draw.binary(5, *SHAPE)
    check_loss(student, toy, x, installed(student, toy), draw, "mean", {})
    earlier = Earlier(student, draw, Earlier.modes(student, toy, x, draw))
    check_models_kept(
        student, toy, lambda model: student.inspect((model, ""), x), asked, build=installed, earlier=earlier, draws=True
    )


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
    if all(abs(loss + truth) <= tolerance for loss in losses):
        return mistakes.NEGATIVE_ELBO[0].say
    if max(losses) - min(losses) > 2 * tolerance:
        return SAID["eps_shared"]
    both = draw.normal(copies, 1).expand(copies, 2)  # one number for both dimensions
    shared = -float(toy.elbo(x.expand(copies, *x.shape[1:]), both).mean())
    if all(abs(loss - shared) <= 2 * tolerance for loss in losses):
        return SAID["eps_shared"]
    noises = (draw.uniform(copies, 2), draw.uniform(copies, 2, low=-1), 0.1 * both, 0 * both)
    others = [
        (-float(toy.elbo(x.expand(copies, *x.shape[1:]), noise).mean()), SAID["noise_distribution"]) for noise in noises
    ]
    if toy.prior is None:
        others.append((truth - float(oracles.kl_standard_normal(*toy.encode(x))), SAID["divergence_missing"]))
    said = {say for other, say in others if all(abs(loss - other) <= 2 * tolerance for loss in losses)}
    return said.pop() if len(said) == 1 else ""


def check_loss(
    student: Student, toy: AffineModel, x: torch.Tensor, vae: Handle, draw: Draw, reduction: str, options: dict
) -> None:
    """Compare a loss with the formula for a toy whose bound does not depend on the noise, or with the student's own
    bound."""
    batch = len(x)
    noise = torch.zeros(batch, 2, dtype=x.dtype)
    bounds = toy.elbo(x, noise)
    expect.close(
        vae(x, **options),
        -getattr(bounds, reduction)(),
        asked=call("vae", x=x, **options),
        also=own_losses(vae, x, draw.normal(batch, 2), reduction),
        hint=lambda got: (
            mistakes.recognise("negative_elbo", got, bounds, reduction)
            or mistakes.recognise("negative_elbo", got, attempt(lambda: vae.elbo(x, noise)), reduction)
        ),
        todo="It is the negative of `elbo`, reduced over the images.",
        example=lambda: public.example(student, "negative_elbo", installed),
        shape_todo="A loss is one number.",
    )


def own_bounds(vae: Handle, x: torch.Tensor, eps: torch.Tensor) -> torch.Tensor | None:
    """Return what the student's own `elbo` answers, if that looks at the images."""
    own, elsewhere = (attempt(lambda images=images: vae.elbo(images, eps)) for images in (x, 1 - x))
    if not isinstance(own, torch.Tensor) or not own.is_floating_point() or expect.identical(own, elsewhere):
        return None
    return own.detach()


def own_losses(vae: Handle, x: torch.Tensor, eps: torch.Tensor, reduction: str) -> Iterator[torch.Tensor]:
    """Yield the loss that the student's own `elbo` leads to."""
    own = own_bounds(vae, x, eps)
    if own is not None:
        yield -getattr(own, reduction)()
