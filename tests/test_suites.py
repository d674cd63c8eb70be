"""The hidden suites: right solutions pass, every known mistake costs what it says and gets its hint, idle answers earn nothing, and
nothing leaks. All assignments alike; what is particular to one stands in test_particular_marks.py.
"""

import functools
import inspect
import os
import sys
import zlib

import pytest
import torch

from autograder import catalogue
from autograder.judging import known
from autograder.judging.rubric import run_suite
from autograder.kernel.remote import in_process
from autograder.reporting.points import Kind, earned
from autograder.reporting.report import Outcome, Status
from tests import suites
from tests.stored import stored
from tests.suites import BAD, GOOD, answering, evaluation, spoiled

pytestmark = pytest.mark.suite
# of `make suites`: one assignment, and one exercise of it
ASSIGNMENT, EXERCISE = os.environ.get("SUITES_ASSIGNMENT"), os.environ.get("SUITES_EXERCISE")
# how much is asked: "sample": every third mistake, "all": all of them, "everything": also the hidden tests that do not reach what a
# mistake changes, which "sample" asks of a few
HOW = os.environ.get("SUITES") or "all"
SECRETS, OF_VARIANTS = {"sample": (3, 1), "all": (5, 1 if EXERCISE else 2), "everything": (20, 5)}[HOW]
SUITES = {name: suites.Suite(name) for name in ([ASSIGNMENT] if ASSIGNMENT else catalogue.every())}


def one_of(number, name):
    """Return whether a mistake is one of every so many, always the same ones."""
    return zlib.crc32(name.encode()) % number == 0


def each_of(what, exercises=lambda suite, one: suite.cells.values()):
    """Parametrise a test by assignment, and by something of each: a list that `what` returns of its suite.

    `exercises` returns those that one of them belongs to.
    """
    cases = [(name, one) for name, suite in SUITES.items() for one in what(suite)]
    cases = [(name, one) for name, one in cases if not EXERCISE or EXERCISE in exercises(SUITES[name], one)]
    return pytest.mark.parametrize(("suite", "name"), cases, indirect=["suite"], ids=str)


@pytest.fixture
def suite(request):
    """The suite of an assignment, by its name."""
    return SUITES[request.param]


each_mistake = each_of(
    lambda suite: [one for one in suite.telling if HOW != "sample" or one_of(3, one)],
    lambda suite, one: [suite.mistakes[one].exercise],
)
each_asked = each_of(lambda suite: suite.asked, lambda suite, one: [suite.functions[one]])
every_suite = pytest.mark.parametrize("suite", SUITES, indirect=True)


def tensors(change):
    """Return the change of a tensor or a number, or of all items of a tuple or a dict; other answers stay as they are. What was a
    number stays one where the change gives one."""

    def changed(value):
        if isinstance(value, tuple):
            return tuple(map(changed, value))
        if isinstance(value, dict):
            return {name: changed(one) for name, one in value.items()}
        if isinstance(value, (int, float)):
            got = change(torch.tensor(float(value)))
            return got.item() if got.dtype == torch.float32 and got.dim() == 0 else got
        return change(value) if isinstance(value, torch.Tensor) else value

    return changed


