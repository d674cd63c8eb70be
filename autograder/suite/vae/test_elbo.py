"""Hidden tests of elbo."""

from collections.abc import Callable, Iterator

import torch

from autograder.judging import expect, oracles
from autograder.judging.expect import attempt, underflown
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.reporting.points import Kind
from autograder.suite.asking import (
    COLOURED,
    SHAPE,
    fresh_chance,
    infinite,
    moved,
    own_functions,
    parts_of,
)
from autograder.suite.question import Question
from autograder.suite.vae.follow import compositions, earlier_gradients_broken, earlier_infinite, settled
from autograder.suite.vae.shared import Earlier, ask, installed

EARLIER = ("reparameterize", "gaussian_log_prob", "kl_standard_normal", "bernoulli_log_prob")


@worth("elbo", 3)
def test_elbo_is_reconstruction_minus_divergence(student, draw):
    """For each image the bound is log p(x|z) - KL(q(z|x) ‖ N(0, I)) with z from the given eps, in closed form (Kingma
    and Welling 2014, eq. 10)."""
    for batch, latent_dim, shape in ((5, 3, SHAPE), (1, 2, SHAPE), (4, 4, (1, 3, 2)), (3, 1, (1, 1, 4))):
        toy = settled(student, AffineModel.drawn(draw, latent_dim, shape))
        is_right(bound(student, toy, draw.binary(batch, *shape), draw.normal(batch, latent_dim)))
    for shape, scale in ((COLOURED, 1.0), ((1, 28, 28), 3.0)):  # the probability of the latter rounds to zero
        toy = settled(student, AffineModel.drawn(draw, 2, shape))
        is_right(bound(student, toy, draw.binary(3, *shape), draw.normal(3, 2, scale=scale)))


@worth("elbo", 2)
def test_elbo_averages_over_samples(student, draw):
    """With eps of shape (K, B, D) it returns the mean of the K single-sample bounds, (B,), also where K = 1 or K =
    B."""
    for samples, batch, latent_dim in ((3, 5, 2), (1, 4, 3), (4, 4, 2), (2, 1, 3)):
        toy = settled(student, AffineModel.drawn(draw, latent_dim))
        x, eps = draw.binary(batch, *SHAPE), draw.normal(samples, batch, latent_dim)
        is_right(bound(student, toy, x, eps), own_averages)


@worth("elbo", 2)
def test_elbo_uses_the_prior_of_the_model(student, draw):
    """With a prior of its own the model's bound is log p(x|z) + log p(z) - log q(z|x), the prior being looked up when
    called."""
    for lead, batch, latent_dim in (((), 5, 3), ((3,), 4, 2)):
        toy = settled(student, AffineModel.drawn(draw, latent_dim, prior=True))
        is_right(bound(student, toy, draw.binary(batch, *SHAPE), draw.normal(*lead, batch, latent_dim)))
    toy = settled(student, AffineModel.drawn(draw, 2, prior=True))
    is_right(
        bound(student, toy, draw.binary(3, *SHAPE), draw.normal(3, 2, scale=60.0))
    )  # where densities round to zero


@worth("elbo")
def test_elbo_stays_below_the_log_likelihood(student, draw):
    """Averaged over many eps it is the bound's exact value, and never above log p(x) (both by quadrature in one latent
    dimension)."""
    toy = settled(student, AffineModel.drawn(draw, 1, (1, 2, 2)))
    x, nodes = oracles.all_images(2, 2), 1000
    eps = oracles.normal_midpoints(nodes)[:, None, None].expand(nodes, len(x), 1).clone()
    question = bound(student, toy, x, eps)
    got = is_right(question)
    below = bool((got <= toy.log_likelihood(x) + 1e-3).all()) and bool(
        ((got - toy.expected_elbo(x)).abs() < 0.02).all()
    )
    if (
        expect.equal(got, toy.elbo(x, eps)) and not below
    ):  # where it is not, an earlier function is wrong, and pays for it there
        raise question.wrong("the bound's expectation, below log p(x)", "another value")


@worth("elbo", kind=Kind.GRADIENT)
def test_elbo_passes_gradients(student, draw):
    """The gradient of the bound reaches the parameters of encoder, decoder and prior, and agrees with its finite
    differences."""
    for prior in (False, True):
        toy = settled(student, AffineModel.drawn(draw, 2, prior=prior))
        x, eps, weight = draw.binary(4, *SHAPE), draw.normal(4, 2), draw.normal(4)
        question = bound(student, toy, x, eps)
        vae = question.owner()
        is_right(question)
        if not Earlier(student, draw).changes_inputs:
            question.keeps_inputs(question.inspected())
        parts = {"encoder": ("weight_mu", "bias_mu", "weight_log_var", "bias_log_var"), "decoder": ("weight", "bias")}
        parts |= {"prior": ("mean", "log_var")} if prior else {}
        for part, names in parts.items():
            owner = vae.attribute(part)
            found = question.gradient(wrt=(), parameters_of=owner, cotangent=weight)
            sizes = {name: value.shape for name, value in owner.state().parameters.items()}
            for name in names:
                direction = draw.normal(*sizes[name])
                value = weighted(question, weight)
                want = oracles.slope(moved(owner, name, direction, value))
                got = found.parameters[name]
                got = None if got is None else (got * direction).sum()
                if got is None and abs(float(want)) < 1e-9:
                    continue  # nothing depends on it here
                if (got is None or not expect.equal(got, want)) and not earlier_gradients_broken(student, draw):
                    question.has_derivative(got, want, of=f"the {part}'s {name}")


