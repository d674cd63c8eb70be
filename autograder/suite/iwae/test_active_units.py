"""Hidden tests of active_units."""

import torch

from autograder.judging import expect, mistakes, oracles
from autograder.judging.expect import Wrong, call
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Student
from autograder.suite.asking import SHAPE, check_models_kept, fresh_chance, placed
from autograder.suite.iwae import public
from autograder.suite.iwae.shared import distinct


def scores(
    student: Student, toy: AffineModel, x: torch.Tensor, rule: str, threshold: float | None = None
) -> tuple[object, torch.Tensor, str]:
    """Return count and statistics of active_units, the latter checked for kind, and how it was asked."""
    options = {} if threshold is None else {"threshold": threshold}
    asked = call("active_units", model=..., x=x, rule=rule, **options)
    got = student.active_units(placed(student, toy), x, rule, **options)
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        todo = "Return both, the count first."
        raise Wrong(asked, "two items, (count, statistic)", expect.described(got), todo)
    statistic = expect.tensor(
        got[1],
        (toy.latent_dim,),
        x.dtype,
        asked=asked + ", its second result",
        todo="One statistic for every latent dimension.",
        hint=lambda found: recognised(found, toy, x, rule),
    )
    return got[0], statistic, asked


def recognised(statistic: torch.Tensor, toy: AffineModel, x: torch.Tensor, rule: str) -> str:
    """Return what is known about a statistic of active_units."""
    return mistakes.recognise(f"active_{rule}", statistic, *toy.encode(x))


def check_scores(student: Student, toy: AffineModel, x: torch.Tensor, rule: str) -> None:
    """Compare the statistics of active_units with the formula, and their count."""
    count, statistic, asked = scores(student, toy, x, rule)
    mu, log_var = toy.encode(x)
    wants = {
        "kl": [oracles.kl_of_dimensions(mu, log_var).mean(0)],
        "variance": [mu.var(0, correction=0), mu.var(0, correction=1)],
    }[rule]
    expect.close(
        statistic,
        wants[0],
        asked=asked + ", its second result",
        also=wants[1:],
        hint=lambda found: recognised(found, toy, x, rule),
        todo="Work out one dimension by hand.",
        example=lambda: public.example(student, f"active_{rule}", placed),
    )
    check_count(count, statistic, 0.01, asked)


def check_count(count: object, statistic: torch.Tensor, threshold: float, asked: str) -> None:
    """Check that a count is that of the statistics above the threshold; that it is an int is judged elsewhere."""
    number = count.item() if isinstance(count, torch.Tensor) and count.numel() == 1 else count
    if number != int((statistic > threshold).sum()):
        got = f"{number}" if isinstance(number, (int, float)) else expect.described(number)
        expected = "the number of statistics above the threshold"
        raise Wrong(asked + ", its first result", expected, got, "", mistakes.SAID["strict_threshold"])


@worth("active_units", 2)
def test_active_units_by_divergence(student, draw):
    """With rule="kl" the statistic is the mean over the images of each dimension's divergence from N(0, 1)."""
    for batch, latent_dim in ((7, 3), (4, 4), (5, 1), (2, 6)):
        check_scores(student, AffineModel.drawn(draw, latent_dim), draw.binary(batch, *SHAPE), "kl")


@worth("active_units", 2)
def test_active_units_by_variance(student, draw):
    """With rule="variance" the statistic is the variance over the images of each dimension's posterior mean (Burda et
    al. 2016, section 5.2), divided by N or N - 1."""
    for batch, latent_dim in ((7, 3), (4, 4), (5, 1), (3, 6)):
        check_scores(student, AffineModel.drawn(draw, latent_dim), distinct(draw, batch), "variance")


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
    check_scores(student, toy, x, "kl")
    check_scores(student, toy, x, "variance")


