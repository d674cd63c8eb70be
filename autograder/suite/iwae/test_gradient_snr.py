"""Hidden tests of gradient_snr."""

import math
from collections.abc import Callable

import torch

from autograder.judging import expect, oracles, sentences, statistics
from autograder.judging.accuracy import EXACT
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.kernel.wire import Seed
from autograder.reporting.points import Kind
from autograder.suite.asking import placed
from autograder.suite.iwae.follow import agrees_with_own, own_gradients, unless_noiseless
from autograder.suite.iwae.shared import Earlier, ask, changes_nothing, distinct, with_posterior, without_code
from autograder.suite.question import Question


@worth("gradient_snr", 3)
def test_gradient_snr_measures_the_variance(student, draw):
    """Where the gradients are normal numbers of known variances, their mean variance over the runs comes close to the
    true one (Laurent-Massart bound at 1e-9): it falls with num_samples and with the images."""
    measures_the_variance(student, draw)


@worth("gradient_snr", 2)
def test_gradient_snr_is_a_ratio_for_each_entry(student, draw):
    """The second number is the mean over the entries of abs(mean) / standard deviation: shifting an entry's mean, with
    noise repeated by the seed, shows its deviation, which has to fit the first number."""
    runs, seed, step, dims = 20, draw.seed(), 2.0, 3
    spread, sides = torch.tensor([[-0.8, 0.0, 0.8], [1.0, -1.0, 1.0]], dtype=torch.float64)
    toy = with_posterior(single_pixel(draw, dims), sides * draw.uniform(dims, low=3.0, high=4.0), spread)
    x = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    question = snr(student, toy, x, 1, runs, seed)
    with unless_noiseless(student, toy, x, 1, draw):
        variance, ratio = numbers(question)
        away = [toy.changed(bias_mu=toy.bias_mu + step * side) for side in torch.diag(sides)]
        shifted = [numbers(snr(student, other, x, 1, runs, seed)) for other in away]
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
            (sentences.AVERAGED_FIRST, float(squares.std()) < 1e-3 * float(squares.mean())),
            (sentences.RATIO_OF_VARIANCE, math.isclose(float(squares.sqrt().mean()), variance, rel_tol=0.06)),
        )
        hint = next((sentence for sentence, fits in guesses if same and fits), "")
        expected = "the mean over the entries of abs(mean) / standard deviation"
        raise question.wrong(expected, "another number", hint=hint)


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
    narrow, question = snr(student, toy, x, 3, 20, seed), snr(student, wide, dark, 3, 20, seed)
    with unless_noiseless(student, toy, x, 3, draw):
        want, got = numbers(narrow), numbers(question, sentences.DEAD_COUNTED)
        if not agree(got, want):
            hint = sentences.DEAD_COUNTED if numbers(narrow) == want else Earlier.of(student, draw).generator_ignored
            question.adding("two of three pixels 0 in all images")
            raise question.wrong("the numbers of the pixel that is 1", "others", hint=hint)


@worth("gradient_snr", 2)
def test_gradient_snr_is_that_of_the_bound(student, draw):
    """The signal is the gradient of the importance weighted bound, which falls with num_samples, not that of the ELBO
    (normal approximation at 1e-9)."""
    runs, shift, samples = 400, float(draw.uniform(low=0.9, high=1.1)), 8
    one = torch.ones(1, dtype=torch.float64)
    toy, x = with_posterior(single_pixel(draw, 1), shift * one, 0 * one), torch.ones(1, 1, 1, 1, dtype=torch.float64)
    with unless_noiseless(student, toy, x, samples, draw):
        question = snr(student, toy, x, samples, runs, draw.seed())
        variance, ratio = numbers(question)
        signal = abs(ratio) * math.sqrt(variance)
        if statistics.same_mean(signal, runs, oracles.shifted_gradients(shift, samples, 20_000, draw)):
            return
        own = own_gradients(student, toy, x, samples, 200, draw)
        if own is not None and statistics.same_mean(signal, runs, own.flatten() * torch.sign(own.mean())):
            return
        hint = sentences.GRADIENT_OF_ELBO if math.isclose(signal, shift, rel_tol=0.15) else ""
        raise question.wrong("the mean gradient of the bound with 8 samples", "another signal", hint=hint)


