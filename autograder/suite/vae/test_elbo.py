"""Hidden tests of elbo."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from autograder.judging import expect, mistakes, oracles
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong, attempt, call
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.suite.asking import COLOURED, SHAPE, check_models_kept, fresh_chance, infinite, moved, parts_of
from autograder.suite.vae import public
from autograder.suite.vae.shared import Earlier, at_prior, gaussians, installed


@worth("elbo", 3)
def test_elbo_is_reconstruction_minus_divergence(student, draw):
    """For each image the bound is log p(x|z) - KL(q(z|x) ‖ N(0, I)) with z from the given eps, in closed form (Kingma
    and Welling 2014, eq. 10)."""
    for batch, latent_dim, shape in ((5, 3, SHAPE), (1, 2, SHAPE), (4, 4, (1, 3, 2)), (3, 1, (1, 1, 4))):
        toy = settled(student, AffineModel.drawn(draw, latent_dim, shape))
        check_elbo(student, toy, draw.binary(batch, *shape), draw.normal(batch, latent_dim))
    for shape, scale in ((COLOURED, 1.0), ((1, 28, 28), 3.0)):  # the probability of the latter rounds to zero
        toy = settled(student, AffineModel.drawn(draw, 2, shape))
        check_elbo(student, toy, draw.binary(3, *shape), draw.normal(3, 2, scale=scale))


@worth("elbo", 2)
def test_elbo_averages_over_samples(student, draw):
    """With eps of shape (K, B, D) it returns the mean of the K single-sample bounds, (B,), also where K = 1 or K =
    B."""
    for samples, batch, latent_dim in ((3, 5, 2), (1, 4, 3), (4, 4, 2), (2, 1, 3)):
        toy = settled(student, AffineModel.drawn(draw, latent_dim))
        check_elbo(student, toy, draw.binary(batch, *SHAPE), draw.normal(samples, batch, latent_dim), averages_own=True)


@worth("elbo", 2)
def test_elbo_uses_the_prior_of_the_model(student, draw):
    """With a prior of its own the model's bound is log p(x|z) + log p(z) - log q(z|x), the prior being looked up when
    called."""
    for lead, batch, latent_dim in (((), 5, 3), ((3,), 4, 2)):
        toy = settled(student, AffineModel.drawn(draw, latent_dim, prior=True))
        check_elbo(student, toy, draw.binary(batch, *SHAPE), draw.normal(*lead, batch, latent_dim))
    toy = settled(student, AffineModel.drawn(draw, 2, prior=True))
    check_elbo(student, toy, draw.binary(3, *SHAPE), draw.normal(3, 2, scale=60.0))  # where densities round to zero


@worth("elbo")
def test_elbo_stays_below_the_log_likelihood(student, draw):
    """Averaged over many eps it is the bound's exact value, and never above log p(x) (both by quadrature in one latent
    dimension)."""
    toy = settled(student, AffineModel.drawn(draw, 1, (1, 2, 2)))
    x, nodes = oracles.all_images(2, 2), 1000
    eps = oracles.normal_midpoints(nodes)[:, None, None].expand(nodes, len(x), 1).clone()
    got, asked = check_elbo(student, toy, x, eps), call("vae.elbo", x=x, eps=eps)
    below = bool((got <= toy.log_likelihood(x) + 1e-3).all()) and bool(
        ((got - toy.expected_elbo(x)).abs() < 0.02).all()
    )
    if (
        expect.equal(got, toy.elbo(x, eps)) and not below
    ):  # where it is not, an earlier function is wrong, and pays for it there
        raise Wrong(asked, "the bound's expectation, below log p(x)", "another value")


@worth("elbo")
def test_elbo_passes_gradients(student, draw):
    """The gradient of the bound reaches the parameters of encoder, decoder and prior, and agrees with its finite
    differences."""
    for prior in (False, True):
        toy = settled(student, AffineModel.drawn(draw, 2, prior=prior))
        x, eps, weight = draw.binary(4, *SHAPE), draw.normal(4, 2), draw.normal(4)
        vae = installed(student, toy)
        asked = call("vae.elbo", x=x, eps=eps)
        check_elbo(student, toy, x, eps, vae=vae)
        if not Earlier(student, draw).changes_inputs:
            expect.inputs_kept(student.inspect((vae, "elbo"), x, eps), {"x": x, "eps": eps}, asked=asked)
        parts = {"encoder": ("weight_mu", "bias_mu", "weight_log_var", "bias_log_var"), "decoder": ("weight", "bias")}
        parts |= {"prior": ("mean", "log_var")} if prior else {}
        for part, names in parts.items():
            owner = vae.attribute(part)
            found = student.gradient((vae, "elbo"), x, eps, wrt=(), parameters_of=owner, cotangent=weight)
            sizes = {name: value.shape for name, value in owner.state().parameters.items()}
            for name in names:
                direction = draw.normal(*sizes[name])
                want = oracles.slope(
                    moved(
                        owner,
                        name,
                        direction,
                        lambda vae=vae, x=x, eps=eps, w=weight, asked=asked: w @ bound(vae, x, eps, asked),
                    )
                )
                got = found.parameters[name]
                got = None if got is None else (got * direction).sum()
                if got is None and abs(float(want)) < 1e-9:
                    continue  # nothing depends on it here
                if (got is None or not expect.equal(got, want)) and not earlier_gradients_broken(student, draw):
                    expect.derivative(got, want, asked=asked, of=f"the {part}'s {name}", right=True)


@worth("elbo")
def test_vae_is_made_of_encoder_decoder_and_prior(student, draw):
    """VAE(latent_dim, prior=None) keeps latent_dim and prior, makes an encoder and a decoder of its own, and elbo is right for
    whatever encoder, decoder and prior the model has when it is asked."""
    asked = "VAE(latent_dim=3)"
    first, second = student.new("VAE", latent_dim=3), student.new("VAE", latent_dim=3)
    if not expect.identical(first.value("latent_dim"), 3):
        raise Wrong(asked, "the attribute latent_dim to be 3", expect.described(first.value("latent_dim")))
    if first.value("prior") is not None:
        raise Wrong(
            asked, "the attribute prior to be None", expect.described(first.value("prior")), "N(0, I) is said by None."
        )
    for part in ("encoder", "decoder"):
        one, other = first.attribute(part), second.attribute(part)
        parameters = one.state().parameters
        if not parameters:
            raise Wrong(asked, f"{part} with parameters", "one without")
        name, value = next(iter(parameters.items()))
        old = other.state().parameters[name].detach().clone()
        one.load({name: value.detach() + 1})
        if not torch.equal(other.state().parameters[name].detach(), old):
            todo = f"Make a new {part.title()} in the constructor."
            raise Wrong(asked, f"a {part} of its own for every VAE", f"two that share one {part}", todo)
    toy = settled(student, AffineModel.drawn(draw, 2, prior=True))
    given = student.new("VAE", latent_dim=2, prior=student.gaussian_prior(*toy.prior))
    encoder, decoder, _ = parts_of(student, toy)
    given.assign(encoder=encoder, decoder=decoder)
    given.to(torch.float64)
    x, eps = draw.binary(4, *SHAPE), draw.normal(4, 2)
    check_elbo(student, toy, x, eps, vae=given, made="VAE(latent_dim, prior), then ")


@worth("elbo")
def test_elbo_keeps_float32(student, draw):
    """A model and images in float32 give a bound in float32."""
    toy = settled(student, AffineModel.drawn(draw, 2, dtype=torch.float32))
    check_elbo(student, toy, draw.binary(5, *SHAPE, dtype=torch.float32), draw.normal(3, 5, 2, dtype=torch.float32))


@worth("elbo")
def test_elbo_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither its inputs nor the model nor any submodule's
    mode."""
    toy = settled(student, AffineModel.drawn(draw, 2))
    x, eps = draw.binary(5, *SHAPE), draw.normal(5, 2)
    vae = installed(student, toy)
    check_elbo(student, toy, x, eps, vae=vae)
    vae.attribute("encoder").train()
    asked, before, chance = call("vae.elbo", x=x, eps=eps), vae.state(), fresh_chance(student)
    seen = student.inspect((vae, "elbo"), x, eps)
    earlier = Earlier(student, draw)
    if not earlier.prints:
        expect.silent(seen, asked=asked)
    if not earlier.changes_inputs:
        expect.inputs_kept(seen, {"x": x, "eps": eps}, asked=asked)
    if not earlier.draws:
        expect.random_state_kept(
            chance, student.global_rng(), asked=asked, todo="All its randomness comes in through eps."
        )
    expect.state_kept(before, vae.state(), asked=asked)
    check_models_kept(
        student, toy, lambda model: student.inspect((model, "elbo"), x, eps), asked, build=installed, earlier=earlier
    )


