"""The rubric: how hidden tests become outcomes, and what costs no student a point."""

import itertools
import os
import textwrap

import pytest

from autograder.judging import rubric
from autograder.kernel.failures import StudentError
from autograder.kernel.remote import in_process
from autograder.reporting import report
from autograder.reporting.report import Status

HEAD = """
from autograder.kernel.failures import StudentError
from autograder.judging.rubric import Partial, worth
"""
NUMBERS = itertools.count()


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a suite of this source and returns its outcomes by test."""
    monkeypatch.setattr(rubric, "SUITE", tmp_path)

    def run(source, student_id="ada", secret="s", names=None, **options):
        # a name of its own each time: Python remembers modules
        name = options.pop("name", None) or f"suite{next(NUMBERS)}"
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "test_all.py").write_text(HEAD + textwrap.dedent(source))
        student = in_process(names or {})
        outcomes = rubric.run_suite(name, student, secret=secret, student_id=student_id, **options)
        return {outcome.test: outcome for outcome in outcomes}

    return run


def test_outcomes_say_who_is_to_blame(run):
    """An assertion and a StudentError are the student's, any other exception is ours, a skip is neither."""
    found = run(
        """
        import pytest

        @worth("elbo", 2)
        def test_passes(student, draw):
            '''The bound is
            a number.'''
            assert student.f() == 3

        @worth("elbo")
        def test_fails(student, draw):
            '''It is four.'''
            raise AssertionError("expected 4, got 3")

        @worth("elbo")
        def test_partly(student, draw):
            raise Partial(0.4, "nearly")

        @worth("elbo")
        def test_missing(student, draw):
            student.g()

        @worth("elbo")
        def test_breaks(student, draw):
            {}["secret"]

        @worth("elbo")
        def test_skips(student, draw):
            pytest.skip("no elbo yet")
        """,
        names={"f": lambda: 3},
    )
    assert [(test, outcome.status.value, outcome.credit) for test, outcome in found.items()] == [
        ("test_passes", "passed", 1),
        ("test_fails", "failed", 0),
        ("test_partly", "failed", 0.4),
        ("test_missing", "failed", 0),
        ("test_breaks", "error", 0),
        ("test_skips", "skipped", 0),
    ]
    assert {outcome.cell for outcome in found.values()} == {"elbo"}
    assert (found["test_passes"].weight, found["test_fails"].weight) == (2, 1)
    assert (found["test_passes"].sentence, found["test_partly"].sentence) == ("The bound is a number.", "test_partly")
    assert (found["test_fails"].message, found["test_partly"].message) == ("expected 4, got 3", "nearly")
    assert "g is not defined" in found["test_missing"].message


def test_traceback_is_for_the_instructor_only(run):
    """An error of ours leaves its traceback in `detail` and nothing in what the student sees."""
    outcome = run("@worth('elbo')\ndef test_breaks(student, draw):\n    {}['hidden value']\n")["test_breaks"]
    assert "hidden value" in outcome.detail
    assert (outcome.message, outcome.hint) == ("", "")
    assert report.share(4, [outcome]).score is None


def test_hint_of_an_error_is_kept(run):
    """An assertion that recognised a mistake hands on its hint."""
    outcome = run(
        """
        class Wrong(AssertionError):
            hint = "sum over the dimensions"

        @worth("elbo")
        def test_hinted(student, draw):
            raise Wrong("expected (4,)")
        """
    )["test_hinted"]
    assert (outcome.message, outcome.hint) == ("expected (4,)", "sum over the dimensions")


@pytest.mark.parametrize(("credit", "kept"), [(-1, 0), (0.25, 0.25), (7, 1), (float("nan"), 0)])
def test_partial_credit_is_a_share(credit, kept):
    """Partial credit lies between 0 and 1, whatever was computed."""
    assert rubric.Partial(credit, "text").credit == kept


@pytest.mark.parametrize("weight", [0, -1, float("nan")])
def test_worth_needs_a_positive_weight(weight):
    """A weight that is not positive is refused where it is written."""
    with pytest.raises(ValueError, match="worth.'elbo', weight=.*a weight is positive"):
        rubric.worth("elbo", weight)


def test_test_without_worth_is_our_error(run):
    """A hidden test that belongs to no exercise is reported and costs nothing."""
    outcome = run("def test_lost(student, draw):\n    pass\n")["test_lost"]
    assert (outcome.status, outcome.detail) == (Status.ERROR, "the test has no worth(cell, weight)")


def test_text_of_a_submission_cannot_break_the_outcome(run):
    """A lone surrogate in a message, which no file can hold, is replaced."""
    outcome = run("@worth('elbo')\ndef test_fails(student, draw):\n    raise StudentError('a\\ud800b')\n")["test_fails"]
    assert (outcome.status, outcome.message) == (Status.FAILED, "a?b")