@worth("elbo")
def test_vae_is_made_of_encoder_decoder_and_prior(student, draw):
    """VAE(latent_dim, prior=None) keeps latent_dim and prior, makes an encoder and a decoder of its own, and elbo is right for
    whatever encoder, decoder and prior the model has when it is asked."""
    question = ask(student, "VAE", latent_dim=3)
    first, second = student.new("VAE", latent_dim=3), student.new("VAE", latent_dim=3)
    if not expect.identical(first.value("latent_dim"), 3):
        raise question.wrong("the attribute latent_dim to be 3", expect.described(first.value("latent_dim")))
    if first.value("prior") is not None:
        came = expect.described(first.value("prior"))
        raise question.wrong("the attribute prior to be None", came, "N(0, I) is said by None.")
    for part in ("encoder", "decoder"):
        one, other = first.attribute(part), second.attribute(part)
        parameters = one.state().parameters
        if not parameters:
            raise question.wrong(f"{part} with parameters", "one without")
        name, value = next(iter(parameters.items()))
        old = other.state().parameters[name].detach().clone()
        one.load({name: value.detach() + 1})
        if not torch.equal(other.state().parameters[name].detach(), old):
            todo = f"Make a new {part.title()} in the constructor."
            raise question.wrong(f"a {part} of its own for every VAE", f"two that share one {part}", todo)
    toy = settled(student, AffineModel.drawn(draw, 2, prior=True))

    def made(student: Student) -> Handle:
        vae = student.new("VAE", latent_dim=2, prior=student.build("GaussianPrior", *toy.prior))
        encoder, decoder, _ = parts_of(student, toy)
        vae.assign(encoder=encoder, decoder=decoder)
        vae.to(torch.float64)
        return vae

    x, eps = draw.binary(4, *SHAPE), draw.normal(4, 2)
    is_right(bound(student, toy, x, eps, made).after("VAE(latent_dim, prior)"))


@worth("elbo", kind=Kind.CARE)
def test_elbo_keeps_float32(student, draw):
    """A model and images in float32 give a bound in float32."""
    toy = settled(student, AffineModel.drawn(draw, 2, dtype=torch.float32))
    x, eps = draw.binary(5, *SHAPE, dtype=torch.float32), draw.normal(3, 5, 2, dtype=torch.float32)
    is_right(bound(student, toy, x, eps))


@worth("elbo", kind=Kind.CARE)
def test_elbo_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither its inputs nor the model nor any submodule's
    mode."""
    toy = settled(student, AffineModel.drawn(draw, 2))
    x, eps = draw.binary(5, *SHAPE), draw.normal(5, 2)
    question = bound(student, toy, x, eps)
    vae = question.owner()
    is_right(question)
    vae.attribute("encoder").train()
    before, chance = vae.state(), fresh_chance(student)
    seen = question.inspected()
    earlier = Earlier(student, draw)
    if not earlier.prints:
        question.prints_nothing(seen)
    if not earlier.changes_inputs:
        question.keeps_inputs(seen)
    if not earlier.draws:
        question.draws_nothing(chance, student.global_rng(), "All its randomness comes in through eps.")
    question.keeps_state(before, vae.state())
    question.keeps_models(earlier)


def bound(
    student: Student,
    toy: AffineModel,
    x: torch.Tensor,
    eps: torch.Tensor,
    build: Callable[[Student], Handle] | None = None,
) -> Question:
    """Return the question for the bound of a toy, put into a VAE of the student's, or as `build` makes one."""
    question = ask(student, "elbo", x=x, eps=eps).on(build or (lambda student: installed(student, toy)), "vae")
    question.toy = toy
    return question.looking(underflown).behind(own_functions(student, *EARLIER))


def is_right(
    question: Question, more: Callable[[Question], Iterator[torch.Tensor]] = lambda question: iter(())
) -> torch.Tensor:
    """Demand the bound by the formula, or by the formula made of the student's own earlier functions, or what `more` yields."""
    toy, (x, eps) = question.toy, question.arguments.values()
    got = question.answer()
    if infinite(got) and earlier_infinite(question.student, toy, x, eps):
        return got.detach()

    def others():
        yield from compositions(question.student, toy, x, eps)
        yield from more(question)

    todo, shape = "Compare each of its terms with the text.", "One bound for every image."
    return question.equals(toy.elbo(x, eps), got=got, also=others(), todo=todo, shape=shape)


def own_averages(question: Question) -> Iterator[torch.Tensor]:
    """Yield the mean of the student's own bounds of one sample each."""
    (x, eps), vae = question.arguments.values(), question.owner()
    single = [attempt(lambda k=k: vae.elbo(x, eps[k])) for k in range(len(eps))]
    right = all(isinstance(v, torch.Tensor) and v.shape == (len(x),) and v.dtype == x.dtype for v in single)
    if right and expect.varies(torch.stack(single)):
        yield torch.stack(single).detach().mean(0)


def weighted(question: Question, weight: torch.Tensor) -> Callable[[], torch.Tensor]:
    """Return what answers the weighted sum of the student's bounds, checked for kind."""
    x = question.arguments["x"]
    return lambda: weight @ question.is_like((len(x),), x.dtype)