@worth("active_units")
def test_active_units_compare_with_the_threshold(student, draw):
    """A dimension is active where its statistic exceeds the threshold, 0.01 unless another is given."""
    toy, x = AffineModel.drawn(draw, 6), distinct(draw, 8)
    names = ("weight_mu", "bias_mu", "weight_log_var", "bias_log_var")
    for scale in (1.0, 0.07):  # statistics around one, and around 0.01
        model = toy.changed(**{name: scale * getattr(toy, name) for name in names})
        for rule in ("kl", "variance"):
            count, statistic, asked = scores(student, model, x, rule)
            expect.varied(statistic, asked=asked)
            check_count(count, statistic, 0.01, asked)
            ordered = statistic.sort().values
            for low, high in ((0, 1), (2, 3), (4, 5)):
                threshold = float(ordered[low] + ordered[high]) / 2
                count, statistic, asked = scores(student, model, x, rule, threshold)
                check_count(count, statistic, threshold, asked)
    none = torch.zeros(6, x[0].numel(), dtype=torch.float64)
    bias = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0, 2.0], dtype=torch.float64)  # divergences of exactly 0, 1/2 and 2
    exact = toy.changed(weight_mu=none, bias_mu=bias, weight_log_var=none, bias_log_var=torch.zeros_like(bias))
    for rule, threshold in (("kl", 0.0), ("kl", 0.5), ("variance", 0.0)):
        count, statistic, asked = scores(student, exact, x, rule, threshold)
        check_count(count, statistic, threshold, asked)


@worth("active_units", 2)
def test_active_units_take_all_images_together(student, draw):
    """The statistics are those of all 1210 images at once, though they come sorted."""
    x = draw.binary(1210, *SHAPE)
    x[:, 0, 0, 0] = (torch.arange(1210) >= 600).double()
    toy = AffineModel.drawn(draw, 3)
    for rule in ("kl", "variance"):
        check_scores(student, toy, x, rule)


@worth("active_units")
def test_active_units_refuse_unknown_rules(student, draw):
    """Any other rule raises a ValueError."""
    toy, x = AffineModel.drawn(draw, 3), distinct(draw, 5)
    for rule in ("kl", "variance"):
        check_scores(student, toy, x, rule)
    model = placed(student, toy)
    for rule in ("entropy", "", "KL"):
        asked = call("active_units", model=..., x=x, rule=rule)
        todo = "A misspelt option must not go unnoticed: raise ValueError(...)."
        expect.refused(lambda rule=rule: student.active_units(model, x, rule), "ValueError", asked=asked, todo=todo)


@worth("active_units")
def test_active_units_leave_their_surroundings_alone(student, draw):
    """It returns an int and float32 for float32, prints nothing, draws no random numbers, and changes neither x nor the
    model nor any submodule's mode."""
    toy, x = AffineModel.drawn(draw, 3, dtype=torch.float32), distinct(draw, 6).float()
    sampled = "The posterior's mean and variance are known: nothing has to be sampled."
    for rule in ("kl", "variance"):
        chance = fresh_chance(student)
        try:
            check_scores(student, AffineModel.drawn(draw, 3), distinct(draw, 6), rule)
        except Wrong as wrong:
            if not wrong.hint and not torch.equal(chance, student.global_rng()):
                wrong.hint = sampled
            raise
        count, statistic, asked = scores(student, toy, x, rule)
        if type(count) is not int:
            todo = "A tensor of one number has a method that gives the number."
            raise Wrong(asked + ", its first result", "an int", expect.described(count), todo)
        model = placed(student, toy)
        model.attribute("encoder").train()
        asked, before, chance = call("active_units", model=..., x=x, rule=rule), model.state(), fresh_chance(student)
        seen = student.inspect("active_units", model, x, rule)
        expect.silent(seen, asked=asked)
        expect.inputs_kept(seen, {"model": ..., "x": x, "rule": rule}, asked=asked)
        expect.random_state_kept(chance, student.global_rng(), asked=asked, todo=sampled)
        expect.state_kept(before, model.state(), asked=asked)
        check_models_kept(student, toy, lambda m, rule=rule: student.inspect("active_units", m, x, rule), asked)
