"""The hidden suite of `vae`: right solutions pass, every known mistake costs what it says and gets its hint, and
nothing leaks."""

import inspect
import sys

import numpy as np
import pytest
import torch

from autograder.judging.draw import Draw
from autograder.judging.rubric import run_suite
from autograder.kernel.remote import in_process
from autograder.kernel.wire import Seed
from autograder.reporting.report import Status
from autograder.trained.likelihood import Measurement
from tests import suites
from tests.suites import GOOD, evaluation, spoiled

SUITE = suites.Suite("vae")
MISTAKES, TESTS, CELLS, ASKING = SUITE.mistakes, SUITE.tests, SUITE.cells, SUITE.asking

UNTRAINED = {
    "low bound": (GOOD, {"bound": -99.0}, {"test_trained_vae_reaches_the_likelihood_of_the_reference"}),
    "low elbo": (GOOD, {"elbo": -104.0}, {"test_trained_vae_reaches_the_elbo_of_the_reference"}),
    "encoder unused": (GOOD, {"elbo_permuted": -96.0}, {"test_trained_vae_uses_its_encoder"}),
    "collapsed": (GOOD, {"active_units": 0}, {"test_trained_vae_uses_a_plausible_number_of_dimensions"}),
}

RUNS = {*MISTAKES, *UNTRAINED}
solution, ask = SUITE.solution, SUITE.ask


def outcomes(namespace, secret="secret", measurement=GOOD):
    """Run the whole suite."""
    return SUITE.outcomes(namespace, secret, lambda name: evaluation(measurement))


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small tensors are slower on many threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("secret", range(20))
def test_reference_earns_everything(secret):
    """The reference solution passes every hidden test, whatever is drawn."""
    lost = [
        (o.test, o.message, o.detail) for o in outcomes(solution(), secret=str(secret)) if o.status is not Status.PASSED
    ]
    assert not lost


@pytest.mark.parametrize("name", SUITE.right)
def test_right_variants_earn_everything(name):
    """Solutions written differently pass every hidden test, but for the cells they say they lose."""
    namespace = SUITE.variant(name)
    lost = [o for o in outcomes(namespace) if o.status is not Status.PASSED]
    assert {o.cell for o in lost} == namespace["LOSES"], [(o.test, o.message, o.detail) for o in lost]


def test_fully_connected_networks_earn_one_point_of_three():
    """Without convolutions the architecture earns a third."""
    found = [o for o in outcomes(SUITE.variant("fully_connected")) if o.cell == "architecture"]
    assert sum(o.credit * o.weight for o in found) / sum(o.weight for o in found) == pytest.approx(1 / 3)


def test_untouched_release_earns_nothing():
    """A notebook in which nothing was written fails every hidden test of every cell, and is told so."""
    namespace = SUITE.untouched()
    found = run_suite("vae", in_process(namespace), secret="secret", student_id="student")
    assert {o.cell for o in found} == set(CELLS.values())
    assert all(o.status is Status.FAILED and o.credit == 0 for o in found), [
        o for o in found if o.status is not Status.FAILED
    ]
    assert all("is not written yet" in o.message for o in found if o.cell == "elbo")


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_costs_what_it_says(mistake, record_property):
    """A mistake fails exactly the cells it names, with the hint it names, and stops nothing else."""
    namespace = solution(mistake)
    found = outcomes(namespace)
    failed = [o for o in found if o.status is not Status.PASSED]
    SUITE.note(mistake, [o.test for o in failed], record_property)
    assert all(o.status is Status.FAILED for o in failed), [(o.test, o.detail) for o in failed]
    assert {o.cell for o in failed} == set(namespace["FAILS"]), [(o.test, o.message) for o in failed]
    said = "\n".join(o.message + " " + o.hint for o in failed)
    assert namespace["HINT"] in said, said
    assert namespace["__doc__"] == inspect.cleandoc(namespace["__doc__"])


@pytest.mark.parametrize("name", ASKING)
def test_every_hidden_test_is_failed_by_a_mistake(name):
    """No hidden test is idle: some mistake that names its cell fails it."""
    assert any(CELLS[name] in solution(mistake)["FAILS"] and ask(name, solution(mistake)) for mistake in MISTAKES)


@pytest.mark.parametrize("case", UNTRAINED)
def test_every_gate_is_failed_by_a_bad_model(case, record_property):
    """Each hidden test of the trained model fails on a model that is bad in its way, and on that alone."""
    good, values, fails = UNTRAINED[case]
    measurement = Measurement(**(vars(good) | values))
    found = outcomes(solution(), measurement=measurement)
    failed = [o.test for o in found if o.status is not Status.PASSED]
    SUITE.note(case, failed, record_property)
    assert set(failed) == fails
    assert set().union(*(f for _, _, f in UNTRAINED.values())) == set(TESTS) - set(ASKING)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_messages_hold_no_hidden_value(mistake, monkeypatch):
    """No failure message or hint contains a value that was expected."""
    assert not suites.leaks(SUITE, mistake, monkeypatch)


