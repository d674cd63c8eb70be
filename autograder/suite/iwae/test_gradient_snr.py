"""Hidden tests of gradient_snr."""

import contextlib
import math
from collections.abc import Iterator

import torch

from autograder.judging import expect, mistakes, oracles, statistics
from autograder.judging.accuracy import EXACT
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong, attempt, call
from autograder.judging.mistakes import SAID
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.kernel.wire import Seed
from autograder.suite.asking import check_generator, check_models_kept, check_seeding, placed
from autograder.suite.iwae.shared import Earlier, check_manners, dependent, distinct, with_posterior, without_code


def single_pixel(draw: Draw, latent_dim: int, prior: bool = False) -> AffineModel:
    """Return a toy of one pixel whose logits ignore z and whose q(z|x) depends on that pixel through mu alone."""
    toy = without_code(AffineModel.drawn(draw, latent_dim, (1, 1, 1), prior=prior))
    return toy.changed(weight_log_var=torch.zeros_like(toy.weight_log_var))


def snr(
    student: Student,
    model: Handle,
    x: torch.Tensor,
    num_samples: int,
    runs: int,
    seed: int,
    hint: str = mistakes.SAID["runs_alike"],
) -> tuple[float, float, str]:
    """Return what gradient_snr answers, two finite numbers, and how it was asked; `hint`: what NaN may mean here."""
    asked = call("gradient_snr", model=..., x=x, num_samples=num_samples, runs=runs, generator=...)
    got = student.gradient_snr(model, x, num_samples, runs, generator=Seed(seed))
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        todo = "Return both, the variance first."
        raise Wrong(asked, "two floats, (mean variance, mean of abs(mean) / std)", expect.described(got), todo)
    numbers = [item.item() if isinstance(item, torch.Tensor) and item.numel() == 1 else item for item in got]
    for item, number in zip(got, numbers, strict=True):
        if type(number) is not float:
            raise Wrong(asked, "two floats", f"{expect.described(item)} among them", "Average over the entries.")
    if not all(math.isfinite(item) for item in numbers) or not numbers[0] > 0:
        todo = "Is an average taken over no entries at all, or divided by a variance of zero?"
        expected, came = "a positive variance and a finite ratio", "zero, NaN or an infinite number"
        raise Wrong(asked, expected, came, todo, hint)
    return *numbers, asked


def check_variance(student: Student, draw: Draw) -> None:
    """Compare the mean variance of gradients that are normal numbers of known variances, by the Laurent-Massart bound."""
    runs = 200
    noisy = single_pixel(draw, 8, prior=True)
    equal = with_posterior(single_pixel(draw, 8), *torch.zeros(2, 8, dtype=torch.float64))
    narrow = noisy.changed(bias_log_var=noisy.bias_log_var - 16)  # gradients that hardly differ between runs
    cases = (
        (noisy, 1, 1, torch.exp(noisy.bias_log_var - 2 * noisy.prior[1])),
        (equal, 5, 3, torch.full((8,), 1 / 15, dtype=torch.float64)),
        (narrow, 1, 1, torch.exp(narrow.bias_log_var - 2 * narrow.prior[1])),
    )
    for toy, num_samples, batch, variances in cases:
        x = torch.ones(batch, 1, 1, 1, dtype=torch.float64)
        small = {"hint": mistakes.SAID["small_variance"]} if toy is narrow else {}
        with unless_noiseless(student, toy, x, num_samples, draw):
            variance, ratio, asked = snr(student, placed(student, toy), x, num_samples, runs, draw.seed(), **small)
            alpha, either = statistics.ALPHA / 6, (variance, variance * runs / (runs - 1))  # N or N - 1
            if any(statistics.variances_are(v, variances, runs, alpha) for v in either):
                continue
            if agrees_with_own(student, toy, x, num_samples, runs, draw, (variance, ratio)):
                continue
            mean = float(variances.mean())
            guesses = {
                "not_averaged": mean * batch**2,
                "samples_ignored": mean * num_samples,
                "standard_deviation": float(variances.sqrt().mean()),
            }
            nearest = min(guesses, key=lambda key: abs(math.log(variance / guesses[key])))
            hint = mistakes.SAID[nearest] if abs(math.log(variance / guesses[nearest])) < 0.13 else ""
            hint = small.get("hint", hint)
            expected = "the mean variance of the gradient's entries over the runs"
            raise Wrong(asked, expected, "another number", "", hint, "Which runs, which entries?")


