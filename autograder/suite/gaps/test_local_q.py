"""Hidden tests of local_q."""

import torch

from autograder.judging import expect, oracles, statistics
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.kernel.wire import Seed
from autograder.reporting.points import Kind
from autograder.suite.asking import SHAPE, placed
from autograder.suite.gaps.shared import IMAGE, ask, both_float, by_jacobian, item, items, linear_at
from autograder.suite.gaps.truth import LinearGaussian, mean_of_quadratics_is
from autograder.suite.question import Question

STEPS, CLOSE = 2000, 0.1  # what the contract promises of linear models
BRIEF = 20  # steps where known mistakes are asked
FRESH = 100  # samples behind a bound, at least


@worth("local_q", 3)
def test_local_q_reaches_the_best_gaussian(student, draw):
    """On a linear model whose images have different posteriors, 2000 steps bring the q of each image within 0.1 nats of its best
    factorised Gaussian, known in closed form, and the bound is that of this q."""
    toy, seed = LinearGaussian.drawn(draw, 3, 4), draw.seed()
    question = local(student, toy, toy.images, "gaussian", STEPS, 8, seed)
    bound, mu, log_var = gaussian(question, question.answer())
    short = toy.elbo(*toy.best) - toy.elbo(mu, log_var)
    brief = local(student, toy, toy.images, "gaussian", BRIEF, 8, seed)  # known mistakes are asked, too
    if not bool((short < CLOSE).all()):
        expected, came = (
            "a q* whose bound is within 0.1 nats of the best",
            f"{int((~(short < CLOSE)).sum())} of 4 that are not",
        )
        advice = "Which numbers are optimised, for which image, and of which bound?"
        raise question.wrong(expected, came, hint=hint_of_both(brief), advice=advice)
    is_bound_of(question, toy, bound, mu, log_var, brief)


@worth("local_q", 2)
def test_local_q_starts_at_the_encoder(student, draw):
    """With steps = 0 q* is the encoder's, mu and log_var as they are, and the bound is the amortised one, with N(0, I) and with a
    prior of the model's own (Laurent-Massart bound at 1e-9)."""
    for prior in (False, True):
        toy = LinearGaussian.drawn(draw, 2, 4, prior=prior)
        x, rows = toy.images.repeat(10, 1, 1, 1), toy.repeated(10)
        question = local(student, toy, x, "gaussian", 0, 3, draw.seed())
        bound, mu, log_var = gaussian(question, question.answer())
        for place, got, want in ((0, mu, rows.mu), (1, log_var, rows.log_var)):
            question.taking(item(1, place)).equals(want, got=got, todo="Start at what the encoder says.")
        is_bound_of(question, rows, bound, mu, log_var)


@worth("local_q", 2)
def test_local_q_is_judged_with_fresh_samples(student, draw):
    """The bound is that of the final q*, in closed form or with 100 new samples an image at least: with one sample a step it is
    neither too high, as on the noise that was fitted, nor scattered (Laurent-Massart bound at 1e-9)."""
    toy = LinearGaussian.drawn(draw, 2, 4, prior=True)
    question = local(student, toy, toy.images.repeat(50, 1, 1, 1), "gaussian", 40, 1, draw.seed())
    is_bound_of(question, toy.repeated(50), *gaussian(question, question.answer()))


@worth("local_q", 2)
def test_local_q_flow_starts_at_the_encoder(student, draw):
    """With steps = 0 the flow, too, gives the encoder's own q: codes mu + sigma eps and their log-density, for eps of shape (B, D)
    and (K, B, D), and the amortised bound."""
    toy = LinearGaussian.drawn(draw, 2, 3, prior=True)
    x, rows = toy.images.repeat(10, 1, 1, 1), toy.repeated(10)
    question = local(student, toy, x, "flow", 0, 2, draw.seed())
    bound, q = flow(question, student)
    for shape in ((30, 2), (5, 30, 2)):
        eps = draw.normal(*shape)
        z = oracles.reparameterize(rows.mu, rows.log_var, eps)
        todo = "Layers with u = 0.5413 w / w·w are the identity: start there."
        for place, want in ((0, z), (1, oracles.gaussian_log_prob(z, rows.mu, rows.log_var))):
            got = codes(question, q, eps)[place]
            at_codes(question, eps, place).equals(want, got=got, todo=todo)
    question = local(student, toy, x, "flow", 0, 2, draw.seed())
    is_bound_of(question, rows, bound, rows.mu, rows.log_var)


