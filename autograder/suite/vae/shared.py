"""What several exercises of vae are asked with."""

import math

import torch

from autograder.judging import expect, sentences
from autograder.judging.draw import Draw
from autograder.judging.expect import attempt
from autograder.judging.oracles import AffineModel
from autograder.kernel.remote import Handle, Student
from autograder.suite.asking import SHAPE, Besides, fresh_chance, parts_of
from autograder.suite.question import Question
from autograder.suite.vae import public

SIZES = ((5, 3), (1, 4), (4, 4), (1, 1))  # (B, D): one image, as many images as dimensions, more
STILL = "In evaluation mode a network draws and seeds nothing: is it dropout that stays on, or a seed?"
EXTREME = 1e4  # the largest logit that is promised exactly
ENOUGH = 4000  # draws where frequencies are compared


def ask(student: Student, name: str, **arguments: object) -> Question:
    """Return a question to a student, about this assignment."""
    return Question(student, name, arguments, public.CASES, installed)


def gaussians(draw: Draw, batch: int, latent_dim: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return mu, log_var and eps, all (B, D)."""
    return (
        draw.normal(batch, latent_dim),
        draw.uniform(batch, latent_dim, low=-2, high=2),
        draw.normal(batch, latent_dim),
    )


def network(student: Student, name: str, latent_dim: int, dtype: torch.dtype = torch.float64) -> Handle:
    """Return a new encoder or decoder in evaluation mode."""
    module = student.new(name, latent_dim=latent_dim)
    module.to(dtype)
    module.eval()
    return module


def shake(module: Handle, draw: Draw) -> None:
    """Give a network random parameters, so that nothing depends on how it was initialised."""
    shapes = {name: value.shape for name, value in module.state().parameters.items() if value.is_floating_point()}
    module.load(
        {
            name: draw.normal(*s, scale=3 * math.sqrt(s[0] / max(1, s.numel())) if len(s) > 1 else 1.0)
            for name, s in shapes.items()
        }
    )


def images(draw: Draw, batch: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Return binary images of the assignment's size."""
    return draw.binary(batch, 1, 28, 28, dtype=dtype)


def agree(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Return whether two results of a network are equal up to rounding."""
    return bool((first - second).abs().max() <= 1e-6 * second.abs().max())


def trains(question: Question, of: str, *, part: int | None = None, deep: bool = True) -> None:
    """Demand that a gradient reaches the parameters of the network asked; `deep`: its input too, or more than the last layer."""
    options = {} if part is None else {"part": part}
    found = question.gradient(wrt=(0,), parameters_of=question.owner(), **options)
    reached = [g for g in found.parameters.values() if g is not None and bool(g.any())]
    layers = sum(g.dim() > 1 for g in reached)
    back = found.inputs[0] is not None and bool(found.inputs[0].any())
    if not reached or (deep and layers < 2 and not back):
        got = "none, or one for the last layer only" if deep else "none"
        raise question.wrong(f"a gradient of {of} for the parameters", got, hint=sentences.DETACHED)


def installed(student: Student, toy: AffineModel) -> Handle:
    """Return a VAE of the student's with a toy's encoder, decoder and prior put in place of its own."""
    vae = student.new("VAE", latent_dim=toy.latent_dim)
    encoder, decoder, prior = parts_of(student, toy)
    vae.assign(encoder=encoder, decoder=decoder, prior=prior)
    vae.to(toy.weight.dtype)
    vae.eval()
    return vae


def at_prior(toy: AffineModel) -> AffineModel:
    """Return the toy with q(z|x) = p(z) and logits that ignore z: its bound is the reconstruction term, whatever the
    noise."""
    mean, log_var = toy.prior or (torch.zeros_like(toy.bias_mu), torch.zeros_like(toy.bias_mu))
    none = torch.zeros_like(toy.weight_mu)
    return toy.changed(
        weight_mu=none, bias_mu=mean, weight_log_var=none, bias_log_var=log_var, weight=torch.zeros_like(toy.weight)
    )


class Earlier(Besides):
    """What the student's functions that a function builds on do besides answering: that is judged with them.

    Args:
        modes: whether `elbo` changes the modes of a model, where that is an earlier function.
    """

    def __init__(self, student: Student, draw: Draw, modes: bool = False):
        self.changes_modes, self.changes_surroundings = modes, False
        mu, log_var, eps = gaussians(draw, 5, 2)
        x, logits = draw.binary(5, *SHAPE), draw.normal(5, *SHAPE)
        calls = {
            "reparameterize": (mu, log_var, eps),
            "gaussian_log_prob": (eps, mu, log_var),
            "kl_standard_normal": (mu, log_var),
            "bernoulli_log_prob": (x, logits),
            "bernoulli_sample": (logits,),
        }
        self.prints = self.changes_inputs = self.draws = False
        for name, args in calls.items():
            chance, copies = fresh_chance(student), [argument.clone() for argument in args]
            seen = attempt(lambda name=name, args=copies: student.inspect(name, *args))
            if seen is not None:
                self.prints |= bool(seen.printed)
                self.changes_inputs |= not all(map(expect.identical, args, seen.arguments))
                self.draws |= not torch.equal(chance, student.global_rng())
                self.changes_surroundings |= bool(seen.surroundings)

    @staticmethod
    def modes(student: Student, toy: AffineModel, x: torch.Tensor, draw: Draw) -> bool:
        """Return whether the student's own `elbo` changes a model that it is asked about."""
        vae = installed(student, toy)
        for part in ("encoder", "decoder"):
            vae.attribute(part).train()
            before = vae.state()
            attempt(lambda: vae.elbo(x, draw.normal(len(x), toy.latent_dim)))
            if expect.changes(before, vae.state()) is not None:
                return True
        return False
