"""Hidden tests of active_units."""

import torch

from autograder.judging import expect, oracles, sentences
from autograder.judging.expect import attempt
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.reporting.points import Kind
from autograder.suite.asking import SHAPE, fresh_chance, placed
from autograder.suite.iwae.shared import ask, distinct
from autograder.suite.question import Question

SAMPLED = "The posterior's mean and variance are known: nothing has to be sampled."


@worth("active_units", 2)
def test_active_units_by_divergence(student, draw):
    """With rule="kl" the statistic is the mean over the images of each dimension's divergence from N(0, 1)."""
    for batch, latent_dim in ((7, 3), (4, 4), (5, 1), (2, 6)):
        is_right(units(student, AffineModel.drawn(draw, latent_dim), draw.binary(batch, *SHAPE), "kl"))


@worth("active_units", 2)
def test_active_units_by_variance(student, draw):
    """With rule="variance" the statistic is the variance over the images of each dimension's posterior mean (Burda et
    al. 2016, section 5.2), divided by N or N - 1."""
    for batch, latent_dim in ((7, 3), (4, 4), (5, 1), (3, 6)):
        is_right(units(student, AffineModel.drawn(draw, latent_dim), distinct(draw, batch), "variance"))


@worth("active_units", 2)
def test_active_units_tell_the_rules_apart(student, draw):
    """A dimension that only narrows q(z|x) or only shifts it is active by divergence, not by variance; one that is the
    prior is active by neither."""
    toy, x = AffineModel.drawn(draw, 5), distinct(draw, 9)
    none, size = torch.zeros(5, x[0].numel(), dtype=torch.float64), draw.uniform(low=0.6, high=0.9)
    varying = none.clone()
    varying[4] = draw.normal(x[0].numel(), shift=1.0)
    bias, log_var = torch.zeros(2, 5, dtype=torch.float64)
    bias[2], log_var[1], log_var[3] = size, torch.log(size), 0.02  # the prior, narrow, shifted, nearly the prior, used
    toy = toy.changed(weight_mu=varying, bias_mu=bias, weight_log_var=none, bias_log_var=log_var)
    is_right(units(student, toy, x, "kl"))
    is_right(units(student, toy, x, "variance"))


@worth("active_units")
def test_active_units_compare_with_the_threshold(student, draw):
    """A dimension is active where its statistic exceeds the threshold, 0.01 unless another is given."""
    toy, x = AffineModel.drawn(draw, 6), distinct(draw, 8)
    names = ("weight_mu", "bias_mu", "weight_log_var", "bias_log_var")
    for scale in (1.0, 0.07):  # statistics around one, and around 0.01
        model = toy.changed(**{name: scale * getattr(toy, name) for name in names})
        for rule in ("kl", "variance"):
            question = units(student, model, x, rule)
            count, statistic = scores(question)
            question.is_varied(statistic)
            counts(question, count, statistic, 0.01)
            ordered = statistic.sort().values
            for low, high in ((0, 1), (2, 3), (4, 5)):
                threshold = float(ordered[low] + ordered[high]) / 2
                question = units(student, model, x, rule, threshold=threshold)
                counts(question, *scores(question), threshold)
    none = torch.zeros(6, x[0].numel(), dtype=torch.float64)
    bias = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0, 2.0], dtype=torch.float64)  # divergences of exactly 0, 1/2 and 2
    exact = toy.changed(weight_mu=none, bias_mu=bias, weight_log_var=none, bias_log_var=torch.zeros_like(bias))
    for rule, threshold in (("kl", 0.0), ("kl", 0.5), ("variance", 0.0)):
        question = units(student, exact, x, rule, threshold=threshold)
        counts(question, *scores(question), threshold)


@worth("active_units", 2)
def test_active_units_take_all_images_together(student, draw):
    """The statistics are those of all 1210 images at once, though they come sorted."""
    x = draw.binary(1210, *SHAPE)
    x[:, 0, 0, 0] = (torch.arange(1210) >= 600).double()
    toy = AffineModel.drawn(draw, 3)
    for rule in ("kl", "variance"):
        is_right(units(student, toy, x, rule))


