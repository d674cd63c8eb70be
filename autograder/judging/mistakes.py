"""Known wrong formulas, exercise by exercise, and what to tell a student whose answer equals one of them.

A hint names what the answer looks like and where to look; it never states the solution. Formulas take the inputs of the
hidden test that asks, in the order given above each list. Who compares: `expect`, through `recognise`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.distributions import Normal
from torch.nn.functional import binary_cross_entropy, logsigmoid, softplus

from autograder.judging import oracles
from autograder.judging.accuracy import EXACT, PRECISION

PIXELS = (-3, -2, -1)
LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class Mistake:
    """A wrong formula: what it is called, what to say when an answer equals it, and the formula itself."""

    key: str
    say: str
    formula: Callable[..., object]


def recognise(exercise: str, got: object, *inputs: object) -> str:
    """Return what to say about the known mistake that gives `got` on these inputs, or an empty text.

    Nothing is said where mistakes that are told differently give the same here: an input has to tell them apart.
    """
    if not isinstance(got, (torch.Tensor, float)) or any(given is None for given in inputs):
        return ""  # None: what a student's own earlier function gives where it fails
    found = torch.as_tensor(got).detach()
    if not found.is_floating_point() or not bool(torch.isfinite(found).all()):
        return ""
    relative = PRECISION.get(found.dtype, EXACT)
    said = set()
    for mistake in CATALOGUE[exercise]:
        try:
            wrong = torch.as_tensor(mistake.formula(*inputs))
        except (RuntimeError, ValueError, IndexError):  # the formula does not fit these shapes
            continue
        if wrong.shape == found.shape and torch.allclose(found.double(), wrong.double(), rtol=relative, atol=relative):
            said.add(mistake.say)
    return said.pop() if len(said) == 1 else ""


def underflown(got: object) -> str:
    """Return what to say about an answer that is minus infinity somewhere, where a logarithm of a density is asked."""
    infinite = isinstance(got, torch.Tensor) and got.is_floating_point() and bool((got == -math.inf).any())
    return LOG_OF_DENSITY if infinite else ""


def _gaussian(z, mu, scale):
    return Normal(mu, scale).log_prob(z)


def _kl(mu, log_var):
    return 0.5 * (mu**2 + torch.exp(log_var) - 1 - log_var)  # per latent dimension


def _clamped(x, logits, epsilon):
    theta = torch.sigmoid(logits).clamp(epsilon, 1 - epsilon)
    return (x * torch.log(theta) + (1 - x) * torch.log(1 - theta)).sum(PIXELS)


def _pixels(x, logits):
    return x * logits - softplus(logits)


SMALL_NUMBER = (
    "A small number is added to keep something away from zero, or it has a floor. With a narrow distribution that is no "
    "longer small: where log_var is given, no such help is needed."
)
LOG_OF_DENSITY = (
    "The density is computed first, and its logarithm after: far from the mean a density rounds to zero, and its "
    "logarithm to minus infinity. Stay with logarithms throughout."
)
LOG_OF_DENSITY_FLOORED = (
    "The density itself is computed, with a small number under the logarithm: far from the mean only that number is left. "
    "Stay with logarithms throughout."
)
SUM_ITSELF = "Keep the logarithm of the sum of the weights, not the sum itself."
SMALL = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)


def _small_numbers(formula, label="small_number"):
    """Return the mistakes of small numbers: formula(variance of log_var, *inputs), in three ways to add one, each with
    the numbers that show where log_var is at least -9.5."""
    ways = {
        "variance": (lambda v, small: torch.exp(v) + small, (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)),
        "scale": (lambda v, small: (torch.exp(v / 2) + small) ** 2, (1e-2, 1e-3, 1e-4, 1e-5)),
        "floor": (lambda v, small: torch.exp(v).clamp_min(small), (1e-2, 1e-3, 1e-4)),
    }
    return (
        Mistake(
            f"{label}_{way}_{small:g}", SMALL_NUMBER, lambda *i, f=function, s=small: formula(lambda v: f(v, s), *i)
        )
        for way, (function, numbers) in ways.items()
        for small in numbers
    )


# mu, log_var, eps
REPARAMETERIZE = (
    *_small_numbers(lambda variance, mu, log_var, eps: mu + variance(log_var).sqrt() * eps),
    Mistake(
        "variance_as_std",
        "The noise is scaled by the variance. The encoder gives the logarithm of the variance: how does one get "
        "from there to the standard deviation?",
        lambda mu, log_var, eps: mu + torch.exp(log_var) * eps,
    ),
    Mistake(
        "exponential_twice",
        (
            "It looks as if the exponential were taken twice. Follow one number from log_var to the standard "
            "deviation by hand."
        ),
        lambda mu, log_var, eps: mu + torch.exp(torch.exp(log_var / 2)) * eps,
    ),
    Mistake(
        "exponential_missing",
        "The noise is scaled by log_var itself, which may be negative. Which function turns a logarithm back?",
        lambda mu, log_var, eps: mu + log_var * eps,
    ),
    Mistake(
        "exponential_missing_half",
        "The noise is scaled by the logarithm of the standard deviation. Which function turns a logarithm back?",
        lambda mu, log_var, eps: mu + log_var / 2 * eps,
    ),
    Mistake(
        "root_twice",
        (
            "The noise is scaled too little where log_var is positive and too much where it is negative: is the "
            "root taken twice?"
        ),
        lambda mu, log_var, eps: mu + torch.exp(log_var / 4) * eps,
    ),
    Mistake(
        "precision",
        "The noise is scaled by one over the standard deviation. Look at the sign inside the exponential.",
        lambda mu, log_var, eps: mu + torch.exp(-log_var / 2) * eps,
    ),
    Mistake(
        "eps_ignored",
        "The answer equals mu whatever eps is. A sample of q(z|x) needs its noise.",
        lambda mu, log_var, eps: mu.expand(eps.shape),
    ),
    Mistake(
        "mu_ignored",
        "The answer does not depend on mu: the noise is scaled, but not shifted.",
        lambda mu, log_var, eps: torch.exp(log_var / 2) * eps,
    ),
    Mistake(
        "shared_over_batch",
        "All images use the noise of the first one. Every image of the batch has its own row of eps.",
        lambda mu, log_var, eps: mu + torch.exp(log_var / 2) * eps[..., :1, :],
    ),
    Mistake(
        "shared_over_samples",
        "All K samples use the noise of the first one. The first axis of eps counts the samples.",
        lambda mu, log_var, eps: (mu + torch.exp(log_var / 2) * eps[0]).expand(eps.shape),
    ),
    Mistake(
        "subtracted",
        (
            "The noise is subtracted. In distribution this is the same, but with the eps you are given the point is "
            "another one."
        ),
        lambda mu, log_var, eps: mu - torch.exp(log_var / 2) * eps,
    ),
)

# z, mu, log_var
GAUSSIAN_LOG_PROB = (
    *_small_numbers(lambda variance, z, mu, log_var: _gaussian(z, mu, variance(log_var).sqrt()).sum(-1)),
    *_small_numbers(
        lambda variance, z, mu, log_var: (
            -0.5 * (LOG_2PI + torch.log(variance(log_var)) + (z - mu) ** 2 * torch.exp(-log_var))
        ).sum(-1),
        "small_number_in_logarithm",
    ),
    *(
        Mistake(
            f"density_floored_{small:g}",
            LOG_OF_DENSITY_FLOORED,
            lambda z, mu, log_var, small=small: torch.log(
                torch.exp(_gaussian(z, mu, torch.exp(log_var / 2))) + small
            ).sum(-1),
        )
        for small in (*SMALL, 1e-10, 1e-12, 1e-20, 1e-30, 1e-45, 1e-100, 1e-300)
    ),
    Mistake(
        "variance_as_std",
        "The variance is used where a normal distribution takes its standard deviation.",
        lambda z, mu, log_var: _gaussian(z, mu, torch.exp(log_var)).sum(-1),
    ),
    Mistake(
        "constants_dropped",
        (
            "The constant with log 2π is missing. It cancels inside some bounds, but a density without it does not "
            "integrate to one."
        ),
        lambda z, mu, log_var: -0.5 * (log_var + (z - mu) ** 2 * torch.exp(-log_var)).sum(-1),
    ),
    Mistake(
        "constant_per_element",
        "The constant of all D dimensions is added in every dimension and then summed again.",
        lambda z, mu, log_var: -0.5 * (mu.shape[-1] * LOG_2PI + log_var + (z - mu) ** 2 * torch.exp(-log_var)).sum(-1),
    ),
    Mistake(
        "constant_once",
        "The constant with log 2π enters once. How many dimensions does the density have?",
        lambda z, mu, log_var: -0.5 * (LOG_2PI + (log_var + (z - mu) ** 2 * torch.exp(-log_var)).sum(-1)),
    ),
    Mistake(
        "half_missing",
        "The answer is twice the log-density: is a factor ½ missing?",
        lambda z, mu, log_var: 2 * _gaussian(z, mu, torch.exp(log_var / 2)).sum(-1),
    ),
    Mistake(
        "half_missing_square",
        "The squared distance enters without its factor ½.",
        lambda z, mu, log_var: (-0.5 * (LOG_2PI + log_var) - (z - mu) ** 2 * torch.exp(-log_var)).sum(-1),
    ),
    Mistake(
        "log_std_in_normaliser",
        "In the normalising term log_var stands where the logarithm of the standard deviation belongs.",
        lambda z, mu, log_var: (-0.5 * LOG_2PI - log_var - 0.5 * (z - mu) ** 2 * torch.exp(-log_var)).sum(-1),
    ),
    Mistake(
        "mean_over_latents",
        "The dimensions are averaged. The logarithm of a product of densities is a sum.",
        lambda z, mu, log_var: _gaussian(z, mu, torch.exp(log_var / 2)).mean(-1),
    ),
    Mistake(
        "not_summed",
        "There is one value for every latent dimension; one for every z is asked.",
        lambda z, mu, log_var: _gaussian(z, mu, torch.exp(log_var / 2)),
    ),
    Mistake(
        "summed_over_batch",
        "The whole batch is summed into one number. Only the latent dimensions are summed.",
        lambda z, mu, log_var: _gaussian(z, mu, torch.exp(log_var / 2)).sum(),
    ),
    Mistake(
        "negative",
        "The sign is the other way round: this is the negative log-density.",
        lambda z, mu, log_var: -_gaussian(z, mu, torch.exp(log_var / 2)).sum(-1),
    ),
    Mistake(
        "precision_sign",
        "The squared distance is multiplied by the variance instead of divided by it.",
        lambda z, mu, log_var: -0.5 * (LOG_2PI + log_var + (z - mu) ** 2 * torch.exp(log_var)).sum(-1),
    ),
    Mistake(
        "density",
        "This is the density itself; its logarithm is asked.",
        lambda z, mu, log_var: torch.exp(_gaussian(z, mu, torch.exp(log_var / 2)).sum(-1)),
    ),
)

# mu, log_var
KL_STANDARD_NORMAL = (
    *_small_numbers(
        lambda variance, m, v: 0.5 * (m**2 + torch.exp(v) - 1 - torch.log(variance(v))).sum(-1),
        "small_number_in_logarithm",
    ),
    *_small_numbers(lambda variance, m, v: 0.5 * (m**2 + variance(v) - 1 - torch.log(variance(v))).sum(-1)),
    Mistake(
        "half_missing",
        "The answer is twice the divergence: is the factor ½ missing?",
        lambda m, v: 2 * _kl(m, v).sum(-1),
    ),
    Mistake(
        "sign",
        "The answer is the divergence with the opposite sign. A Kullback-Leibler divergence is never negative.",
        lambda m, v: -_kl(m, v).sum(-1),
    ),
    Mistake(
        "mean_over_latents",
        "The latent dimensions are averaged. Independent dimensions add their divergences.",
        lambda m, v: _kl(m, v).mean(-1),
    ),
    Mistake(
        "summed_over_batch",
        "The whole batch is summed into one number. Each image has its own q(z|x), so each has its own divergence.",
        lambda m, v: _kl(m, v).sum(),
    ),
    Mistake(
        "averaged_over_batch",
        "The batch is averaged. Each image has its own q(z|x), so each has its own divergence.",
        lambda m, v: _kl(m, v).sum(-1).mean(),
    ),
    Mistake(
        "mean_of_all",
        "Batch and latent dimensions are averaged together. Sum over the latter, keep the former.",
        lambda m, v: _kl(m, v).mean(),
    ),
    Mistake(
        "not_summed",
        "There is one value for every latent dimension; one for every image is asked.",
        lambda m, v: _kl(m, v),
    ),
    Mistake(
        "summed_over_images",
        "The sum runs over the images instead of the latent dimensions. Which axis is which?",
        lambda m, v: _kl(m, v).sum(0),
    ),
    Mistake(
        "variance_as_std",
        "Here log_var is treated as the logarithm of the standard deviation: the variance is squared once too often.",
        lambda m, v: _kl(m, 2 * v).sum(-1),
    ),
    Mistake(
        "log_std_in_logarithm",
        "The logarithm that is subtracted is that of the standard deviation, where that of the variance belongs.",
        lambda m, v: 0.5 * (m**2 + torch.exp(v) - 1 - v / 2).sum(-1),
    ),
    Mistake(
        "std_for_variance",
        "The standard deviation stands where the variance belongs.",
        lambda m, v: 0.5 * (m**2 + torch.exp(v / 2) - 1 - v).sum(-1),
    ),
    Mistake(
        "reversed",
        "This is the divergence from the prior to q. Which of the two distributions is the expectation taken under?",
        lambda m, v: 0.5 * (torch.exp(-v) * (1 + m**2) - 1 + v).sum(-1),
    ),
    Mistake(
        "one_missing",
        "A constant of every dimension is missing. What does the answer have to be when q is the prior?",
        lambda m, v: 0.5 * (m**2 + torch.exp(v) - v).sum(-1),
    ),
    Mistake(
        "log_var_sign",
        "The sign of log_var is wrong. What does the answer have to be when q is the prior, and near it?",
        lambda m, v: 0.5 * (m**2 + torch.exp(v) - 1 + v).sum(-1),
    ),
    Mistake(
        "mean_not_squared",
        "The mean enters without its square. A divergence does not care on which side of zero mu lies.",
        lambda m, v: 0.5 * (m + torch.exp(v) - 1 - v).sum(-1),
    ),
    Mistake("mean_missing", "The answer does not depend on mu.", lambda m, v: 0.5 * (torch.exp(v) - 1 - v).sum(-1)),
)

# x, logits
BERNOULLI_LOG_PROB = (
    Mistake(
        "channels_averaged",
        "The channels are averaged: they are pixels like others. Sum over the last three axes, whatever their sizes.",
        lambda x, logits: _pixels(x, logits).sum((-2, -1)).mean(-1) if x.shape[-3] > 1 else None,
    ),
    Mistake(
        "first_channel",
        "Only the first channel counts. Sum over the last three axes, whatever their sizes.",
        lambda x, logits: _pixels(x, logits).sum((-2, -1))[..., 0] if x.shape[-3] > 1 else None,
    ),
    Mistake(
        "channels_kept",
        "Height and width are summed over, the channels are not. Sum over the last three axes, whatever their sizes.",
        lambda x, logits: _pixels(x, logits).sum((-2, -1)),
    ),
    Mistake(
        "negative",
        "The sign is the other way round: this is the cross-entropy. A log-probability is never positive.",
        lambda x, logits: -_pixels(x, logits).sum(PIXELS),
    ),
    Mistake(
        "mean_over_pixels",
        "The pixels are averaged. The probability of an image is the product over its pixels.",
        lambda x, logits: _pixels(x, logits).mean(PIXELS),
    ),
    Mistake(
        "summed_over_batch",
        "The whole batch is summed into one number. Keep one log-probability for every image.",
        lambda x, logits: _pixels(x, logits).sum(),
    ),
    Mistake(
        "averaged_over_all",
        "Everything is averaged into one number (a default of the loss function?).",
        lambda x, logits: _pixels(x, logits).mean(),
    ),
    Mistake(
        "averaged_loss",
        "Everything is averaged into one positive number: a loss function with its default reduction?",
        lambda x, logits: -_pixels(x, logits).mean(),
    ),
    Mistake(
        "not_summed",
        "There is one value for every pixel; one for every image is asked.",
        lambda x, logits: _pixels(x, logits),
    ),
    Mistake(
        "sigmoid_twice",
        "The logits pass through the sigmoid twice. Which functions take logits, and which take probabilities?",
        lambda x, logits: _pixels(x, torch.sigmoid(logits)).sum(PIXELS),
    ),
    Mistake(
        "clamped_coarsely",
        (
            "Probabilities are clamped at 1e-5, so a confident error costs at most 11.5 nats a pixel. Can the "
            "formula be written with logits alone?"
        ),
        lambda x, logits: _clamped(x, logits, 1e-5),
    ),
    Mistake(
        "clamped_finely",
        (
            "Probabilities are kept away from 0 and 1 by 1e-8 (a clamp, or a small number in the logarithm): a confident "
            "error costs at most 18.4 nats per pixel. Can the formula be written with logits alone?"
        ),
        lambda x, logits: _clamped(x, logits, 1e-8),
    ),
    Mistake(
        "clamped_moderately",
        (
            "Probabilities are clamped, so a confident error costs too little. Can the formula be written with "
            "logits alone?"
        ),
        lambda x, logits: _clamped(x, logits, 1e-6),
    ),
    Mistake(
        "floored_cross_entropy",
        "The loss on probabilities floors each logarithm at -100. There is a form that takes logits and has no floor.",
        lambda x, logits: (
            -binary_cross_entropy(torch.sigmoid(logits), x.expand(logits.shape), reduction="none").sum(PIXELS)
        ),
    ),
    Mistake(
        "only_ones",
        "Only the pixels that are 1 count. What is the probability of a pixel that is 0?",
        lambda x, logits: (x * logsigmoid(logits)).sum(PIXELS),
    ),
    Mistake(
        "inverted",
        "Ones and zeros are exchanged: the logit is that of a pixel being 1.",
        lambda x, logits: _pixels(1 - x, logits).sum(PIXELS),
    ),
    Mistake(
        "squared_error",
        "This is a squared error between pixels and probabilities, which is the log-probability of no binary image.",
        lambda x, logits: -((x - torch.sigmoid(logits)) ** 2).sum(PIXELS),
    ),
    Mistake(
        "probability",
        "This is the probability itself; its logarithm is asked.",
        lambda x, logits: torch.exp(_pixels(x, logits).sum(PIXELS)),
    ),
)


def _functions(toy):
    """Return what a toy's terms are made of: the oracles, or a student's own functions."""
    return getattr(toy, "functions", oracles)


def _terms(toy, x, eps):
    functions, (mu, log_var) = _functions(toy), toy.encode(x)
    z = functions.reparameterize(mu, log_var, eps)
    reconstruction = functions.bernoulli_log_prob(x, toy.decode(z))
    density = functions.gaussian_log_prob(z, mu, log_var)
    return mu, log_var, z, reconstruction, density, toy.prior_log_prob(z)


def _kl_of(toy, x, eps):
    """Return the divergence as the exercise asks for it, with K in front where eps has it."""
    mu, log_var, _, _, density, prior = _terms(toy, x, eps)
    return _functions(toy).kl_standard_normal(mu, log_var) if toy.prior is None else density - prior


def _reconstruction(toy, x, eps):
    return _terms(toy, x, eps)[3]


def _squashed(toy, x, eps):
    """Return the reconstruction term of logits that went through the sigmoid."""
    functions, (mu, log_var) = _functions(toy), toy.encode(x)
    return functions.bernoulli_log_prob(x, torch.sigmoid(toy.decode(functions.reparameterize(mu, log_var, eps))))


def _over_samples(value, eps):
    return value.mean(0) if eps.dim() == 3 and value.dim() == 2 else value


def _bounds(toy, x, eps):
    return _reconstruction(toy, x, eps) - _kl_of(toy, x, eps)


# toy (oracles.AffineModel), x, eps
ELBO = (
    Mistake(
        "sigmoid_twice",
        "The logits pass through the sigmoid before log p(x|z), which takes logits and applies it itself.",
        lambda toy, x, eps: _over_samples(_squashed(toy, x, eps) - _kl_of(toy, x, eps), eps),
    ),
    Mistake(
        "kl_added",
        "The divergence is added. The bound is the reconstruction term with the divergence taken off.",
        lambda toy, x, eps: _over_samples(_reconstruction(toy, x, eps) + _kl_of(toy, x, eps), eps),
    ),
    Mistake(
        "negative",
        "This is the negative bound, a loss. `elbo` returns the bound itself; the sign changes in the loss.",
        lambda toy, x, eps: -_over_samples(_bounds(toy, x, eps), eps),
    ),
    Mistake(
        "kl_missing",
        "The divergence is missing: this is the reconstruction term alone.",
        lambda toy, x, eps: _over_samples(_reconstruction(toy, x, eps), eps),
    ),
    Mistake(
        "kl_averaged",
        "The divergence is averaged over the latent dimensions before it is taken off, so it counts too little.",
        lambda toy, x, eps: _over_samples(_reconstruction(toy, x, eps) - _kl_of(toy, x, eps) / toy.latent_dim, eps),
    ),
    Mistake(
        "kl_averaged_over_batch",
        "Every image gets the average divergence of the batch instead of its own.",
        lambda toy, x, eps: _over_samples(_reconstruction(toy, x, eps) - _kl_of(toy, x, eps).mean(), eps),
    ),
    Mistake(
        "reconstruction_averaged",
        (
            "The reconstruction term is averaged over the pixels while the divergence is summed: they no longer "
            "share a scale."
        ),
        lambda toy, x, eps: _over_samples(_reconstruction(toy, x, eps) / toy.pixels - _kl_of(toy, x, eps), eps),
    ),
    Mistake(
        "averaged_over_batch",
        "The batch is averaged into one number. `elbo` keeps one bound for every image; the loss averages.",
        lambda toy, x, eps: _bounds(toy, x, eps).mean(),
    ),
    Mistake(
        "summed_over_batch",
        "The batch is summed into one number. `elbo` keeps one bound for every image.",
        lambda toy, x, eps: _bounds(toy, x, eps).sum(),
    ),
    Mistake(
        "closed_form_kept",
        (
            "The divergence to N(0, I) is used although the model has a prior of its own: the bound does not change "
            "with the prior."
        ),
        lambda toy, x, eps: _over_samples(_bounds(toy.changed(prior=None), x, eps), eps),
    ),
    Mistake(
        "prior_missing",
        "The term log p(z) is missing where the model has a prior of its own.",
        lambda toy, x, eps: _over_samples(_reconstruction(toy, x, eps) - _terms(toy, x, eps)[4], eps),
    ),
    Mistake(
        "posterior_missing",
        "The term log q(z|x) is missing where the model has a prior of its own.",
        lambda toy, x, eps: _over_samples(_reconstruction(toy, x, eps) + _terms(toy, x, eps)[5], eps),
    ),
    Mistake(
        "monte_carlo",
        "The divergence is estimated from the sample although the prior is N(0, I), where it is known in closed form.",
        lambda toy, x, eps: _over_samples(
            _reconstruction(toy, x, eps) - _terms(toy, x, eps)[4] + toy.prior_log_prob(_terms(toy, x, eps)[2]), eps
        ),
    ),
    Mistake(
        "summed_over_samples",
        "The K samples are summed. The bound is an expectation: how does one estimate that from K samples?",
        lambda toy, x, eps: _bounds(toy, x, eps).sum(0),
    ),
    Mistake(
        "log_mean_exp",
        (
            "This is the logarithm of the mean of exponentials over the K samples, the importance weighted bound. "
            "The ELBO averages the bounds themselves."
        ),
        lambda toy, x, eps: torch.logsumexp(_bounds(toy, x, eps), 0) - math.log(len(eps)),
    ),
    Mistake(
        "first_sample",
        "Only the first of the K samples is used.",
        lambda toy, x, eps: _bounds(toy, x, eps)[0] if eps.dim() == 3 else None,
    ),
    Mistake(
        "samples_kept",
        "The axis of the K samples is still there. Average over it.",
        lambda toy, x, eps: _bounds(toy, x, eps),
    ),
    Mistake(
        "mean_decoded",
        "The decoder sees the mean of q(z|x) instead of a sample: eps is not used.",
        lambda toy, x, eps: _over_samples(_bounds(toy, x, torch.zeros_like(eps)), eps),
    ),
)

# bounds of the images, the oracle's or those of a student's own function, and the reduction
NEGATIVE_ELBO = (
    Mistake(
        "sign",
        "This is the bound, not its negative: a loss is what training makes smaller.",
        lambda bounds, reduction: getattr(bounds, reduction)(),
    ),
    Mistake(
        "summed",
        "The images are summed where their mean is asked.",
        lambda bounds, reduction: -bounds.sum() if reduction == "mean" else None,
    ),
    Mistake(
        "averaged",
        "The images are averaged where their sum is asked: is the option looked at?",
        lambda bounds, reduction: -bounds.mean() if reduction == "sum" else None,
    ),
    Mistake(
        "not_reduced",
        "There is one value for every image; one number is asked.",
        lambda bounds, reduction: -bounds,
    ),
)


# toy, x
RECONSTRUCT = (
    Mistake(
        "logits",
        "These are logits. Which function turns them into probabilities?",
        lambda toy, x: toy.decode(toy.encode(x)[0]),
    ),
    Mistake(
        "thresholded",
        "These are zeros and ones. The Bernoulli means are asked: probabilities between 0 and 1.",
        lambda toy, x: (toy.decode(toy.encode(x)[0]) > 0).to(x.dtype),
    ),
    Mistake(
        "sigmoid_twice",
        "The sigmoid is applied twice: all answers lie between 0.5 and 0.74.",
        lambda toy, x: torch.sigmoid(torch.sigmoid(toy.decode(toy.encode(x)[0]))),
    ),
    Mistake(
        "log_var_decoded",
        "The decoder sees log_var instead of the posterior mean: look at the order of what the encoder returns.",
        lambda toy, x: torch.sigmoid(toy.decode(toy.encode(x)[1])),
    ),
    Mistake("input", "This is x itself, not what the model makes of it.", lambda toy, x: x),
)

# weight before, mean of x, learning rate, gradient left over -> weight after one call
TRAIN_STEP = (
    Mistake(
        "no_step",
        "The parameters did not change: does the optimizer take a step, and after the gradient is there?",
        lambda w, m, lr, left: w,
    ),
    Mistake(
        "gradient_kept",
        "The gradient that was there before the call took part in the step. Clear it before the backward pass.",
        lambda w, m, lr, left: w - lr * (w - m + left),
    ),
    Mistake(
        "left_gradient_only",
        "The step used the gradient that was there before the call, not the one of this batch.",
        lambda w, m, lr, left: w - lr * left,
    ),
    Mistake(
        "two_steps",
        "The optimizer took two steps.",
        lambda w, m, lr, left: w - lr * (w - m) - lr * (w - lr * (w - m) - m),
    ),
    Mistake(
        "same_step_twice",
        "The step was twice as long: two steps with one gradient, or a gradient that was added up twice.",
        lambda w, m, lr, left: w - 2 * lr * (w - m),
    ),
    Mistake("ascent", "The step goes up the loss instead of down.", lambda w, m, lr, left: w + lr * (w - m)),
    Mistake(
        "evaluation_mode",
        (
            "The loss was computed in evaluation mode. Layers such as dropout behave differently in training: "
            "switch the model first."
        ),
        lambda w, m, lr, left: w - lr * (w - m + 1),
    ),
)


def _optimized(weight, means, kind, options, gradient=lambda g: g, anew=False):
    """Return the weight after one step of torch's optimizer for each mean, its gradients changed, or itself made anew."""
    weight = weight.clone().requires_grad_(True)
    optimizer = None
    for mean in means:
        if optimizer is None or anew:
            optimizer = getattr(torch.optim, kind)([weight], **options)
        weight.grad = gradient((weight - mean).detach())
        optimizer.step()
    return weight.detach()