def check_elbo(
    student: Student,
    toy: AffineModel,
    x: torch.Tensor,
    eps: torch.Tensor,
    *,
    vae: Handle | None = None,
    made: str = "",
    averages_own: bool = False,
) -> torch.Tensor:
    """Compare a bound with the formula, or with the formula made of the student's own earlier functions."""
    vae = vae or installed(student, toy)
    got = vae.elbo(x, eps)
    if infinite(got) and earlier_infinite(student, toy, x, eps):
        return got.detach()

    def others():
        yield from compositions(student, toy, x, eps)
        if averages_own:
            single = [attempt(lambda k=k: vae.elbo(x, eps[k])) for k in range(len(eps))]
            if all(
                isinstance(value, torch.Tensor) and value.shape == (len(x),) and value.dtype == x.dtype
                for value in single
            ) and expect.varies(torch.stack(single)):
                yield torch.stack(single).detach().mean(0)

    return expect.close(
        got,
        toy.elbo(x, eps),
        asked=made + call("vae.elbo", x=x, eps=eps),
        also=others(),
        hint=lambda got: (
            mistakes.underflown(got)
            or mistakes.recognise("elbo", got, toy, x, eps)
            or mistakes.recognise("elbo", got, Own(**vars(toy), functions=OwnFunctions(student)), x, eps)
            or expect.unsteady(lambda: vae.elbo(x, eps), got)
        ),
        todo="Compare each of its terms with the text.",
        example=lambda: public.example(student, "elbo", installed),
        shape_todo="One bound for every image.",
    )