def own_gradients(
    student: Student, toy: AffineModel, x: torch.Tensor, num_samples: int, runs: int, draw: Draw
) -> torch.Tensor | None:
    """Return gradients of the loss for weight_mu, (runs, D, pixels), as the student's log_weights and iwae_bound give
    them, where one of these is wrong; None where they are right, or answer nothing that depends on the image."""
    model, gradients, wrong = placed(student, toy), [], False
    encoder = model.attribute("encoder")
    for run in range(runs):
        eps = draw.normal(num_samples, len(x), toy.latent_dim, dtype=x.dtype)
        true = oracles.log_weights(toy, x, eps)
        log_w = attempt(lambda eps=eps: student.log_weights(model, x, eps))
        if not isinstance(log_w, torch.Tensor) or not bool(torch.isfinite(log_w).all()):
            return None
        log_w = log_w.detach()
        bound = attempt(lambda log_w=log_w: student.gradient("iwae_bound", log_w))
        if bound is None or bound.inputs[0] is None:
            return None
        cotangent = -bound.inputs[0] / bound.value.numel()
        found = attempt(
            lambda eps=eps, c=cotangent: student.gradient(
                "log_weights", model, x, eps, wrt=(), parameters_of=encoder, cotangent=c
            )
        )
        gradient = None if found is None else found.parameters.get("weight_mu")
        gradients.append(torch.zeros_like(toy.weight_mu) if gradient is None else gradient.reshape(toy.weight_mu.shape))
        weight = toy.weight_mu.clone().requires_grad_(True)
        loss = -torch.logsumexp(oracles.log_weights(toy.changed(weight_mu=weight), x, eps), 0).mean()
        wrong |= not expect.equal(log_w, true)
        wrong |= not expect.equal(gradients[-1], torch.autograd.grad(loss, weight)[0])
        if run == 2 and not wrong:
            return None
    return torch.stack(gradients) if dependent(student, draw) else None


def noiseless(student: Student, toy: AffineModel, x: torch.Tensor, num_samples: int, draw: Draw) -> bool:
    """Return whether the student's own gradients, being wrong, are the same for all noise."""
    gradients = own_gradients(student, toy, x, num_samples, 5, draw)
    return gradients is not None and not bool((gradients.var(0) > 1e-20).any())


@contextlib.contextmanager
def unless_noiseless(
    student: Student, toy: AffineModel, x: torch.Tensor, num_samples: int, draw: Draw
) -> Iterator[None]:
    """Let a wrong answer of gradient_snr pass where the student's own gradients have no noise to measure."""
    try:
        yield
    except Wrong:
        if not noiseless(student, toy, x, num_samples, draw):
            raise


def agrees_with_own(
    student: Student, toy: AffineModel, x: torch.Tensor, num_samples: int, runs: int, draw: Draw, got: tuple
) -> bool:
    """Return whether variance and ratio are, roughly, those of gradients that the student's own earlier
    functions give; False where these are right."""
    gradients = own_gradients(student, toy, x, num_samples, runs, draw)
    if gradients is None:
        return False
    variance = gradients.var(0)
    noisy = variance > 1e-20
    if not bool(noisy.any()):
        return False
    variance_of_own = float(variance[noisy].mean())
    ratio_of_own = float((gradients.mean(0).abs() / variance.sqrt())[noisy].mean())
    near = abs(abs(got[1]) - ratio_of_own) <= ratio_of_own + 3 / math.sqrt(runs)  # the second term: of no signal at all
    return near and 0.5 <= got[0] / variance_of_own <= 2


@worth("gradient_snr", 3)
def test_gradient_snr_measures_the_variance(student, draw):
    """Where the gradients are normal numbers of known variances, their mean variance over the runs comes close to the
    true one (Laurent-Massart bound at 1e-9): it falls with num_samples and with the images."""
    check_variance(student, draw)