@worth("local_q", 2)
def test_local_q_flow_knows_its_density(student, draw):
    """After some steps log q* is the density of the flow's codes: that of the noise less log|det| of the whole map, by its Jacobian
    matrix."""
    toy = LinearGaussian.drawn(draw, 2, 3, prior=True, sharp=2.0)
    question = local(student, toy, toy.images, "flow", 40, 4, draw.seed())
    _, q = flow(question, student)
    eps = draw.normal(3, 2)
    _, log_q = codes(question, q, eps)
    want = by_jacobian(student, (q, ""), (eps,), 0)
    todo = "What a layer spreads thins out: which sign has its log|det|?"
    at_codes(question, eps, 1).equals(want, got=log_q, todo=todo)


@worth("local_q", 2)
def test_local_q_flow_ends_no_lower(student, draw):
    """After 150 steps the bound of the flow is no lower than that of the encoder it started from, within its noise, and it is the
    bound of q*: the mean of log p(x, z) - log q* over samples (normal approximation at 1e-9)."""
    toy, seed = LinearGaussian.drawn(draw, 2, 4, prior=True), draw.seed()
    question = local(student, toy, toy.images, "flow", 150, 8, seed)
    bound, q = flow(question, student)
    eps = draw.normal(4000, 4, 2)
    z, log_q = codes(question, q, eps)
    log_w = toy.log_joint(z) - log_q  # (4000, B)
    slack = statistics.normal_quantile(statistics.ALPHA / 8) * log_w.std(0)

    def hint() -> str:
        brief = local(student, toy, toy.images, "flow", BRIEF, 8, seed)
        seen = at_codes(brief, eps[0], 0)
        return seen.hint(seen.answer())

    if not bool((log_w.mean(0) >= toy.elbo(toy.mu, toy.log_var) - slack / 4000**0.5 - 0.01).all()):
        expected, advice = (
            "a bound that is no lower than the encoder's",
            "Is the bound maximised, from the encoder's q on?",
        )
        raise question.wrong(expected, "a lower one", hint=hint(), advice=advice)
    if not bool(((bound - log_w.mean(0)).abs() <= slack * (1 / 4000 + 1 / FRESH) ** 0.5 + 0.01).all()):
        expected, advice = (
            "the bound of the q* that is returned",
            "log p(x|z) + log p(z) - log q*, each at the flow's codes.",
        )
        raise question.wrong(expected, "another one", hint=hint(), advice=advice)


@worth("local_q", kind=Kind.CARE)
def test_local_q_follows_its_generator(student, draw):
    """A generator makes q* reproducible, another seed gives another one, and torch's global generator is left alone."""
    for family in ("gaussian", "flow"):
        toy, x, seed, eps = AffineModel.drawn(draw, 2), draw.binary(5, *SHAPE), draw.seed(), draw.normal(5, 2)
        question = local(student, toy, x, family, 3, 2, seed)

        def means(question: Question, eps=eps, family=family) -> torch.Tensor:
            if family == "flow":
                return codes(question, flow(question, question.student)[1], eps)[0]
            return gaussian(question, question.answer())[1]

        question.follows_its_generator(seed, means)


@worth("local_q", 2, Kind.CARE)
def test_local_q_leaves_the_model_alone(student, draw):
    """The model is bit-identical afterwards: parameters, buffers, gradients, requires_grad and modes. It prints nothing, and
    answers in the dtype of x."""
    for family, dtype in (("gaussian", torch.float64), ("flow", torch.float64), ("gaussian", torch.float32)):
        toy = LinearGaussian.drawn(draw, 2, 3, prior=True)
        toy = toy if dtype == torch.float64 else both_float(toy)
        question = local(student, toy, toy.images, family, 5, 2, draw.seed())
        model = question.placed("model")
        before = model.state()
        if family == "flow":
            flow(question, student)
        else:
            seen = question.inspected()
            gaussian(question, seen.value, dtype)
            question.leaves_alone(seen)
        question.keeps_state(before, model.state())
    local(
        student, AffineModel.drawn(draw, 2, prior=True), draw.binary(4, *SHAPE), "gaussian", 3, 2, draw.seed()
    ).keeps_models()