@worth("active_units", kind=Kind.REFUSAL)
def test_active_units_refuse_unknown_rules(student, draw):
    """Any other rule raises a ValueError."""
    toy, x = AffineModel.drawn(draw, 3), distinct(draw, 5)
    for rule in ("kl", "variance"):
        is_right(units(student, toy, x, rule))
    for rule in ("entropy", "", "KL"):
        todo = "A misspelt option must not go unnoticed: raise ValueError(...)."
        units(student, toy, x, rule).refuses("ValueError", todo)


@worth("active_units", kind=Kind.CARE)
def test_active_units_leave_their_surroundings_alone(student, draw):
    """It returns an int and float32 for float32, prints nothing, draws no random numbers, and changes neither x nor the
    model nor any submodule's mode."""
    toy, x = AffineModel.drawn(draw, 3, dtype=torch.float32), distinct(draw, 6).float()
    for rule in ("kl", "variance"):
        is_right(units(student, AffineModel.drawn(draw, 3), distinct(draw, 6), rule))
        question = units(student, toy, x, rule)
        count, _ = scores(question)
        if type(count) is not int:
            todo = "A tensor of one number has a method that gives the number."
            raise question.adding("its first result").wrong("an int", expect.described(count), todo)
        question = units(student, toy, x, rule)
        question.touches_nothing(question.placed("model"), ["encoder"], SAMPLED)
        question.keeps_models()


def units(student: Student, toy: AffineModel, x: torch.Tensor, rule: str, **options: float) -> Question:
    """Return the question for the statistics; their count comes with them."""
    question = ask(student, "active_units", model=lambda student: placed(student, toy), x=x, rule=rule).given(**options)
    question.toy = toy

    def sampled(_: object) -> str:
        chance = fresh_chance(student)
        attempt(question.answer)
        return "" if torch.equal(chance, student.global_rng()) else SAMPLED

    question.of_exercise("active_units", f"active_{rule}").looking(sampled)
    return question.taking(lambda got: both(question, got)[1])


def both(question: Question, got: object) -> tuple[object, object]:
    """Return the two items of an answer."""
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        todo = "Return both, the count first."
        raise question.wrong("two items, (count, statistic)", expect.described(got), todo)
    return got[0], got[1]


def scores(question: Question) -> tuple[object, torch.Tensor]:
    """Return count and statistics, the latter checked for kind."""
    count, statistic = both(question, question.whole(question.student))
    checked = expect.tensor(
        statistic,
        (question.toy.latent_dim,),
        question.arguments["x"].dtype,
        asked=question.adding("its second result").asked,
        todo="One statistic for every latent dimension.",
        hint=question.hint,
    )
    return count, checked


def is_right(question: Question) -> None:
    """Demand the statistics by the formula, and their count."""
    count, statistic = scores(question)
    mu, log_var = question.toy.encode(question.arguments["x"])
    want, *others = {
        "kl": [oracles.kl_of_dimensions(mu, log_var).mean(0)],
        "variance": [mu.var(0, correction=0), mu.var(0, correction=1)],
    }[question.arguments["rule"]]
    question.equals(want, got=statistic, also=others, todo="Work out one dimension by hand.")
    counts(question, count, statistic, 0.01)


def counts(question: Question, count: object, statistic: torch.Tensor, threshold: float) -> None:
    """Demand that a count is that of the statistics above the threshold; that it is an int is judged elsewhere."""
    number = count.item() if isinstance(count, torch.Tensor) and count.numel() == 1 else count
    if number != int((statistic > threshold).sum()):
        got = f"{number}" if isinstance(number, (int, float)) else expect.described(number)
        expected = "the number of statistics above the threshold"
        raise question.adding("its first result").wrong(expected, got, hint=sentences.STRICT_THRESHOLD)