ANSWERS = {
    "None": (lambda value: None, "None"),
    "list": (lambda value: [1.0, 2.0, 3.0], "list"),
    "numpy": (lambda value: torch.zeros(5, 3).numpy(), "numpy.ndarray"),
    "text": (lambda value: "0.5", "str"),
    "half precision": (tensors(lambda tensor: tensor.half()), "float16"),
    "one axis more": (tensors(lambda tensor: tensor.expand(2, *tensor.shape)), "shape"),
    "NaN": (tensors(lambda tensor: tensor * float("nan")), "NaN"),
    "infinite": (tensors(lambda tensor: tensor.detach() + float("inf")), "infinite"),
    "zero": (tensors(lambda tensor: tensor * 0), "expected"),
    "integers": (tensors(lambda tensor: tensor.long()), "int64"),
    "complex": (tensors(lambda tensor: tensor + 0j), "complex"),
    "sparse": (tensors(lambda tensor: tensor.detach().reshape(-1).to_sparse()), "sparse"),
    "exception": (lambda value: 1 / 0, "ZeroDivisionError"),
    "exit": (lambda value: sys.exit("good bye"), "SystemExit"),
}
# what a mistake of a kind costs, as the share of the points of what it is made in
BOUNDS = {Kind.VALUE: (1 / 2, 1), Kind.GRADIENT: (1 / 4, 1), Kind.CARE: (0, 1 / 5), Kind.REFUSAL: (0, 1 / 10)}
# asked for what it does to a model, which a wrapped one does rightly, beside what it returns
BY_EFFECT = {"train_step"}
# answers a module, in which there is no tensor to change: only another kind of answer is a bad one
ANSWERS_MODULE = {"refit_encoder"}
OTHER_KINDS = {"None", "list", "numpy", "text", "exception", "exit"}


def outcomes(suite, namespace, secret="secret", fails=None):
    """Run the suite, or what can hear of the exercises that a mistake `fails`."""
    asked = {"tests": suite.who_hears(fails)} if fails else {"cells": {EXERCISE}} if EXERCISE else {}
    return suite.outcomes(namespace, secret, lambda name: evaluation(GOOD), **asked)


def of_right(suite, name, secret, files):
    """Return the outcomes of the reference (no name) or of a right variant; as they were, where nothing changed since."""

    def compute():
        namespace = suite.variant(name) if name else suite.solution()
        return [o.model_dump(mode="json") for o in outcomes(suite, namespace, secret=str(secret))]

    return [Outcome.model_validate(one) for one in stored(suite.assignment, [name, secret, EXERCISE], files, compute)]


def of_mistake(suite, mistake):
    """Return the outcomes of a mistake, and which expected values its messages show; as they were, where nothing changed since."""
    whole = HOW == "everything" or (HOW == "sample" and one_of(33, mistake.name))
    fails = None if whole else mistake.fails

    def compute():
        with suites.expected_values() as wanted:
            found = outcomes(suite, mistake.submission(), fails=fails)
        said = "".join(o.message + o.hint for o in found if o.status is not Status.PASSED)
        return [[o.model_dump(mode="json") for o in found], suites.leaks(wanted, said)]

    files = [known.path_of(suite.assignment, exercise) for exercise in sorted({mistake.exercise, *mistake.fails})]
    files = [path for path in files if path.exists()]  # of what is no function there are no mistakes
    found, leaked = stored(suite.assignment, [mistake.name, whole, EXERCISE], files, compute)
    return [Outcome.model_validate(one) for one in found], leaked


def share(found, cell):
    """Return the share of a cell's points that is earned."""
    return earned([o for o in found if o.cell == cell])


def lost_by(mistake, found):
    """Return the share that a mistake loses of its exercise, or of its function's part where the exercise has two."""
    cells = {mistake.exercise} & mistake.fails or mistake.fails  # what is seen in another cell alone costs there
    own = [o for o in found if o.cell in cells]
    part = mistake.target.rpartition(".")[2]
    return 1 - earned([o for o in own if o.part == part] or own)


def nonsense(suite, answer):
    """Return a submission all of whose functions answer the same nonsense."""
    return functools.reduce(lambda names, name: spoiled(names, name, ANSWERS[answer][0]), suite.asked, suite.solution())


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small tensors are slower on many threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.skipif(bool(EXERCISE), reason="one exercise is asked, and how all are asked belongs to none")
@every_suite
def test_short_way_says_what_graders_hear(suite):
    """Asking the hidden tests directly gives the outcomes that the run of the suite gives, for right, wrong, broken and missing answers."""
    spoilt = spoiled(suite.solution(next(iter(suite.mistakes))), suite.asked[-1], ANSWERS["exception"][0])
    for namespace in (spoilt, suite.untouched()):
        long = run_suite(
            suite.assignment, in_process(namespace), secret="s", student_id="student", cells=set(suite.cells.values())
        )
        short = suite.outcomes(namespace, "s")
        kept = [{o.test: o.model_copy(update={"seconds": 0}) for o in found} for found in (long, short)]
        assert kept[0] == kept[1]