@worth("gradient_snr")
def test_gradient_snr_looks_at_the_first_matrix(student, draw):
    """It is that of the encoder's first parameter of two or more axes: a vector that comes before it is passed over."""
    toy, x, seed = single_pixel(draw, 3), torch.ones(2, 1, 1, 1, dtype=torch.float64), draw.seed()

    def vector_first(student: Student) -> Handle:
        affine = (toy.weight_mu, toy.bias_mu, toy.weight_log_var, toy.bias_log_var)
        encoder = student.build(
            "ShiftedEncoder", torch.zeros(1, dtype=torch.float64), student.build("AffineEncoder", *affine)
        )
        return student.build(
            "Model", encoder, student.build("AffineDecoder", toy.weight, toy.bias, toy.shape), latent_dim=3
        )

    plain, question = snr(student, toy, x, 3, 20, seed), snr(student, toy, x, 3, 20, seed, vector_first)
    with unless_noiseless(student, toy, x, 3, draw):
        want, got = numbers(plain), numbers(question)
        if not agree(got, want):
            todo = "Go through model.encoder.parameters() until one has two axes."
            todo = todo if numbers(plain) == want else Earlier.of(student, draw).generator_ignored
            question.adding("an encoder whose first parameter is a vector")
            raise question.wrong("the numbers of its first matrix", "others", todo)


@worth("gradient_snr", kind=Kind.CARE)
def test_gradient_snr_follows_its_generator(student, draw):
    """A generator makes both numbers reproducible, another seed gives others, and torch's global generator is left
    alone."""
    toy, x = AffineModel.drawn(draw, 2), distinct(draw, 3)

    def pair(question: Question) -> torch.Tensor:
        return torch.tensor(numbers(question, seeded=False))

    with unless_noiseless(student, toy, x, 2, draw):
        ignored = Earlier.of(student, draw).generator_ignored
        seed = draw.seed()
        snr(student, toy, x, 2, 5, seed).follows_its_generator(seed, pair, ignored=ignored)


@worth("gradient_snr", 2, Kind.CARE)
def test_gradient_snr_leaves_its_surroundings_alone(student, draw):
    """It returns two Python floats, prints nothing, and changes neither x nor parameters, gradients, requires_grad or
    modes of the model."""
    earlier = Earlier.of(student, draw)
    try:
        measures_the_variance(student, draw)
    except Wrong as wrong:
        question = snr(student, AffineModel.drawn(draw, 2), distinct(draw, 3), 2, 5)
        before = question.placed("model").state()
        question.answer()
        changed = expect.changes(before, question.placed("model").state()) is not None
        if not wrong.hint and not earlier.changes and changed:
            wrong.hint = "What a run leaves in the model, gradients too, is there in the next one. Only training changes a model."
        raise
    for dtype in (torch.float64, torch.float32):
        toy, x = AffineModel.drawn(draw, 2, prior=True, dtype=dtype), distinct(draw, 3).to(dtype)
        question = snr(student, toy, x, 2, 5)
        model = question.placed("model")
        model.attribute("decoder").train()
        model.load({}, gradients={"encoder.weight_mu": draw.normal(*toy.weight_mu.shape, dtype=dtype)})
        before, seen = model.state(), question.inspected()
        items = seen.value if isinstance(seen.value, (tuple, list)) else [seen.value]
        if [type(item) for item in items] != [float, float]:
            todo = "A tensor of one number has a method that gives the number."
            raise question.wrong("two Python floats", " and ".join(map(expect.described, items)), todo)
        changes_nothing(question, seen, before, model.state(), earlier)
    toy, x = AffineModel.drawn(draw, 2, prior=True), distinct(draw, 3)
    if not earlier.changes:
        snr(student, toy, x, 2, 5, 7).keeps_models()
        snr(student, toy, x, 2, 5).keeps_seed(draw)