def test_trained_is_evaluated_for_the_tests_that_ask(run):
    """The fixture `trained` hands on what `evaluate` returns; without it, or where it raises, tests fail."""
    source = "@worth('trained_vae')\ndef test_trained(trained):\n    assert trained('vae') == 'measured vae'\n"

    def refuse(name):
        raise StudentError("no model")

    assert run(source, evaluate=lambda name: f"measured {name}")["test_trained"].status is Status.PASSED
    for evaluate, message in ((None, "There is no trained model"), (refuse, "no model")):
        outcome = run(source, evaluate=evaluate)["test_trained"]
        assert (outcome.status, outcome.cell) == (Status.FAILED, "trained_vae")
        assert message in outcome.message


def test_broken_evaluation_is_our_error(run):
    """Where the grader itself cannot evaluate, the test is not graded."""
    source = "@worth('trained_vae')\ndef test_trained(trained):\n    trained('vae')\n"
    assert run(source, evaluate=lambda name: 1 / 0)["test_trained"].status is Status.ERROR


def test_progress_is_told_in_order(run):
    """Each outcome is told as it comes."""
    seen = []
    source = "\n".join(f"@worth('elbo')\ndef test_{name}(student, draw):\n    pass\n" for name in ("b", "a", "c"))
    assert (
        list(run(source, progress=lambda outcome: seen.append(outcome.test))) == seen == ["test_b", "test_a", "test_c"]
    )


DRAWS = """
import pytest

@worth("elbo")
def test_one(student, draw):
    raise Partial(float(draw.uniform()), str(draw.normal(2).tolist()) + str(draw.seed()))

@worth("elbo")
@pytest.mark.parametrize("k", [1, 2])
def test_two(student, draw, k):
    raise Partial(float(draw.uniform()), str(draw.normal(2).tolist()) + str(draw.seed()))
"""


def test_draws_are_fresh_for_each_student_and_test(run):
    """Inputs differ by test, parameter, student and secret, and are the same at a regrade."""

    def draws(**options):
        return [outcome.message for outcome in run(DRAWS, name="drawn", **options).values()]

    first = draws()
    assert first == draws()
    everything = first + draws(student_id="bob") + draws(secret="t")
    assert len(set(everything)) == len(everything) == 9


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import no_such_module", "no_such_module"),
        ("def test_(:", "SyntaxError"),
        ("x = 1", "NO_TESTS_COLLECTED"),
        ("@worth('elbo', -1)\ndef test_a(student):\n    pass", "a weight is positive"),
    ],
    ids=["import", "syntax", "empty", "weight"],
)
def test_suite_that_cannot_run_is_a_suite_error(run, source, problem):
    """A broken hidden suite is an error of ours with its reason, and no outcome of anybody."""
    with pytest.raises(rubric.SuiteError, match=problem):
        run(source)


def test_interrupt_is_for_who_waits(run):
    """Ctrl-C in a hidden test ends the run, and is neither an outcome nor an error of the suite."""
    with pytest.raises(KeyboardInterrupt):
        run("@worth('elbo')\ndef test_a(student):\n    raise KeyboardInterrupt")


def test_broken_teardown_is_a_suite_error(run):
    """A fixture of the suite that breaks afterwards is no student's fault."""
    source = """
    import pytest

    @pytest.fixture
    def broken():
        yield
        raise RuntimeError("late")

    @worth("elbo")
    def test_a(broken):
        pass
    """
    with pytest.raises(rubric.SuiteError, match="late"):
        run(source)


def test_broken_fixture_is_our_error(run):
    """A fixture of the suite that breaks beforehand leaves the test not graded."""
    found = run("@worth('elbo')\ndef test_a(no_such_fixture):\n    pass\n")
    assert found["test_a"].status is Status.ERROR


def test_missing_suite_is_a_suite_error(run):
    """An assignment without a hidden suite is named."""
    with pytest.raises(rubric.SuiteError, match="no hidden suite for 'gan'"):
        rubric.run_suite("gan", in_process({}), secret="", student_id="")


def test_pytests_environment_has_no_say(run, monkeypatch):
    """Options in PYTEST_ADDOPTS change nothing, and stand there again afterwards."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only --no-such-option")
    assert run("@worth('elbo')\ndef test_a(student):\n    pass\n")["test_a"].status is Status.PASSED
    assert os.environ["PYTEST_ADDOPTS"] == "--collect-only --no-such-option"


def test_files_beside_the_suite_have_no_say(run, tmp_path, monkeypatch):
    """A conftest.py or pytest.ini in the working folder or beside the suite is not read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conftest.py").write_text("raise RuntimeError('read')")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    assert run("@worth('elbo')\ndef test_a(student):\n    pass\n")["test_a"].status is Status.PASSED