@each_of(lambda suite: range(SECRETS))
def test_reference_earns_everything(suite, name):
    """The reference solution passes every hidden test, whatever the secret draws."""
    found = of_right(suite, "", name, [])
    assert not [(o.test, o.message, o.detail) for o in found if o.status is not Status.PASSED]


@pytest.mark.parametrize("secret", range(OF_VARIANTS))
@each_of(lambda suite: suite.right)
def test_right_variants_earn_everything(suite, name, secret):
    """Solutions written differently pass every hidden test whatever the secret draws, but for the cells they say they lose."""
    found = of_right(suite, name, secret, [suite.path_of_variant(name)])
    lost = [o for o in found if o.status is not Status.PASSED]
    expected = suite.variant(name)["LOSES"] & {o.cell for o in found}
    assert {o.cell for o in lost} == expected, [(o.test, o.message, o.detail) for o in lost]


@every_suite
def test_untouched_release_earns_nothing(suite):
    """A notebook in which nothing was written fails every hidden test of every cell, and is told so."""
    found = suite.outcomes(suite.untouched(), cells=[EXERCISE] if EXERCISE else None)
    assert {o.cell for o in found} == ({EXERCISE} if EXERCISE else set(suite.cells.values()))
    assert not [o for o in found if o.status is not Status.FAILED or o.credit]
    last = suite.functions[suite.last[-1]]
    assert all("is not written yet" in o.message for o in found if o.cell == last)


@each_mistake
def test_mistake_costs_what_it_says(suite, name, record_property):
    """A mistake fails exactly the exercises it names, is told its sentence, keeps the share it names, stops nothing else, and is shown
    nothing that a hidden test expects."""
    mistake = suite.mistakes[name]
    found, leaked = of_mistake(suite, mistake)
    failed = [o for o in found if o.status is not Status.PASSED]
    suite.note(name, [o.test for o in failed], record_property)
    assert all(o.status is Status.FAILED for o in failed), [(o.test, o.detail) for o in failed]
    assert {o.cell for o in failed} == mistake.fails, [(o.test, o.message) for o in failed]
    hints, messages = ("\n".join(texts) for texts in ([o.hint for o in failed], [o.message for o in failed]))
    assert mistake.say in hints, hints
    assert mistake.message in messages, messages
    assert leaked == []
    for cell, (low, high) in mistake.keeps.items():
        assert low <= share(found, cell) <= high
    low, high = BOUNDS[mistake.kind]
    assert low <= lost_by(mistake, found) <= high


@each_of(lambda suite: suite.asking, lambda suite, one: [suite.cells[one]])
def test_every_hidden_test_is_failed_by_a_mistake(suite, name):
    """No hidden test is idle: some mistake that names its cell fails it."""
    cell = suite.cells[name]
    candidates = (mistake for mistake in suite.mistakes.values() if cell in mistake.fails)
    assert any(suite.ask(name, mistake.submission()) for mistake in candidates)


@each_of(lambda suite: sorted(suite.runs - set(suite.mistakes)), lambda suite, one: ())
def test_bad_models_fail_their_tests_alone(suite, name, record_property):
    """A model that misses one gate fails one hidden test of trained models, and nothing else."""
    model, how = name.split(", ")
    bad = {model: evaluation(type(GOOD)(**(vars(GOOD) | BAD[how])))}
    trained = set(suite.tests) - set(suite.asking)
    found = suite.outcomes(suite.solution(), evaluate=lambda name: bad.get(name, evaluation(GOOD)), tests=trained)
    failed = [o for o in found if o.status is not Status.PASSED]
    suite.note(name, [o.test for o in failed], record_property)
    assert len(failed) <= 1