@worth("gradient_snr", 2)
def test_gradient_snr_is_a_ratio_for_each_entry(student, draw):
    """The second number is the mean over the entries of abs(mean) / standard deviation: shifting an entry's mean, with
    noise repeated by the seed, shows its deviation, which has to fit the first number."""
    runs, seed, step, dims = 20, draw.seed(), 2.0, 3
    spread, sides = torch.tensor([[-0.8, 0.0, 0.8], [1.0, -1.0, 1.0]], dtype=torch.float64)
    toy = with_posterior(single_pixel(draw, dims), sides * draw.uniform(dims, low=3.0, high=4.0), spread)
    x = torch.ones(1, 1, 1, 1, dtype=torch.float64)

    def ask(toy):
        return snr(student, placed(student, toy), x, 1, runs, seed)

    with unless_noiseless(student, toy, x, 1, draw):
        variance, ratio, asked = ask(toy)
        shifted = [ask(toy.changed(bias_mu=toy.bias_mu + step * away))[:2] for away in torch.diag(sides)]
        gains = torch.tensor([moved_ratio - ratio for _, moved_ratio in shifted], dtype=torch.float64)
        same = all(math.isclose(moved_variance, variance, rel_tol=1e-4) for moved_variance, _ in shifted)
        same = same and bool((gains > 0).all())
        squares = (step / (dims * gains)) ** 2
        factors = (1.0, runs / (runs - 1), (runs - 1) / runs)  # N or N - 1, for the variance and for the deviation
        if same and any(math.isclose(float(squares.mean()) * f, variance, rel_tol=1e-3) for f in factors):
            return
        if agrees_with_own(student, toy, x, 1, runs, draw, (variance, ratio)):
            return
        guesses = (
            ("averaged_first", float(squares.std()) < 1e-3 * float(squares.mean())),
            ("ratio_of_variance", math.isclose(float(squares.sqrt().mean()), variance, rel_tol=0.06)),
        )
        hint = next((SAID[key] for key, fits in guesses if same and fits), "")
        raise Wrong(asked, "the mean over the entries of abs(mean) / standard deviation", "another number", "", hint)


@worth("gradient_snr", 2)
def test_gradient_snr_leaves_out_entries_without_noise(student, draw):
    """Weights of a pixel that is 0 in all images change neither number: entries whose variance is zero do not count."""
    toy, seed = single_pixel(draw, 3), draw.seed()
    x = torch.ones(2, 1, 1, 1, dtype=torch.float64)
    wide = toy.changed(
        weight_mu=torch.cat([toy.weight_mu, draw.normal(3, 2)], 1),
        weight_log_var=torch.cat([toy.weight_log_var, draw.normal(3, 2)], 1),
        weight=torch.zeros(3, 3, dtype=torch.float64),
        bias=torch.cat([toy.bias, torch.full((2,), -40.0, dtype=torch.float64)]),  # sure to be 0
        shape=(1, 1, 3),
    )
    dark = torch.cat([x, torch.zeros(2, 1, 1, 2, dtype=torch.float64)], -1)
    with unless_noiseless(student, toy, x, 3, draw):
        *want, _ = snr(student, placed(student, toy), x, 3, 20, seed)
        *got, asked = snr(student, placed(student, wide), dark, 3, 20, seed, SAID["dead_counted"])
        if not all(math.isclose(a, b, rel_tol=EXACT) for a, b in zip(got, want, strict=True)):
            *again, _ = snr(student, placed(student, toy), x, 3, 20, seed)
            hint = SAID["dead_counted"] if again == want else Earlier.of(student, draw).generator_ignored
            asked += ", two of three pixels 0 in all images"
            raise Wrong(asked, "the numbers of the pixel that is 1", "others", "", hint)


@worth("gradient_snr", 2)
def test_gradient_snr_is_that_of_the_bound(student, draw):
    """The signal is the gradient of the importance weighted bound, which falls with num_samples, not that of the ELBO
    (normal approximation at 1e-9)."""
    runs, shift, samples = 400, float(draw.uniform(low=0.9, high=1.1)), 8
    one = torch.ones(1, dtype=torch.float64)
    toy, x = with_posterior(single_pixel(draw, 1), shift * one, 0 * one), torch.ones(1, 1, 1, 1, dtype=torch.float64)
    with unless_noiseless(student, toy, x, samples, draw):
        variance, ratio, asked = snr(student, placed(student, toy), x, samples, runs, draw.seed())
        signal = abs(ratio) * math.sqrt(variance)
        if statistics.same_mean(signal, runs, oracles.shifted_gradients(shift, samples, 20_000, draw)):
            return
        own = own_gradients(student, toy, x, samples, 200, draw)
        if own is not None and statistics.same_mean(signal, runs, own.flatten() * torch.sign(own.mean())):
            return
        hint = SAID["gradient_of_elbo"] if math.isclose(signal, shift, rel_tol=0.15) else ""
        raise Wrong(asked, "the mean gradient of the bound with 8 samples", "another signal", "", hint)