OWN_OPTIMIZER = (
    "The step is not one of the optimizer that is given, but of one made inside the function, without the given one's "
    "kind, options or memory."
)
CLIPPED = "The gradient is clipped before the step. The step asked for uses it as it comes."

# weight before, means of the batches, kind and options of the optimizer -> weight after a call for each batch
TRAIN_STEPS = (
    *(
        Mistake(
            f"own_{kind}_{rate:g}",
            OWN_OPTIMIZER,
            lambda w, m, k, o, kind=kind, rate=rate: (
                _optimized(w, m, kind, {"lr": rate}, anew=True) if (k, o) != (kind, {"lr": rate}) else None
            ),
        )
        for kind in ("SGD", "Adam", "AdamW")
        for rate in (1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.3)
    ),
    Mistake("options_forgotten", OWN_OPTIMIZER, lambda w, m, k, o: _optimized(w, m, k, {"lr": o["lr"]}, anew=True)),
    Mistake("memory_lost", OWN_OPTIMIZER, lambda w, m, k, o: _optimized(w, m, k, o, anew=True)),
    *(
        Mistake(
            f"norm_clipped_at_{limit:g}",
            CLIPPED,
            lambda w, m, k, o, limit=limit: _optimized(
                w, m, k, o, lambda g: g * (limit / (g.norm() + 1e-6)).clamp(max=1.0)
            ),
        )
        for limit in (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
    ),
    *(
        Mistake(
            f"values_clipped_at_{limit:g}",
            CLIPPED,
            lambda w, m, k, o, limit=limit: _optimized(w, m, k, o, lambda g: g.clamp(-limit, limit)),
        )
        for limit in (0.5, 1.0, 2.0, 5.0, 10.0, 100.0)
    ),
)

# loss before the step, loss after it, loss in evaluation mode, images
TRAIN_STEP_LOSS = (
    Mistake(
        "after_step",
        "This is the loss after the step. The loss that the step was computed from is asked.",
        lambda a, b, e, n: b,
    ),
    Mistake(
        "evaluation_mode",
        "This is the loss in evaluation mode: switch the model to training first.",
        lambda a, b, e, n: e,
    ),
    Mistake(
        "divided",
        "The loss is divided by the number of images; `model(x)` has averaged already.",
        lambda a, b, e, n: a / n,
    ),
    Mistake("multiplied", "The loss is multiplied by the number of images.", lambda a, b, e, n: a * n),
    Mistake("sign", "The sign of the loss is turned round.", lambda a, b, e, n: -a),
)

CATALOGUE = {
    "reparameterize": REPARAMETERIZE,
    "gaussian_log_prob": GAUSSIAN_LOG_PROB,
    "kl_standard_normal": KL_STANDARD_NORMAL,
    "bernoulli_log_prob": BERNOULLI_LOG_PROB,
    "elbo": ELBO,
    "negative_elbo": NEGATIVE_ELBO,
    "reconstruct": RECONSTRUCT,
    "train_step": TRAIN_STEP,
    "train_steps": TRAIN_STEPS,
    "train_step_loss": TRAIN_STEP_LOSS,
}

SAID = {
    "thresholded": (
        "The frequencies are those of a threshold: a logit above zero always gives 1. Each pixel is "
        "drawn with its own probability."
    ),
    "probabilities": "These are probabilities. A sample of a binary pixel is 0 or 1.",
    "inverted": "Ones come as often as zeros should: is the comparison the wrong way round?",
    "shared_noise": "Pixels that should be independent are drawn with the same random number.",
    "generator_ignored": "Hand the generator that you are given to every function that draws random numbers.",
    "printed": "Remove print calls from functions: they run thousands of times during training.",
    "in_place": "An operation that ends in an underscore, or +=, changes its argument for everybody who holds it.",
    "sigmoid_in_decoder": "A decoder whose last layer is a sigmoid (or another squashing function) returns no logits.",
    "last_activation": "An activation after the last layer keeps its outputs on one side.",
    "rows_coupled": (
        "Something in it mixes the images of a batch, or is random: batch statistics, dropout that "
        "stays on, a reshape that swaps axes?"
    ),
    "detached": "Something cuts the graph: detach, no_grad, .data, .item(), or a new tensor made from values.",
    "term_detached": (
        "Something cuts the graph for one of its terms, whose value is right: detach, no_grad, .item(), or a new tensor "
        "made from values."
    ),
    "opposite_gradient": "The gradient has the opposite sign.",
    "unused": "The answer does not change with it at all: where is it used?",
    "unsteady": "Two calls with the same inputs give different answers: nothing is to be drawn at random here.",
    "other_dtype": "The dtype is another one. Create new tensors with the dtype and device of the inputs.",
    "not_floating": "True and False, or whole numbers, stand where the values themselves are asked.",
    "global_used": (
        "Torch's global generator is drawn from or seeded. Hand the generator that you are given to every function that "
        "draws random numbers."
    ),
    "not_random": "The same comes back whatever the seed is: is nothing drawn at all, or a seed set inside the function?",
    "not_drawn": "All answers are the same. Draw each pixel by its own probability.",
    "noise_distribution": (
        "The noise has another distribution than N(0, 1): its mean, its width or its shape. Which function draws normal "
        "numbers?"
    ),
    "search_ends": (
        "It comes close, but not close enough: does the search end too early, or is it done in float32? Count the digits "
        "that a step gains."
    ),
    "gradient_left": "Nothing here is to be trained: torch.no_grad keeps the graph from being built.",
    "mode_changed": "Calls of eval() and train() stay in force after the function has returned.",
    "eps_shared": "Every image and every latent dimension has its own noise.",
    "eps_fixed": "The noise is the same in every call: draw it anew, and do not seed inside the function.",
    "mode_during": "The model is in training mode during the call: batch norm and dropout act, and change it.",
    "small_variance": (
        "A small variance is floored, rounded or left out. Any positive one counts, however small: compare with zero."
    ),
    "eps_many": "Several codes are decoded for an image. The loss of a batch has one noise for every image, no more.",
    "reseeded": "A seed is set inside the function. That changes every random number drawn afterwards, everywhere.",
    "gradients_off": (
        "Gradients stay switched off after the call, for all that follows: torch.no_grad() as a context ends with it, "
        "torch.set_grad_enabled(False) does not."
    ),
    "default_dtype": "torch.set_default_dtype stays in force after the function has returned, for everybody.",
    "divergence_missing": (
        "This is the reconstruction alone. The loss is the negative of `elbo`, which has the divergence in it, too."
    ),
    "prior_ignored": "Where the model has a prior of its own, codes come from that prior.",
}


# --- the assignment `priors` ------------------------------------------------------------------------------------------


def _components(z, mixture):
    """Return log N(z; component) per dimension, (..., C, D)."""
    return _gaussian(z[..., None, :], mixture.loc, torch.exp(mixture.log_var / 2))


def _mixed(z, mixture, density=None, weights=None):
    """Return the logarithm of the weighted sum, with another density per dimension or other log-weights."""
    density = _components(z, mixture) if density is None else density
    weights = torch.log_softmax(mixture.logits, 0) if weights is None else weights
    return torch.logsumexp(weights + density.sum(-1), -1)


def _square(z, mixture):
    return (z[..., None, :] - mixture.loc) ** 2 * torch.exp(-mixture.log_var)


# z, mixture (priors.truth.Mixture)
MIXTURE_LOG_PROB = (
    *_small_numbers(lambda variance, z, m: _mixed(z, m, _gaussian(z[..., None, :], m.loc, variance(m.log_var).sqrt()))),
    Mistake(
        "weights_unnormalised",
        "The weights do not sum to one: logits are any real numbers. Add the same number to all: nothing may change.",
        lambda z, m: _mixed(z, m, weights=m.logits),
    ),
    Mistake(
        "weights_ignored",
        "All components have the same weight, whatever the logits are.",
        lambda z, m: _mixed(z, m, weights=torch.full_like(m.logits, -math.log(len(m.logits)))),
    ),
    Mistake(
        "weights_missing",
        "The densities of the components are added without weights.",
        lambda z, m: _mixed(z, m, weights=torch.zeros_like(m.logits)),
    ),
    Mistake(
        "weights_not_logarithms",
        "The weights themselves are added to the log-densities. A product becomes a sum of logarithms, of both factors.",
        lambda z, m: _mixed(z, m, weights=torch.softmax(m.logits, 0)),
    ),
    Mistake(
        "product_of_mixtures",
        (
            "The components are mixed in every dimension by itself and then summed over the dimensions. A component is "
            "a density of all dimensions at once: which of the two sums comes first?"
        ),
        lambda z, m: torch.logsumexp(torch.log_softmax(m.logits, 0)[:, None] + _components(z, m), -2).sum(-1),
    ),
    Mistake(
        "logarithms_averaged",
        "The log-densities are averaged. A mixture is a weighted sum of densities: the logarithm comes last.",
        lambda z, m: (torch.softmax(m.logits, 0) * _components(z, m).sum(-1)).sum(-1),
    ),
    Mistake(
        "most_likely_component",
        "Only the component that explains z best counts. All of them add to the density.",
        lambda z, m: (torch.log_softmax(m.logits, 0) + _components(z, m).sum(-1)).max(-1).values,
    ),
    Mistake(
        "variance_as_std",
        "The variance is used where a normal distribution takes its standard deviation.",
        lambda z, m: _mixed(z, m, _gaussian(z[..., None, :], m.loc, torch.exp(m.log_var))),
    ),
    Mistake(
        "root_twice",
        "The standard deviation is used where the variance belongs.",
        lambda z, m: _mixed(z, m, _gaussian(z[..., None, :], m.loc, torch.exp(m.log_var / 4))),
    ),
    Mistake(
        "constants_dropped",
        "The constant with log 2π is missing: the density does not integrate to one.",
        lambda z, m: _mixed(z, m, -0.5 * (m.log_var + _square(z, m))),
    ),
    Mistake(
        "constant_once",
        "The constant with log 2π enters once. How many dimensions does the density have?",
        lambda z, m: _mixed(z, m, -0.5 * (m.log_var + _square(z, m))) - 0.5 * LOG_2PI,
    ),
    Mistake(
        "constant_per_element",
        "The constant of all D dimensions is added in every dimension and then summed again.",
        lambda z, m: _mixed(z, m, -0.5 * (z.shape[-1] * LOG_2PI + m.log_var + _square(z, m))),
    ),
    Mistake(
        "log_std_in_normaliser",
        "In the normalising term log_var stands where the logarithm of the standard deviation belongs.",
        lambda z, m: _mixed(z, m, -0.5 * LOG_2PI - m.log_var - 0.5 * _square(z, m)),
    ),
    Mistake(
        "normaliser_missing",
        "The widths of the components enter the distance only: a wider component has a lower peak, too.",
        lambda z, m: _mixed(z, m, -0.5 * (LOG_2PI + _square(z, m))),
    ),
    Mistake(
        "mean_over_latents",
        "The dimensions are averaged. The logarithm of a product of densities is a sum.",
        lambda z, m: torch.logsumexp(torch.log_softmax(m.logits, 0) + _components(z, m).mean(-1), -1),
    ),
    Mistake(
        "summed_over_batch",
        "The codes of the batch are summed where the components should be: over which axis does logsumexp run?",
        lambda z, m: torch.logsumexp(torch.log_softmax(m.logits, 0) + _components(z, m).sum(-1), -2),
    ),
    Mistake(
        "components_kept",
        "There is one value for every component; one for every z is asked.",
        lambda z, m: torch.log_softmax(m.logits, 0) + _components(z, m).sum(-1),
    ),
    Mistake(
        "negative",
        "The sign is the other way round: this is the negative log-density.",
        lambda z, m: -_mixed(z, m),
    ),
    Mistake(
        "density",
        "This is the density itself; its logarithm is asked.",
        lambda z, m: torch.exp(_mixed(z, m)),
    ),
    *(
        Mistake(
            f"weights_floored_at_{floor:g}",
            (
                "A small number is added to the weights before the logarithm, so that no weight is ever really small. "
                "Is there a way from logits to log-weights that needs no such help?"
            ),
            lambda z, m, floor=floor: _mixed(z, m, weights=torch.log(torch.softmax(m.logits, 0) + floor)),
        )
        for floor in (1e-8, 1e-7, 1e-6, 1e-5, 1e-10, 1e-12)
    ),
)


def _moved(layer, v, stretch, norm=None):
    """Return v + u_hat tanh(w.v + b) with another value for w.u_hat, or another divisor than the square of the norm."""
    norm = layer.w @ layer.w if norm is None else norm
    u_hat = layer.u + (stretch - layer.w @ layer.u) * layer.w / norm
    return v + u_hat * _tanh(layer, v)[..., None]


def _tanh(layer, v):
    return torch.tanh(v @ layer.w + layer.b)


def _log_det(layer, v, stretch=None):
    """Return log|det| with another value for w.u_hat."""
    stretch = layer.stretch if stretch is None else stretch
    return torch.log(torch.abs(1 + (1 - _tanh(layer, v) ** 2) * stretch))


# layer (priors.truth.Planar), v
PLANAR_FLOW = (
    Mistake(
        "unconstrained",
        "u itself is used. With some u and w the layer then maps two points to one: it has to be constrained first.",
        lambda layer, v: _moved(layer, v, layer.w @ layer.u),
    ),
    Mistake(
        "norm_not_squared",
        "The correction of u is divided by the norm of w. Is wᵀû then what it should be? Multiply your û by w.",
        lambda layer, v: _moved(layer, v, layer.stretch, layer.w.norm()),
    ),
    Mistake(
        "norm_missing",
        "The correction of u is not divided by anything. Is wᵀû then what it should be? Multiply your û by w.",
        lambda layer, v: _moved(layer, v, layer.stretch, 1.0),
    ),
    Mistake(
        "softplus_without_shift",
        "wᵀû is always positive here: softplus has its limit at 0, and the limit of wᵀû is another one.",
        lambda layer, v: _moved(layer, v, layer.stretch + 1),
    ),
    Mistake(
        "exponential_instead_of_softplus",
        "wᵀû has the right limit, but grows exponentially with wᵀu: which function is asked for?",
        lambda layer, v: _moved(layer, v, torch.expm1(layer.w @ layer.u)),
    ),
    Mistake(
        "projection_kept",
        "The corrected part is added to u, but u's own part along w is not taken off first.",
        lambda layer, v: _moved(layer, v, layer.stretch + layer.w @ layer.u),
    ),
    Mistake(
        "tanh_missing",
        "The layer is linear: where is tanh?",
        lambda layer, v: v + layer.u_hat * (v @ layer.w + layer.b)[..., None],
    ),
    Mistake(
        "bias_missing",
        "The layer does not depend on b.",
        lambda layer, v: v + layer.u_hat * torch.tanh(v @ layer.w)[..., None],
    ),
    Mistake(
        "elementwise",
        "tanh is applied to each coordinate by itself; a planar layer looks at one number, wᵀv + b.",
        lambda layer, v: v + layer.u_hat * torch.tanh(v * layer.w + layer.b),
    ),
    Mistake(
        "point_missing",
        "The layer returns what is to be added to v, without v.",
        lambda layer, v: layer.move(v) - v,
    ),
    Mistake(
        "subtracted",
        "The second term is subtracted where it is to be added.",
        lambda layer, v: 2 * v - layer.move(v),
    ),
    Mistake(
        "along_w",
        "The point moves along w; w says where the layer bends, and û where it moves.",
        lambda layer, v: v + layer.w * _tanh(layer, v)[..., None],
    ),
)

PLANAR_LOG_DET = (
    Mistake(
        "sign",
        "The sign of log|det| is turned round: this is that of the inverse layer.",
        lambda layer, v: -_log_det(layer, v),
    ),
    Mistake(
        "unconstrained",
        "log|det| is computed with u, while the layer moves points by û.",
        lambda layer, v: _log_det(layer, v, layer.w @ layer.u),
    ),
    Mistake(
        "after_the_move",
        "log|det| is evaluated at f(v) instead of at v.",
        lambda layer, v: _log_det(layer, layer.move(v)),
    ),
    Mistake(
        "determinant",
        "This is the determinant; its logarithm is asked.",
        lambda layer, v: torch.exp(_log_det(layer, v)),
    ),
    Mistake(
        "derivative_of_tanh",
        "The derivative of tanh(a) is 1 - tanh²(a): is the square missing?",
        lambda layer, v: torch.log(torch.abs(1 + (1 - _tanh(layer, v)) * layer.stretch)),
    ),
    Mistake(
        "tanh_for_its_derivative",
        "tanh itself stands where its derivative belongs.",
        lambda layer, v: torch.log(torch.abs(1 + _tanh(layer, v) * layer.stretch)),
    ),
    Mistake(
        "one_missing",
        "The Jacobian matrix is the identity plus a term; the identity's 1 is missing.",
        lambda layer, v: torch.log(torch.abs((1 - _tanh(layer, v) ** 2) * layer.stretch)),
    ),
    Mistake(
        "diagonal_only",
        "Only the diagonal of the Jacobian matrix enters, but the layer mixes the coordinates.",
        lambda layer, v: torch.log(torch.abs(1 + (1 - _tanh(layer, v) ** 2)[..., None] * layer.u_hat * layer.w)).sum(
            -1
        ),
    ),
    Mistake(
        "summed_over_batch",
        "The points of the batch are summed into one number. Keep one value for every point.",
        lambda layer, v: _log_det(layer, v).sum(),
    ),
    *(
        Mistake(
            f"small_number_{small:g}",
            (
                "A small number is added inside the logarithm, which matters where the layer squeezes space most. With "
                "the constraint the determinant is positive: write it so that nothing cancels."
            ),
            lambda layer, v, small=small: torch.log(torch.exp(_log_det(layer, v)) + small),
        )
        for small in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
    ),
)


def _iterated(layer, y, rounds):
    """Return what `rounds` rounds of v <- y - u_hat tanh(w.v + b), started from y, lead to."""
    v = y
    for _ in range(rounds):
        v = y - layer.u_hat * _tanh(layer, v)[..., None]
    return v


def _newton(layer, y, rounds):
    """Return what plain Newton steps for s + c tanh(s + b) = w.y, started from w.y, lead to."""
    s = target = y @ layer.w
    for _ in range(rounds):
        t = torch.tanh(s + layer.b)
        s = s - (s + layer.stretch * t - target) / (1 + layer.stretch * (1 - t**2))
    return y - layer.u_hat * torch.tanh(s + layer.b)[..., None]


# layer, y
PLANAR_INVERSE = (
    Mistake(
        "forward",
        "This is the layer itself, not its inverse.",
        lambda layer, y: layer.move(y),
    ),
    Mistake(
        "identity",
        "This is y as it came.",
        lambda layer, y: y,
    ),
    *(
        Mistake(
            f"fixed_point_{rounds}",
            (
                "It looks like v = y - û tanh(wᵀv + b) with an earlier v put in on the right, a few times over. Such "
                "rounds come to rest only where the layer bends little: search the root inside its bracket."
            ),
            lambda layer, y, rounds=rounds: _iterated(layer, y, rounds),
        )
        for rounds in (1, 2, 3, 5, 10, 20, 50, 100)
    ),
    *(
        Mistake(
            f"newton_{rounds}",
            (
                "It looks like plain Newton steps, which can jump to and fro where tanh is flat. Keep them inside the "
                "bracket, or halve the bracket."
            ),
            lambda layer, y, rounds=rounds: _newton(layer, y, rounds),
        )
        for rounds in (5, 10, 20, 50, 100)
    ),
)


def _flow(layers, z, base_at_input=False, sign=1, after=False, base=None):
    """Return the log-density of a flow put together in some way from layers v -> (f(v), log|det|)."""
    point, volume = z, 0.0
    for layer in layers:
        point, log_det = layer(point)
        volume = volume + (layer(point)[1] if after else log_det)
    at = z if base_at_input else point
    base = _gaussian(at, 0.0, 1.0).sum(-1) if base is None else base(at)
    return base + sign * volume


DIRECTION = (
    "The layers are run forward at z, but combined as if they made z out of noise. Which way do your layers go, from z "
    "to noise or from noise to z? log N is taken at the noise, and log|det| says how f changes volume on the way there."
)

# layers (each v -> (f(v), log|det|): priors.truth.Planar, or a student's own), z
FLOW_LOG_PROB = (
    Mistake("direction", DIRECTION, lambda layers, z: _flow(layers, z, base_at_input=True, sign=-1)),
    Mistake("direction_reversed", DIRECTION, lambda layers, z: _flow(layers[::-1], z, base_at_input=True, sign=-1)),
    Mistake("direction_after", DIRECTION, lambda layers, z: _flow(layers, z, base_at_input=True, sign=-1, after=True)),
    Mistake(
        "direction_reversed_after",
        DIRECTION,
        lambda layers, z: _flow(layers[::-1], z, base_at_input=True, sign=-1, after=True),
    ),
    Mistake(
        "generative",
        (
            "This is the density of a flow whose layers map noise to z, turned round by their inverses. Here the "
            "layers map z to noise, so that the density needs no inverse."
        ),
        lambda layers, z: _generative(layers, z),
    ),
    Mistake(
        "sign",
        "The sign of log|det| is turned round: think of f(z) = 2z in one dimension. Is p(z) higher or lower than N(2z)?",
        lambda layers, z: _flow(layers, z, sign=-1),
    ),
    Mistake(
        "sign_reversed", "The sign of log|det| is turned round.", lambda layers, z: _flow(layers[::-1], z, sign=-1)
    ),
    Mistake(
        "base_at_input",
        "The standard normal density is taken at z; it belongs to the noise that z is mapped to.",
        lambda layers, z: _flow(layers, z, base_at_input=True),
    ),
    Mistake(
        "order",
        "The layers are run from the last to the first. layers[0] is the first that z meets.",
        lambda layers, z: _flow(layers[::-1], z) if len(layers) > 1 else None,
    ),
    Mistake(
        "after_the_move",
        "log|det| of each layer is evaluated at the point behind it; it belongs to the point that enters the layer.",
        lambda layers, z: _flow(layers, z, after=True),
    ),
    Mistake(
        "volume_missing",
        "The change of volume is missing: this is log N at the noise alone.",
        lambda layers, z: _flow(layers, z, sign=0),
    ),
    Mistake(
        "base_missing",
        "The density of the noise is missing: this is the sum of log|det| alone.",
        lambda layers, z: _flow(layers, z, base=lambda at: 0.0),
    ),
    Mistake(
        "constants_dropped",
        "The constant with log 2π is missing: the density does not integrate to one.",
        lambda layers, z: _flow(layers, z, base=lambda at: -0.5 * (at**2).sum(-1)),
    ),
    Mistake(
        "constant_once",
        "The constant with log 2π enters once. How many dimensions does the noise have?",
        lambda layers, z: _flow(layers, z, base=lambda at: -0.5 * (LOG_2PI + (at**2).sum(-1))),
    ),
    Mistake(
        "mean_over_latents",
        "The dimensions of the noise are averaged. The logarithm of a product of densities is a sum.",
        lambda layers, z: _flow(layers, z, base=lambda at: _gaussian(at, 0.0, 1.0).mean(-1)),
    ),
    Mistake(
        "last_volume_only",
        "Only the change of volume of the last layer counts. Volumes multiply, so their logarithms add.",
        lambda layers, z: _flow(layers, z, sign=0) + layers[-1](_through(layers[:-1], z))[1],
    ),
    Mistake(
        "at_z_only",
        "All layers look at z itself. Each one has to see what the one before it returns.",
        lambda layers, z: _gaussian(layers[-1](z)[0], 0.0, 1.0).sum(-1) + sum(layer(z)[1] for layer in layers),
    ),
)


def _through(layers, z):
    for layer in layers:
        z = layer(z)[0]
    return z


def _generative(layers, z):
    """Return log N(noise) - sum of log|det|, noise found by inverting layers that map noise to z; None without
    inverses."""
    volume = 0.0
    for layer in layers[::-1]:
        if not hasattr(layer, "inverse"):
            return None
        z = layer.inverse(z).to(z.dtype)
        volume = volume + layer(z)[1]
    return _gaussian(z, 0.0, 1.0).sum(-1) - volume


def _sampled(toy, x, eps):
    """Return log p(x|z) + log p(z) - log q(z|x), with K in front where eps has it."""
    _, _, _, reconstruction, density, prior = _terms(toy, x, eps)
    return reconstruction + prior - density


# toy (oracles.AffineModel), x, eps
MONTE_CARLO_ELBO = (
    Mistake(
        "closed_form",
        "The divergence to N(0, I) is in closed form: here all three terms are evaluated at the samples.",
        lambda toy, x, eps: _over_samples(_bounds(toy.changed(prior=None), x, eps), eps),
    ),
    Mistake(
        "prior_ignored",
        "log p(z) is that of N(0, I), although the model has a prior of its own.",
        lambda toy, x, eps: _over_samples(_sampled(toy.changed(prior=None), x, eps), eps),
    ),
    Mistake(
        "negative",
        "This is the negative bound, a loss. The bound itself is asked.",
        lambda toy, x, eps: -_over_samples(_sampled(toy, x, eps), eps),
    ),
    Mistake(
        "divergence_sign",
        "log p(z) and log q(z|x) have each other's sign.",
        lambda toy, x, eps: _over_samples(2 * _reconstruction(toy, x, eps) - _sampled(toy, x, eps), eps),
    ),
    Mistake(
        "posterior_added",
        "log q(z|x) is added; it is to be subtracted.",
        lambda toy, x, eps: _over_samples(_sampled(toy, x, eps) + 2 * _terms(toy, x, eps)[4], eps),
    ),
    Mistake(
        "posterior_missing",
        "The term log q(z|x) is missing.",
        lambda toy, x, eps: _over_samples(_reconstruction(toy, x, eps) + _terms(toy, x, eps)[5], eps),
    ),
    Mistake(
        "prior_missing",
        "The term log p(z) is missing.",
        lambda toy, x, eps: _over_samples(_reconstruction(toy, x, eps) - _terms(toy, x, eps)[4], eps),
    ),
    Mistake(
        "reconstruction_alone",
        "This is log p(x|z) alone.",
        lambda toy, x, eps: _over_samples(_reconstruction(toy, x, eps), eps),
    ),
    Mistake(
        "summed_over_samples",
        "The K samples are summed. The bound is an expectation: how does one estimate that from K samples?",
        lambda toy, x, eps: _sampled(toy, x, eps).sum(0),
    ),
    Mistake(
        "log_mean_exp",
        (
            "This is the logarithm of the mean of exponentials over the K samples, the importance weighted bound. "
            "The ELBO averages the logarithms."
        ),
        lambda toy, x, eps: torch.logsumexp(_sampled(toy, x, eps), 0) - math.log(len(eps)),
    ),
    Mistake(
        "first_sample",
        "Only the first of the K samples is used.",
        lambda toy, x, eps: _sampled(toy, x, eps)[0] if eps.dim() == 3 else None,
    ),
    Mistake(
        "samples_kept",
        "The axis of the K samples is still there. Average over it.",
        lambda toy, x, eps: _sampled(toy, x, eps),
    ),
    Mistake(
        "averaged_over_batch",
        "The batch is averaged into one number. Keep one bound for every image.",
        lambda toy, x, eps: _sampled(toy, x, eps).mean(),
    ),
    Mistake(
        "mean_decoded",
        "The sample is the mean of q(z|x) itself: eps is not used.",
        lambda toy, x, eps: _over_samples(_sampled(toy, x, torch.zeros_like(eps)), eps),
    ),
)

CATALOGUE |= {
    "mixture_log_prob": MIXTURE_LOG_PROB,
    "planar_flow": PLANAR_FLOW,
    "planar_log_det": PLANAR_LOG_DET,
    "planar_inverse": PLANAR_INVERSE,
    "flow_prior": FLOW_LOG_PROB,
    "monte_carlo_elbo": MONTE_CARLO_ELBO,
}

SAID |= {
    "one_component": "All codes of a call come from one component. Each code draws a component of its own.",
    "components_averaged": (
        "The components are averaged: codes lie between them. A code belongs to one component, which is drawn first."
    ),
    "components_uniform": "All components are drawn equally often, whatever the logits are.",
    "components_sorted": "Codes that follow each other come from the same component more often than chance has it.",
    "noise_missing": "Codes lie at the means of the components: where is the noise?",
    "variance_as_std": "The noise is scaled by the variance. Which number scales a standard normal draw?",
    "width_ignored": "All components have the same width, whatever log_var is.",
    "noise_shared": "Every code and every dimension has noise of its own.",
    "components_equal": (
        "Components that start equal get equal gradients, and stay equal: start them from different random values."
    ),
    "folded": (
        "Where wᵀu is far below -1 the layer goes back and forth along w: two points land on one, and there is no "
        "inverse. That is what the constraint is for."
    ),
    "layer_shared": "All places of the list hold one and the same layer. Make a new one for each.",
    "sampled_forward": (
        "The samples look as if noise had been run forward through the layers. They map z to noise: sampling has to go "
        "the other way."
    ),
    "sampled_in_order": "The samples look as if the layers were undone in the wrong order. Which one was the last?",
    "sampled_noise": "The samples are the noise itself.",
    "kept_values": "Compute what follows from parameters in every call: training changes them.",
}


# --- the assignment `iwae` --------------------------------------------------------------------------------------------


def _sampled_with(toy, x, eps, prior=1.0, posterior=-1.0):
    """Return log p(x|z) + prior * log p(z) + posterior * log q(z|x)."""
    _, _, _, reconstruction, density, log_prior = _terms(toy, x, eps)
    return reconstruction + prior * log_prior + posterior * density


# toy (oracles.AffineModel), x, eps
LOG_WEIGHTS = (
    Mistake(
        "closed_form",
        (
            "The divergence from q(z|x) to the prior stands here in closed form. It is an average over z: a weight "
            "belongs to one z, at which all three log-densities are evaluated."
        ),
        lambda toy, x, eps: (
            _reconstruction(toy, x, eps)
            - (oracles.kl_standard_normal(*toy.encode(x)) if toy.prior is None else oracles.kl_to_prior(toy, x))
        ),
    ),
    Mistake(
        "closed_form_standard",
        "The divergence to N(0, I) stands here in closed form, although the model has a prior of its own.",
        lambda toy, x, eps: _reconstruction(toy, x, eps) - oracles.kl_standard_normal(*toy.encode(x)),
    ),
    Mistake(
        "prior_ignored",
        "log p(z) is that of N(0, I), although the model has a prior of its own.",
        lambda toy, x, eps: _sampled(toy.changed(prior=None), x, eps),
    ),
    Mistake(
        "prior_missing",
        "The term log p(z) is missing: the numerator of a weight is the joint density of x and z.",
        lambda toy, x, eps: _sampled_with(toy, x, eps, prior=0.0),
    ),
    Mistake(
        "prior_twice",
        "The term log p(z) is counted twice.",
        lambda toy, x, eps: _sampled_with(toy, x, eps, prior=2.0),
    ),
    Mistake(
        "prior_sign",
        "log p(z) and log q(z|x) are both subtracted. Which of them stands in the numerator of the weight?",
        lambda toy, x, eps: _sampled_with(toy, x, eps, prior=-1.0),
    ),
    Mistake(
        "divergence_sign",
        "log p(z) and log q(z|x) have each other's sign.",
        lambda toy, x, eps: _sampled_with(toy, x, eps, prior=-1.0, posterior=1.0),
    ),
    Mistake(
        "posterior_added",
        "log q(z|x) is added; it stands in the denominator of the weight.",
        lambda toy, x, eps: _sampled_with(toy, x, eps, posterior=1.0),
    ),
    Mistake(
        "posterior_missing",
        "The term log q(z|x) is missing: samples of q stand for the prior only after division by its density.",
        lambda toy, x, eps: _sampled_with(toy, x, eps, posterior=0.0),
    ),
    Mistake(
        "density_of_noise",
        "log q(z|x) is the density of eps. z is eps moved and stretched: by how much does stretching thin a density?",
        lambda toy, x, eps: (
            _reconstruction(toy, x, eps)
            + _terms(toy, x, eps)[5]
            - oracles.gaussian_log_prob(eps, torch.zeros_like(eps), torch.zeros_like(eps))
        ),
    ),
    Mistake(
        "reconstruction_alone",
        "This is log p(x|z) alone.",
        lambda toy, x, eps: _reconstruction(toy, x, eps),
    ),
    Mistake(
        "negative",
        "The sign is turned round: this is minus the log weight.",
        lambda toy, x, eps: -_sampled(toy, x, eps),
    ),
    Mistake("weight", "These are the weights; their logarithms are asked.", lambda *i: torch.exp(_sampled(*i))),
    Mistake(
        "mean_decoded",
        "Every sample is the mean of q(z|x): eps is not used.",
        lambda toy, x, eps: _sampled(toy, x, torch.zeros_like(eps)),
    ),
    Mistake(
        "first_sample",
        "All samples are the first one. The first axis of eps counts the samples.",
        lambda toy, x, eps: _sampled(toy, x, eps[:1].expand(eps.shape)),
    ),
    Mistake(
        "noise_shared",
        "All images use the noise of the first one. Every sample of every image has its own row of eps.",
        lambda toy, x, eps: _sampled(toy, x, eps[:, :1].expand(eps.shape)),
    ),
    Mistake(
        "axes_guessed",
        "Where K and B are equal, eps of shape (K, B, D) is taken for (B, K, D). Its axes have a fixed order.",
        lambda toy, x, eps: _sampled(toy, x, eps.transpose(0, 1)).T,
    ),
    Mistake(
        "pixels_averaged",
        "The pixels are averaged. The probability of an image is the product over its pixels.",
        lambda toy, x, eps: _sampled(toy, x, eps) - (1 - 1 / toy.pixels) * _reconstruction(toy, x, eps),
    ),
    Mistake(
        "samples_averaged",
        "The K samples are averaged: this is the ELBO. A log weight for every sample is asked.",
        lambda toy, x, eps: _sampled(toy, x, eps).mean(0),
    ),
    Mistake(
        "bound",
        "This is the bound already. A log weight for every sample is asked; what is made of them comes next.",
        lambda toy, x, eps: oracles.importance_bound(_sampled(toy, x, eps)),
    ),
    Mistake(
        "normalized",
        "The weights of an image are normalised already. Here they are asked as they come.",
        lambda toy, x, eps: torch.log_softmax(_sampled(toy, x, eps), 0),
    ),
    Mistake(
        "transposed",
        "Samples and images are exchanged: the samples are the first axis.",
        lambda toy, x, eps: _sampled(toy, x, eps).T,
    ),
    Mistake(
        "images_averaged",
        "The images are averaged. Keep one log weight for every sample of every image.",
        lambda toy, x, eps: _sampled(toy, x, eps).mean(1),
    ),
)

LOG_K_SIGN = (
    "log K is added where it is to be subtracted. Copy every sample once, so that there are 2K: does your bound stay "
    "what it was?"
)
LOG_K_MISSING = (
    "log K is missing: the weights are summed, where their mean is asked. Copy every sample once, so that there are "
    "2K: does your bound stay what it was?"
)

# log_w
IWAE_BOUND = (
    Mistake("log_k_sign", LOG_K_SIGN, lambda w: torch.logsumexp(w, 0) + math.log(len(w))),
    Mistake("log_k_missing", LOG_K_MISSING, lambda w: torch.logsumexp(w, 0)),
    Mistake(
        "log_of_batch",
        "The logarithm of the number of images is subtracted. The mean is one over the samples.",
        lambda w: torch.logsumexp(w, 0) - math.log(w.shape[1]),
    ),
    Mistake(
        "one_less",
        "The sum of the weights is divided by K - 1. It is a plain mean.",
        lambda w: torch.logsumexp(w, 0) - math.log(len(w) - 1) if len(w) > 1 else None,
    ),
    Mistake(
        "mean_of_logs",
        (
            "The logarithms are averaged: this is the ELBO with K samples, which does not get tighter with K. Which "
            "comes first in the bound, the mean or the logarithm?"
        ),
        lambda w: w.mean(0),
    ),
    Mistake(
        "losses",
        (
            "The exponentials are those of the negative log weights, as if these were losses: the smallest weight "
            "rules. The sign changes once, after the logarithm."
        ),
        lambda w: -(torch.logsumexp(-w, 0) - math.log(len(w))),
    ),
    Mistake(
        "losses_negative",
        "The exponentials are those of the negative log weights: the smallest weight rules.",
        lambda w: torch.logsumexp(-w, 0) - math.log(len(w)),
    ),
    Mistake(
        "losses_log_k_missing",
        "The exponentials are those of the negative log weights, as if these were losses: the smallest weight rules.",
        lambda w: -torch.logsumexp(-w, 0),
    ),
    Mistake(
        "negative",
        "This is the negative bound, a loss. The bound itself is asked; the sign changes in the loss.",
        lambda w: -(torch.logsumexp(w, 0) - math.log(len(w))),
    ),
    Mistake(
        "over_batch",
        "The sum runs over the images. Each image has its own bound; the samples are the first axis.",
        lambda w: torch.logsumexp(w, 1) - math.log(w.shape[1]),
    ),
    Mistake(
        "over_batch_log_k",
        "The sum runs over the images. Each image has its own bound; the samples are the first axis.",
        lambda w: torch.logsumexp(w, 1) - math.log(len(w)),
    ),
    Mistake(
        "over_all",
        "Samples and images are averaged together. Each image has its own bound.",
        lambda w: torch.logsumexp(w, (0, 1)) - math.log(w.numel()),
    ),
    Mistake(
        "averaged_over_batch",
        "The batch is averaged into one number. Keep one bound for every image; the loss averages.",
        lambda w: (torch.logsumexp(w, 0) - math.log(len(w))).mean(),
    ),
    Mistake("mean_weight", "This is the mean weight; its logarithm is asked.", lambda w: torch.exp(w).mean(0)),
    Mistake("largest", "Only the largest weight counts.", lambda w: w.max(0).values),
    Mistake(
        "largest_kept_out",
        "The largest log weight is taken out of the exponentials, but not added again.",
        lambda w: torch.logsumexp(w - w.amax(0), 0) - math.log(len(w)),
    ),
    Mistake(
        "small_number",
        "A small number is added inside the logarithm, which matters where all weights are small.",
        lambda w: torch.log(torch.exp(w).mean(0) + 1e-8),
    ),
)

# log_w
NORMALIZED_WEIGHTS = (
    Mistake(
        "over_images",
        "The weights sum to one over the images. It is the samples of one image that share the sum.",
        lambda w: torch.softmax(w, 1),
    ),
    Mistake(
        "over_all",
        "All weights of the batch share one sum. It is the samples of one image that share the sum.",
        lambda w: torch.softmax(w.flatten(), 0).reshape(w.shape),
    ),
    Mistake("logarithms", "These are the logarithms of the shares.", lambda w: torch.log_softmax(w, 0)),
    Mistake("unnormalized", "These are the weights as they come: divide them by their sum.", lambda w: torch.exp(w)),
    Mistake(
        "largest_is_one",
        "The largest weight of an image is one: these are not divided by their sum yet.",
        lambda w: torch.exp(w - w.amax(0)),
    ),
    Mistake(
        "mean_is_one",
        "The weights have mean one over the samples; it is their sum that is to be one.",
        lambda w: torch.softmax(w, 0) * len(w),
    ),
    Mistake(
        "divided_logarithms",
        "The log weights are divided by their sum: take the exponentials first.",
        lambda w: w / w.sum(0),
    ),
    Mistake("sign", "The least likely sample weighs most: look at the sign.", lambda w: torch.softmax(-w, 0)),
    Mistake("equal", "All samples weigh the same.", lambda w: torch.full_like(w, 1 / len(w))),
)

# log_w, for the form "fast"
IWAE_LOSS = (
    Mistake("log_k_sign", LOG_K_SIGN, lambda w: -(torch.logsumexp(w, 0) + math.log(len(w))).mean()),
    Mistake("log_k_missing", LOG_K_MISSING, lambda w: -torch.logsumexp(w, 0).mean()),
    Mistake("not_reduced", "There is one value for every image; one number is asked.", lambda w: -_bound(w)),
    Mistake("summed", "The images are summed where their mean is asked.", lambda w: -_bound(w).sum()),
    Mistake(
        "sign",
        "This is the bound, not its negative: a loss is what training makes smaller.",
        lambda w: _bound(w).mean(),
    ),
    Mistake("mean_of_logs", "The log weights are averaged: this is the negative ELBO.", lambda w: -w.mean()),
    Mistake(
        "losses",
        "The exponentials are those of the negative log weights, as if these were losses: the smallest weight rules.",
        lambda w: (torch.logsumexp(-w, 0) - math.log(len(w))).mean(),
    ),
    Mistake(
        "over_all",
        "Samples and images are averaged together, before the logarithm. Each image has its own bound.",
        lambda w: -(torch.logsumexp(w, (0, 1)) - math.log(w.numel())),
    ),
    Mistake(
        "weighted",
        'This is the value of the weighted forms. "fast" is the negative bound itself.',
        lambda w: -(torch.softmax(w, 0) * w).sum(0).mean(),
    ),
)


def _bound(w):
    return torch.logsumexp(w, 0) - math.log(len(w))


def _gradient_of(function):
    """Return the formula of the gradient of a function of log_w."""

    def formula(w):
        leaf = w.detach().clone().requires_grad_(True)
        return torch.autograd.grad(function(leaf), leaf)[0]

    return formula


def _weighted(weights):
    return lambda w: -(weights(w.detach()) * w).sum(0).mean()


# log_w -> the gradient of a loss
IWAE_GRADIENT = (
    Mistake(
        "weights_attached",
        (
            "The weights in front of the log weights are differentiated as well. They are constants here: the "
            "gradient of the bound is the weighted sum of the gradients of log w, and of nothing else."
        ),
        _gradient_of(lambda w: -(torch.softmax(w, 0) * w).sum(0).mean()),
    ),
    Mistake(
        "log_weights_constant",
        "It is the weights that are differentiated, and the log weights that are constant: just the other way round.",
        _gradient_of(lambda w: -(torch.softmax(w, 0) * w.detach()).sum(0).mean()),
    ),
    Mistake("summed", "The images are summed where their mean is asked.", _gradient_of(lambda w: -_bound(w).sum())),
    Mistake(
        "samples_averaged",
        "The weighted log weights are averaged over the samples. The weights sum to one already.",
        _gradient_of(lambda w: -_bound(w).mean() / len(w)),
    ),
    Mistake(
        "sign",
        "The gradient has the wrong sign: a loss is what training makes smaller.",
        _gradient_of(lambda w: _bound(w).mean()),
    ),
    Mistake(
        "equal", "All samples weigh the same: this is the gradient of the ELBO.", _gradient_of(lambda w: -w.mean())
    ),
    Mistake(
        "over_images",
        "The weights sum to one over the images. It is the samples of one image that share the sum.",
        _gradient_of(_weighted(lambda w: torch.softmax(w, 1))),
    ),
    Mistake(
        "over_all",
        "All weights of the batch share one sum. It is the samples of one image that share the sum.",
        _gradient_of(_weighted(lambda w: torch.softmax(w.flatten(), 0).reshape(w.shape))),
    ),
    Mistake(
        "unnormalized",
        "The weights are scaled by the largest one, but not divided by their sum.",
        _gradient_of(_weighted(lambda w: torch.exp(w - w.amax(0)))),
    ),
    Mistake(
        "weights_times_weights",
        "The weighted sum is one of the weights themselves; it is the log weights that are averaged.",
        _gradient_of(lambda w: -(torch.softmax(w.detach(), 0) * torch.exp(w)).sum(0).mean()),
    ),
    Mistake(
        "losses",
        "The smallest weight rules: look at the sign inside the exponential.",
        _gradient_of(_weighted(lambda w: torch.softmax(-w, 0))),
    ),
)


def _chunks(log_w, num_samples, chunk_size):
    return torch.stack([_bound(part) for part in log_w[:num_samples].split(chunk_size)])


def _full_chunks(num_samples, chunk_size):
    return num_samples // chunk_size * chunk_size


def _last_filled(num_samples, chunk_size):
    return -(-num_samples // chunk_size) * chunk_size


def _log_mean(log_w, count, divisor):
    return torch.logsumexp(log_w[:count], 0) - math.log(divisor)


# log_w (as many as there may be, B), num_samples, chunk_size
LOG_LIKELIHOOD = (
    Mistake(
        "log_means_averaged",
        (
            "The bounds of the chunks are averaged. That is the bound with chunk_size samples, which lies lower: keep "
            "the logarithm of the sum of the weights over all chunks, and divide once."
        ),
        lambda w, n, c: _chunks(w, n, c).mean(0),
    ),
    Mistake(
        "log_means_weighted",
        (
            "The bounds of the chunks are averaged, each by its size. That still is no bound with num_samples: the "
            "sum of the weights over all chunks is asked for, and its logarithm in the end."
        ),
        lambda w, n, c: sum(_bound(part) * len(part) for part in w[:n].split(c)) / n,
    ),
    Mistake(
        "chunk_means_equal",
        "The means of the chunks are averaged as if all chunks had one size; the last may be smaller.",
        lambda w, n, c: _bound(_chunks(w, n, c)),
    ),
    Mistake(
        "log_means_added",
        "The bounds of the chunks are added up.",
        lambda w, n, c: _chunks(w, n, c).sum(0),
    ),
    Mistake(
        "remainder_dropped",
        "The samples that do not fill a chunk are left out: num_samples need not be a multiple of chunk_size.",
        lambda w, n, c: _log_mean(w, _full_chunks(n, c), _full_chunks(n, c)),
    ),
    Mistake(
        "remainder_dropped_but_counted",
        "The samples that do not fill a chunk are left out of the sum, but counted in the mean.",
        lambda w, n, c: _log_mean(w, _full_chunks(n, c), n),
    ),
    Mistake(
        "last_chunk_filled",
        "The last chunk is as large as the others, so that more than num_samples samples are used.",
        lambda w, n, c: _log_mean(w, _last_filled(n, c), _last_filled(n, c)),
    ),
    Mistake(
        "last_chunk_filled_not_counted",
        "The last chunk is as large as the others: the sum is one of more than num_samples samples.",
        lambda w, n, c: _log_mean(w, _last_filled(n, c), n),
    ),
    Mistake(
        "chunk_counted",
        "The logarithm of chunk_size is subtracted where that of num_samples belongs.",
        lambda w, n, c: _log_mean(w, n, c),
    ),
    Mistake(
        "chunks_counted",
        "The logarithm of the number of chunks is subtracted where that of num_samples belongs.",
        lambda w, n, c: _log_mean(w, n, -(-n // c)),
    ),
    Mistake(
        "count_missing",
        "log num_samples is missing: the weights are summed, where their mean is asked.",
        lambda w, n, c: _log_mean(w, n, 1),
    ),
    Mistake("count_sign", LOG_K_SIGN, lambda w, n, c: torch.logsumexp(w[:n], 0) + math.log(n)),
    Mistake(
        "counted_in_each_chunk",
        "log num_samples is subtracted for every chunk; once, in the end, is enough.",
        lambda w, n, c: torch.logsumexp(w[:n], 0) - -(-n // c) * math.log(n),
    ),
    Mistake("last_chunk_only", "Only the last chunk counts.", lambda w, n, c: _bound(w[:n].split(c)[-1])),
    Mistake("first_chunk_only", "Only the first chunk counts.", lambda w, n, c: _bound(w[:n].split(c)[0])),
    Mistake(
        "mean_of_logs",
        "The log weights are averaged: this is the ELBO.",
        lambda w, n, c: w[:n].mean(0),
    ),
    Mistake("largest", "Only the largest weight counts.", lambda w, n, c: w[:n].max(0).values - math.log(n)),
    Mistake(
        "averaged_over_batch",
        "The images are averaged into one number. Keep one value for every image.",
        lambda w, n, c: _log_mean(w, n, n).mean(),
    ),
    Mistake("negative", "This is the negative bound.", lambda w, n, c: -_log_mean(w, n, n)),
)

# mu, log_var
ACTIVE_KL = (
    Mistake(
        "variance",
        'This is the statistic of the rule "variance".',
        lambda m, v: m.var(0),
    ),
    Mistake(
        "summed",
        "The divergences are summed over the images, where their mean is asked.",
        lambda m, v: _kl(m, v).sum(0),
    ),
    Mistake(
        "half_missing",
        "The divergence is twice what it should be: is the factor ½ missing?",
        lambda m, v: 2 * _kl(m, v).mean(0),
    ),
    Mistake("sign", "The divergence has the wrong sign.", lambda m, v: -_kl(m, v).mean(0)),
    Mistake(
        "over_latents",
        "The mean runs over the latent dimensions. Each dimension has its own statistic, a mean over the images.",
        lambda m, v: _kl(m, v).mean(-1),
    ),
    Mistake("images_kept", "There is one value for every image: average over the images.", lambda m, v: _kl(m, v)),
    Mistake(
        "of_the_average",
        "This is the divergence of averaged parameters. It is the divergences of the images that are averaged.",
        lambda m, v: _kl(m.mean(0), v.mean(0)),
    ),
    *(
        Mistake(
            f"averaged_over_batches_of_{size}",
            "The images are taken in batches whose means are averaged, though the last batch is smaller.",
            lambda m, v, size=size: torch.stack(
                [_kl(*p).mean(0) for p in zip(m.split(size), v.split(size), strict=True)]
            ).mean(0),
        )
        for size in (32, 50, 64, 100, 128, 200, 250, 256, 500, 512, 1000)
    ),
)

# mu, log_var
ACTIVE_VARIANCE = (
    Mistake(
        "kl",
        'This is the statistic of the rule "kl".',
        lambda m, v: _kl(m, v).mean(0),
    ),
    Mistake(
        "variance_of_samples",
        "The variances of q(z|x) are added: that is the variance of samples, about one for a dimension without use.",
        lambda m, v: m.var(0) + torch.exp(v).mean(0),
    ),
    Mistake(
        "mean_variance",
        "This is the mean variance of q(z|x). How much the posterior mean varies from image to image is asked.",
        lambda m, v: torch.exp(v).mean(0),
    ),
    Mistake("standard_deviation", "This is the standard deviation; its square is asked.", lambda m, v: m.std(0)),
    Mistake(
        "second_moment",
        "The squares of the posterior means are averaged. A variance does not change when all means are shifted.",
        lambda m, v: (m**2).mean(0),
    ),
    Mistake(
        "of_log_var",
        "This is the variance of log_var: look at the order of what the encoder returns.",
        lambda m, v: v.var(0),
    ),
    Mistake(
        "over_latents",
        "The variance is one over the latent dimensions, where it is to run over the images.",
        lambda m, v: m.var(-1),
    ),
    *(
        Mistake(
            f"averaged_over_batches_of_{size}",
            (
                "The images are taken in batches whose variances are averaged. The variance between the batches is "
                "lost: take all posterior means together."
            ),
            lambda m, v, size=size: torch.stack([part.var(0) for part in m.split(size)]).mean(0),
        )
        for size in (32, 50, 64, 100, 128, 200, 250, 256, 500, 512, 1000)
    ),
)


def _traversed(toy, x, dims, values, start=None, keep=False, added=False):
    """Return the logits of a traversal, starting from other codes, or keeping what was replaced before."""
    base = toy.encode(x)[0] if start is None else start
    rows, code = [], base.clone()
    for dim in dims:
        row = []
        for value in values:
            code = code if keep else base.clone()
            code[:, dim] = base[:, dim] + value if added else value
            row.append(toy.decode(code.clone())[0])
        rows.append(torch.stack(row))
    return torch.stack(rows)


# toy, x, dims, values
LATENT_TRAVERSAL = (
    Mistake(
        "base_changed",
        (
            "A coordinate that was replaced stays replaced when the next one's turn comes: write into a copy of the "
            "posterior mean."
        ),
        lambda *i: torch.sigmoid(_traversed(*i, keep=True)),
    ),
    Mistake("logits", "These are logits. Which function turns them into probabilities?", lambda *i: _traversed(*i)),
    Mistake(
        "thresholded",
        "These are zeros and ones. The Bernoulli means are asked: probabilities between 0 and 1.",
        lambda *i: (_traversed(*i) > 0).to(i[1].dtype),
    ),
    Mistake("sigmoid_twice", "The sigmoid is applied twice.", lambda *i: torch.sigmoid(torch.sigmoid(_traversed(*i)))),
    Mistake(
        "added",
        "The values are added to the coordinate; it is to be replaced.",
        lambda *i: torch.sigmoid(_traversed(*i, added=True)),
    ),
    Mistake(
        "from_zero",
        "All other coordinates are zero. They are to be those of the image's posterior mean.",
        lambda toy, x, *i: torch.sigmoid(_traversed(toy, x, *i, start=torch.zeros_like(toy.encode(x)[0]))),
    ),
    Mistake(
        "from_log_var",
        "The other coordinates are those of log_var: look at the order of what the encoder returns.",
        lambda toy, x, *i: torch.sigmoid(_traversed(toy, x, *i, start=toy.encode(x)[1])),
    ),
    Mistake(
        "first_dims",
        "The coordinates that are replaced are the first ones: dims says which.",
        lambda toy, x, dims, values: torch.sigmoid(_traversed(toy, x, range(len(dims)), values)),
    ),
    Mistake(
        "transposed",
        "Rows and columns are exchanged: one row for every dimension, one column for every value.",
        lambda *i: torch.sigmoid(_traversed(*i)).transpose(0, 1),
    ),
    Mistake(
        "unused",
        "Nothing is replaced: all images are the reconstruction.",
        lambda toy, x, dims, values: torch.sigmoid(toy.decode(toy.encode(x)[0])).expand(
            len(dims), len(values), *toy.shape
        ),
    ),
)

CATALOGUE |= {
    "log_weights": LOG_WEIGHTS,
    "iwae_bound": IWAE_BOUND,
    "normalized_weights": NORMALIZED_WEIGHTS,
    "iwae_loss": IWAE_LOSS,
    "iwae_gradient": IWAE_GRADIENT,
    "log_likelihood": LOG_LIKELIHOOD,
    "active_kl": ACTIVE_KL,
    "active_variance": ACTIVE_VARIANCE,
    "latent_traversal": LATENT_TRAVERSAL,
}

SAID |= {
    "bound_not_tighter": "The bound does not get tighter with K. Which comes first, the mean or the logarithm?",
    "memory_grows": (
        "Something of the size of all samples is kept: noise, logits, or the graph of every chunk, which torch.no_grad "
        "keeps from being built. Draw, decode, and reduce to log weights chunk by chunk."
    ),
    "samples_left_out": "Fewer than num_samples samples are decoded: what becomes of those that do not fill a chunk?",
    "noise_repeated": "All chunks, or all images, seem to share their noise: draw new noise for each.",
    "runs_alike": "The noise is the same in every run: draw it anew, and do not seed inside the function.",
    "not_averaged": "The images are summed where their mean is asked.",
    "samples_ignored": "The variance is that of a single sample: is num_samples used?",
    "standard_deviation": "This looks like a standard deviation; the variance is asked.",
    "dead_counted": (
        "Entries whose gradient is the same in every run take part in the mean. The weights of a pixel that is 0 in "
        "all images have no gradient, and no signal-to-noise ratio: leave them out."
    ),
    "averaged_first": (
        "Signal and noise are averaged over the entries before they are divided. The ratio is taken for each entry, "
        "then the mean."
    ),
    "ratio_of_variance": (
        "The two numbers do not fit each other. The first is a variance, not its root; the second is divided by the "
        "variance's root, not by the variance."
    ),
    "gradient_of_elbo": "This is the gradient of the ELBO with K samples, whose signal does not fall with K.",
    "mean_changed": "A row or an element of a tensor is the tensor itself: clone what you are going to write into.",
    "strict_threshold": "A dimension is active where its statistic exceeds the threshold that was given.",
}