ANSWERS = {
    "None": (lambda value: None, "None"),
    "list": (lambda value: [1.0, 2.0, 3.0], "list"),
    "numpy": (lambda value: np.zeros((5, 3)), "numpy.ndarray"),
    "text": (lambda value: "0.5", "str"),
    "half precision": (lambda value: value.half() if isinstance(value, torch.Tensor) else value, "float16"),
    "one axis more": (lambda value: value[None] if isinstance(value, torch.Tensor) else value, "shape"),
    "NaN": (lambda value: value * float("nan") if isinstance(value, torch.Tensor) else value, "NaN"),
    "infinite": (lambda value: value.detach() + float("inf") if isinstance(value, torch.Tensor) else value, "infinite"),
    "zero": (lambda value: value * 0 if isinstance(value, torch.Tensor) else value, "expected"),
    "integers": (lambda value: value.long() if isinstance(value, torch.Tensor) else value, "int64"),
    "complex": (lambda value: value + 0j if isinstance(value, torch.Tensor) else value, "complex"),
    "sparse": (lambda value: value.detach().to_sparse() if isinstance(value, torch.Tensor) else value, "sparse"),
    "exception": (lambda value: 1 / 0, "ZeroDivisionError"),
    "exit": (lambda value: sys.exit("good bye"), "SystemExit"),
}
FUNCTIONS = (
    "reparameterize",
    "gaussian_log_prob",
    "kl_standard_normal",
    "bernoulli_log_prob",
    "bernoulli_sample",
    "reconstruct",
)


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("name", [*FUNCTIONS, "VAE.elbo", "VAE.forward", "VAE.sample", "Decoder.forward"])
def test_bad_answers_fail_the_cell_in_words(name, answer):
    """Whatever a function answers, its own hidden tests fail as the student's doing, and one of them names what
    came."""
    change, word = ANSWERS[answer]
    cell = {"VAE.forward": "negative_elbo", "Decoder.forward": "decoder"}.get(name, name.rpartition(".")[2])
    errors = [ask(test, spoiled(solution(), name, change)) for test in ASKING if CELLS[test] == cell]
    said = "\n".join(str(error) + getattr(error, "hint", "") for error in errors if error)
    assert any(errors)
    assert word in said


@pytest.mark.parametrize("answer", ["None", "list", "numpy", "half precision", "NaN", "zero", "exception", "exit"])
def test_bad_answers_everywhere_are_never_our_error(answer):
    """A submission all of whose functions answer nonsense is graded, not broken."""
    namespace = solution()
    for name in (*FUNCTIONS, "VAE.elbo", "VAE.sample", "Encoder.forward", "Decoder.forward", "train_step"):
        spoiled(namespace, name, ANSWERS[answer][0])
    found = outcomes(namespace)
    assert not [(o.test, o.detail) for o in found if o.status in (Status.ERROR, Status.SKIPPED)]


@pytest.mark.parametrize("answer", ["None", "numpy", "exception", "exit"])
def test_bad_answer_of_a_last_function_costs_its_cell_only(answer):
    """What a function does that nothing builds on touches no other cell."""
    for name in ("reconstruct", "train_step"):
        found = outcomes(spoiled(solution(), name, ANSWERS[answer][0]))
        assert {o.cell for o in found if o.status is not Status.PASSED} == {name}
    assert all(
        o.credit == 0
        for o in outcomes(spoiled(solution(), "reconstruct", ANSWERS[answer][0]))
        if o.cell == "reconstruct"
    )


INPUTS = {
    "zeros": lambda args, right: right * 0 if isinstance(right, torch.Tensor) else 0.0,
    "an input": lambda args, right: next((a for a in args if isinstance(a, torch.Tensor)), None),
}


@pytest.mark.parametrize("answer", INPUTS)
def test_inputs_and_zeros_earn_nothing(answer):
    """Functions that return zeros of the right shape, or one of their inputs, earn nothing, for tidiness neither."""
    namespace = suites.answering(solution(), (*FUNCTIONS, "VAE.elbo", "VAE.forward", "VAE.sample"), INPUTS[answer])
    names = {"VAE.elbo": "elbo", "VAE.forward": "negative_elbo", "VAE.sample": "sample"}
    cells = {*FUNCTIONS, *names.values()}
    earned = [o.test for o in outcomes(namespace) if o.cell in cells and o.credit]
    assert [name for name in earned if name != "test_vae_is_made_of_encoder_decoder_and_prior"] == []


def test_sentences_and_weights_can_be_shown():
    """Every hidden test says in one sentence what it asks and belongs to a cell with a positive weight."""
    for name, test in TESTS.items():
        sentence = " ".join(inspect.getdoc(test).split())
        assert sentence.endswith("."), name
        assert "\n\n" not in inspect.getdoc(test), name


def test_same_secret_draws_the_same_inputs():
    """A regrade asks the same; another secret or student asks something else."""

    def drawn(*names):
        return Draw(*names).normal(3)

    assert torch.equal(drawn("a", "b", "vae", "test"), drawn("a", "b", "vae", "test"))
    assert not torch.equal(drawn("a", "b", "vae", "test"), drawn("a", "c", "vae", "test"))
    assert Seed(Draw("a").seed()) == Seed(Draw("a").seed())