@pytest.mark.skipif(bool(EXERCISE), reason="one exercise is asked, and trained models belong to none")
@every_suite
def test_every_test_of_trained_models_is_failed_by_a_bad_one(suite):
    """No hidden test of trained models is idle."""
    failed, trained = set(), set(suite.tests) - set(suite.asking)
    for how in BAD.values():
        bad = evaluation(type(GOOD)(**(vars(GOOD) | how)))
        found = suite.outcomes(suite.solution(), evaluate=lambda name, bad=bad: bad, tests=trained)
        failed |= {o.test for o in found if o.status is not Status.PASSED}
    assert failed == trained


@pytest.mark.parametrize("answer", ANSWERS)
@each_asked
def test_bad_answers_fail_the_cell_in_words(suite, name, answer):
    """Whatever a function answers, its own hidden tests fail as the student's doing, and one of them names what came."""
    if name in ANSWERS_MODULE and answer not in OTHER_KINDS:
        pytest.skip("it answers no tensor")
    change, word = ANSWERS[answer]
    own = [test for test in suite.asking if suite.cells[test] == suite.functions[name]]
    errors = (suite.ask(test, spoiled(suite.solution(), name, change)) for test in own)
    assert any(word in f"{error}{getattr(error, 'hint', '')}" for error in errors if error)


@each_of(lambda suite: ANSWERS)
def test_nonsense_everywhere_earns_little_and_is_never_our_error(suite, name):
    """A submission all of whose functions answer nonsense is graded, not broken, and where they build on each other's nonsense they
    earn no more than parameters of the right shape, or the refusal of an option."""
    found = outcomes(suite, nonsense(suite, name))
    assert not [(o.test, o.detail) for o in found if o.status in (Status.ERROR, Status.SKIPPED)]
    if name not in ("None", "NaN", "zero", "exception"):
        return  # half precision, for example, is right for the most part
    left_right = BY_EFFECT if name in OTHER_KINDS else BY_EFFECT | ANSWERS_MODULE
    asked = {o.cell for o in found} & {suite.functions[one] for one in suite.asked if one not in left_right}
    shares = {cell: share(found, cell) for cell in asked}
    assert {cell: earned for cell, earned in shares.items() if earned > 0.2} == {}


@each_of(lambda suite: suite.last, lambda suite, one: [suite.functions[one]])
def test_bad_answer_of_a_last_function_costs_its_cell_only(suite, name):
    """What a function does that nothing builds on touches no other cell."""
    found = outcomes(suite, spoiled(suite.solution(), name, ANSWERS["exception"][0]), fails=[suite.functions[name]])
    assert {o.cell for o in found if o.status is not Status.PASSED} == {suite.functions[name]}


def zeros(args, right):
    """Return zeros like the right answer."""
    if isinstance(right, tuple):
        return tuple(zeros(args, part) for part in right)
    if isinstance(right, dict):
        return {name: zeros(args, part) for name, part in right.items()}
    return torch.zeros_like(right) if isinstance(right, torch.Tensor) else type(right)(0)


def an_input(args, right):
    """Return the first tensor that was given, for a pair twice."""
    given = next((arg for arg in args if isinstance(arg, torch.Tensor)), None)
    return (given, given) if isinstance(right, tuple) else given


@pytest.mark.parametrize("answer", [zeros, an_input])
@each_of(
    lambda suite: [name for name in suite.asked if name not in BY_EFFECT], lambda suite, one: [suite.functions[one]]
)
def test_idle_answers_earn_nothing(suite, name, answer):
    """Zeros of the right shape, or an input, are no answers: no test that reaches the function gives a point, for tidiness neither."""
    namespace, cell = answering(suite.solution(), (name,), answer), suite.functions[name]
    reaching = {test for test, seen in suite.reached.items() if name in seen and suite.cells[test] == cell}
    assert sorted(o.test for o in suite.outcomes(namespace, tests=reaching) if o.credit) == []


@each_of(lambda suite: suite.tests, lambda suite, one: [suite.cells[one]])
def test_sentences_can_be_shown(suite, name):
    """Every hidden test says in one sentence what it asks."""
    said = inspect.getdoc(suite.tests[name])
    assert said.endswith(".")
    assert "\n\n" not in said