@worth("local_q", kind=Kind.REFUSAL)
def test_local_q_refuses_other_options(student, draw):
    """Another family, steps below 0 and num_samples below 1 raise ValueError."""
    toy = LinearGaussian.drawn(draw, 2, 3)
    fine = local(student, toy, toy.images, "gaussian", 1, 1, draw.seed())
    gaussian(fine, fine.answer())
    for family, steps, num_samples in (("normal", 1, 1), ("gaussian", -1, 1), ("gaussian", 1, 0)):
        todo = "A value that is not allowed must not go unnoticed: raise ValueError(...)."
        local(student, toy, toy.images, family, steps, num_samples).refuses("ValueError", todo)


def local(
    student: Student,
    toy: LinearGaussian | AffineModel,
    x: torch.Tensor,
    family: str,
    steps: int,
    num_samples: int,
    seed: int | None = None,
) -> Question:
    """Return the question about a toy, with a generator where a seed is given."""
    place = placed if isinstance(toy, AffineModel) else linear_at
    arguments = {"model": lambda student: place(student, toy), "x": x, "family": family, "steps": steps}
    question = ask(student, "optimize_local_q", **arguments, num_samples=num_samples).of_exercise("local_q")
    question.toy = toy
    return question if seed is None else question.given(generator=Seed(seed))


def gaussian(
    question: Question, got: object, dtype: torch.dtype = torch.float64
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the bound, mu and log_var of an answer for "gaussian", checked for kind."""
    bound, q = items(question, got, "two items, the bound and q*", 2)
    mu, log_var = items(question, q, "q* as two tensors, (mu, log_var)", 2)
    x, latent_dim = question.arguments["x"], question.toy.latent_dim
    bound = question.is_like((len(x),), dtype, got=bound, todo=IMAGE)
    question.is_varied(bound)
    mu, log_var = (question.is_like((len(x), latent_dim), dtype, got=one, todo=IMAGE) for one in (mu, log_var))
    return bound, mu, log_var


def hint_of_both(question: Question) -> str:
    """Return the known mistake that mu and log_var together look like."""

    def joined(got: object) -> torch.Tensor | None:
        both = [item(1, place)(got) for place in (0, 1)]
        return torch.cat(both) if all(isinstance(one, torch.Tensor) for one in both) else None

    return question.taking(joined).hint(question.answer())


def flow(question: Question, student: Student) -> tuple[torch.Tensor, Handle]:
    """Return the bound, checked for kind, and q*, which stays with the submission, of an answer for "flow"."""
    pair = question.kept(student)
    bound = question.is_like((len(question.arguments["x"]),), got=student.call((pair, "__getitem__"), 0), todo=IMAGE)
    question.is_varied(bound)
    return bound, student.new((pair, "__getitem__"), 1)


def codes(question: Question, q: Handle, eps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return z and log q of a flow's noise, checked for kind."""
    z, log_q = items(question, q(eps), "q*(eps) as two tensors, (z, log q)", 2)
    z = question.is_like(eps.shape, eps.dtype, got=z, todo="A code for every noise.")
    return z, question.is_like(eps.shape[:-1], eps.dtype, got=log_q, todo="One log-density for every code.")


def at_codes(question: Question, eps: torch.Tensor, place: int) -> Question:
    """Return the question for z (0) or log q (1) of the flow that is answered."""
    words = f"{expect.call('optimize_local_q', **question.arguments)}, then {('z', 'log q')[place]} of q*(eps)"
    return question.seeing(words, lambda student: codes(question, flow(question, student)[1], eps)[place])


def is_bound_of(
    question: Question,
    rows: LinearGaussian,
    bound: torch.Tensor,
    mu: torch.Tensor,
    log_var: torch.Tensor,
    brief: Question | None = None,
) -> None:
    """Demand the bound of N(mu, diag exp log_var) for each image, as exact as FRESH samples make it.

    Args:
        brief: a question with fewer steps, by which a known mistake is recognised.
    """
    finding = mean_of_quadratics_is(
        bound, rows.elbo(mu, log_var), rows.spread(mu, log_var), FRESH, statistics.ALPHA / 3
    )
    if not finding:
        asking = (brief or question).taking(item(0))
        expected, advice = "the bound of q*, from 100 samples at least", "Which terms does it have, and which noise?"
        raise question.wrong(expected, "other numbers", hint=asking.hint(asking.answer()), advice=advice)