@worth("gradient_snr")
def test_gradient_snr_looks_at_the_first_matrix(student, draw):
    """It is that of the encoder's first parameter of two or more axes: a vector that comes before it is passed over."""
    toy, x, seed = single_pixel(draw, 3), torch.ones(2, 1, 1, 1, dtype=torch.float64), draw.seed()
    affine = (toy.weight_mu, toy.bias_mu, toy.weight_log_var, toy.bias_log_var)
    encoder = student.shifted_encoder(torch.zeros(1, dtype=torch.float64), *affine)
    model = student.model(encoder, student.affine_decoder(toy.weight, toy.bias, toy.shape), latent_dim=3)
    with unless_noiseless(student, toy, x, 3, draw):
        *want, _ = snr(student, placed(student, toy), x, 3, 20, seed)
        *got, asked = snr(student, model, x, 3, 20, seed)
        if not all(math.isclose(a, b, rel_tol=EXACT) for a, b in zip(got, want, strict=True)):
            asked += ", an encoder whose first parameter is a vector"
            *again, _ = snr(student, placed(student, toy), x, 3, 20, seed)
            todo = "Go through model.encoder.parameters() until one has two axes."
            todo = todo if again == want else Earlier.of(student, draw).generator_ignored
            raise Wrong(asked, "the numbers of its first matrix", "others", todo)


@worth("gradient_snr")
def test_gradient_snr_follows_its_generator(student, draw):
    """A generator makes both numbers reproducible, another seed gives others, and torch's global generator is left
    alone."""
    toy, x = AffineModel.drawn(draw, 2), distinct(draw, 3)
    model = placed(student, toy)

    def pair(generator):
        return torch.tensor(snr(student, model, x, 2, 5, generator.value)[:2])

    asked = call("gradient_snr", model=..., x=x, num_samples=2, runs=5, generator=...)
    with unless_noiseless(student, toy, x, 2, draw):
        ignored = Earlier.of(student, draw).generator_ignored
        check_generator(student, pair, draw.seed(), (2,), asked, ignored=ignored)


@worth("gradient_snr", 2)
def test_gradient_snr_leaves_its_surroundings_alone(student, draw):
    """It returns two Python floats, prints nothing, and changes neither x nor parameters, gradients, requires_grad or
    modes of the model."""
    earlier = Earlier.of(student, draw)
    try:
        check_variance(student, draw)
    except Wrong as wrong:
        kept = placed(student, AffineModel.drawn(draw, 2))
        before = kept.state()
        student.gradient_snr(kept, distinct(draw, 3), 2, 5)
        if not wrong.hint and not earlier.changes and expect.changes(before, kept.state()) is not None:
            wrong.hint = "What a run leaves in the model, gradients too, is there in the next one. Only training changes a model."
        raise
    for dtype in (torch.float64, torch.float32):
        toy, x = AffineModel.drawn(draw, 2, prior=True, dtype=dtype), distinct(draw, 3).to(dtype)
        model = placed(student, toy)
        model.attribute("decoder").train()
        model.load({}, gradients={"encoder.weight_mu": draw.normal(*toy.weight_mu.shape, dtype=dtype)})
        asked, before = call("gradient_snr", model=..., x=x, num_samples=2, runs=5), model.state()
        seen = student.inspect("gradient_snr", model, x, 2, 5)
        items = seen.value if isinstance(seen.value, (tuple, list)) else [seen.value]
        if [type(item) for item in items] != [float, float]:
            todo = "A tensor of one number has a method that gives the number."
            raise Wrong(asked, "two Python floats", " and ".join(map(expect.described, items)), todo)
        check_manners(earlier, seen, before, model.state(), asked, x=x)
    toy, x = AffineModel.drawn(draw, 2, prior=True), distinct(draw, 3)

    def inspect(model):
        return student.inspect("gradient_snr", model, x, 2, 5, generator=Seed(7))

    if not earlier.changes:
        check_models_kept(student, toy, inspect, asked)
        check_seeding(student, lambda: student.gradient_snr(placed(student, toy), x, 2, 5), draw, asked)