def earlier_infinite(student: Student, toy: AffineModel, x: torch.Tensor, eps: torch.Tensor) -> bool:
    """Return whether a density of the student's own is infinite where it is not, which is judged with it. Where not even the
    sample is finite, nothing says that the bound is made of that density."""
    mu, log_var = toy.encode(x)
    if infinite(attempt(lambda: student.reparameterize(mu, log_var, eps))):
        return False
    z = oracles.reparameterize(mu, log_var, eps)
    calls = {"gaussian_log_prob": (z, mu, log_var), "bernoulli_log_prob": (x, toy.decode(z))}
    return any(infinite(attempt(lambda n=name, a=args: student.call(n, *a))) for name, args in calls.items())


def compositions(student: Student, toy: AffineModel, x: torch.Tensor, eps: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield bounds of a toy put together from the student's own functions, each taken over or written out rightly."""
    mu, log_var = toy.encode(x)
    for z in own_or_true(student, "reparameterize", mu, log_var, eps):
        logits = possible(lambda z=z: toy.decode(z))
        if logits is None:
            continue
        if toy.prior is None:
            divergences = list(own_or_true(student, "kl_standard_normal", mu, log_var))
        else:
            densities = own_or_true(student, "gaussian_log_prob", z, mu, log_var)
            divergences = [possible(lambda d=d, z=z: d - toy.prior_log_prob(z)) for d in densities]
        for reconstruction in own_or_true(student, "bernoulli_log_prob", x, logits):
            for divergence in divergences:
                value = possible(lambda r=reconstruction, d=divergence: r - d)
                if value is not None:
                    yield value.mean(0) if eps.dim() == 3 and value.dim() > 0 else value


def own_or_true(student: Student, name: str, *args: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield what the student's function answers, if finite and not constant, and what the formula gives."""
    own = attempt(lambda: student.call(name, *args))
    elsewhere = attempt(
        lambda: student.call(name, *(1 - a if bool(((a == 0) | (a == 1)).all()) else 0.7 * a + 0.3 for a in args))
    )
    if (
        isinstance(own, torch.Tensor)
        and own.is_floating_point()
        and bool(torch.isfinite(own).all())
        and not expect.identical(own, elsewhere)
    ):
        yield own.detach()
    true = possible(lambda: getattr(oracles, name)(*args))
    if true is not None:
        yield true


def possible(function: Callable[[], torch.Tensor]) -> torch.Tensor | None:
    """Return what the function returns, or None where shapes do not fit."""
    try:
        return function()
    except (RuntimeError, ValueError, TypeError, IndexError):
        return None


def settled(student: Student, toy: AffineModel) -> AffineModel:
    """Return the toy, or where the student's reparameterize draws noise of its own, one whose bound does not depend on
    noise."""
    zeros = torch.zeros(2, 3, dtype=torch.float64)
    first, again = (attempt(lambda: student.reparameterize(zeros, zeros, zeros + 1)) for _ in range(2))
    random = isinstance(first, torch.Tensor) and isinstance(again, torch.Tensor) and not expect.identical(first, again)
    return (
        at_prior(toy) if random and toy.prior else toy.changed(weight=torch.zeros_like(toy.weight)) if random else toy
    )


def bound(vae: Handle, x: torch.Tensor, eps: torch.Tensor, asked: str) -> torch.Tensor:
    """Return the student's bounds, checked for kind."""
    return expect.tensor(vae.elbo(x, eps), (len(x),), x.dtype, asked=asked)


class OwnFunctions:
    """A student's functions that `elbo` is made of, for recognising a second mistake behind a first; each input is
    asked once. They raise ValueError where they answer no finite tensor."""

    def __init__(self, student: Student):
        self._student, self._seen = student, {}

    def __getattr__(self, name: str) -> Callable[..., torch.Tensor]:
        def function(*args):
            key = (name, *(argument.detach().numpy().tobytes() for argument in args))
            if key not in self._seen:
                self._seen[key] = attempt(lambda: self._student.call(name, *args))
            value = self._seen[key]
            if not isinstance(value, torch.Tensor) or infinite(value):
                raise ValueError(f"{name} answers no finite tensor")
            return value.detach()

        return function


@dataclass(frozen=True)
class Own(AffineModel):
    """A toy whose terms are made of a student's own functions."""

    functions: OwnFunctions | None = None


def earlier_gradients_broken(student: Student, draw: Draw) -> bool:
    """Return whether a gradient of a function that `elbo` builds on disagrees with the finite differences of its own
    values."""
    mu, log_var, eps = gaussians(draw, 5, 2)
    x, logits = draw.binary(5, *SHAPE), draw.normal(5, *SHAPE)
    calls = {
        "reparameterize": ((mu, log_var, eps), (0, 1)),
        "gaussian_log_prob": ((eps, mu, log_var), (0, 1, 2)),
        "kl_standard_normal": ((mu, log_var), (0, 1)),
        "bernoulli_log_prob": ((x, logits), (1,)),
    }
    for name, (args, wrt) in calls.items():
        for i in wrt:
            direction = draw.normal(*args[i].shape)
            found = attempt(lambda name=name, args=args, i=i: student.gradient(name, *args, wrt=(i,)))

            def stepped(step, name=name, args=args, i=i, direction=direction):
                return student.call(name, *args[:i], args[i] + step * direction, *args[i + 1 :]).detach().sum()

            want = attempt(lambda stepped=stepped: oracles.slope(stepped))
            if found is None or want is None or found.inputs[0] is None:
                return True
            if not expect.equal((found.inputs[0] * direction).sum(), want):
                return True
    return False