def single_pixel(draw: Draw, latent_dim: int, prior: bool = False) -> AffineModel:
    """Return a toy of one pixel whose logits ignore z and whose q(z|x) depends on that pixel through mu alone."""
    toy = without_code(AffineModel.drawn(draw, latent_dim, (1, 1, 1), prior=prior))
    return toy.changed(weight_log_var=torch.zeros_like(toy.weight_log_var))


def snr(
    student: Student,
    toy: AffineModel,
    x: torch.Tensor,
    num_samples: int,
    runs: int,
    seed: int | None = None,
    build: Callable[[Student], Handle] | None = None,
) -> Question:
    """Return the question about a toy, or the model that `build` makes of it, with a generator where a seed is given."""
    model = build or (lambda student: placed(student, toy))
    question = ask(student, "gradient_snr", model=model, x=x, num_samples=num_samples, runs=runs)
    question.toy = toy
    return question if seed is None else question.given(generator=Seed(seed))


def numbers(question: Question, hint: str = sentences.RUNS_ALIKE, seeded: bool = True) -> tuple[float, float]:
    """Return the answer, two finite numbers; `hint`: what NaN may mean here."""
    if seeded:  # for who draws from the global generator instead, which is judged apart
        question.student.seed(question.options["generator"].value)
    got = question.answer()
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        todo = "Return both, the variance first."
        raise question.wrong("two floats, (mean variance, mean of abs(mean) / std)", expect.described(got), todo)
    found = [item.item() if isinstance(item, torch.Tensor) and item.numel() == 1 else item for item in got]
    for item, number in zip(got, found, strict=True):
        if type(number) is not float:
            came = f"{expect.described(item)} among them"
            raise question.wrong("two floats", came, "Average over the entries.")
    if not all(math.isfinite(item) for item in found) or not found[0] > 0:
        todo = "Is an average taken over no entries at all, or divided by a variance of zero?"
        expected = "a positive variance and a finite ratio"
        raise question.wrong(expected, "zero, NaN or an infinite number", todo, hint)
    return found[0], found[1]


def agree(got: tuple[float, float], want: tuple[float, float]) -> bool:
    return all(math.isclose(a, b, rel_tol=EXACT) for a, b in zip(got, want, strict=True))


def measures_the_variance(student: Student, draw: Draw) -> None:
    """Demand the mean variance of gradients that are normal numbers of known variances, by the Laurent-Massart bound."""
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
        small = {"hint": sentences.SMALL_VARIANCE} if toy is narrow else {}
        with unless_noiseless(student, toy, x, num_samples, draw):
            question = snr(student, toy, x, num_samples, runs, draw.seed())
            variance, ratio = numbers(question, **small)
            alpha, either = statistics.ALPHA / 6, (variance, variance * runs / (runs - 1))  # N or N - 1
            if any(statistics.variances_are(v, variances, runs, alpha) for v in either):
                continue
            if agrees_with_own(student, toy, x, num_samples, runs, draw, (variance, ratio)):
                continue
            mean = float(variances.mean())
            guesses = {
                sentences.NOT_AVERAGED: mean * batch**2,
                sentences.SAMPLES_IGNORED: mean * num_samples,
                sentences.STANDARD_DEVIATION: float(variances.sqrt().mean()),
            }
            nearest = min(guesses, key=lambda key: abs(math.log(variance / guesses[key])))
            hint = nearest if abs(math.log(variance / guesses[nearest])) < 0.13 else ""
            hint = small.get("hint", hint)
            expected = "the mean variance of the gradient's entries over the runs"
            raise question.wrong(expected, "another number", hint=hint, advice="Which runs, which entries?")
