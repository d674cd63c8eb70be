"""The hidden suite of `iwae`: right solutions pass, every known mistake costs what it says and gets its hint, and
nothing leaks."""

import inspect
import sys

import pytest
import torch

from autograder.kernel.failures import StudentError
from autograder.reporting.report import Status
from tests import suites
from tests.suites import GOOD, evaluation, spoiled

SUITE = suites.Suite("iwae")
MODELS = {
    "vae_k1": ("test_trained_vaes_to_compare_with", 1 / 3),
    "vae_k5": ("test_trained_vaes_to_compare_with", 1 / 3),
    "iwae_k5": ("test_trained_iwae_with_5_samples", 1.0),
    "vae_k50": ("test_trained_vaes_to_compare_with", 1 / 3),
    "iwae_k50": ("test_trained_iwae_with_50_samples", 1.0),
}
BAD = {
    "low bound": ({"bound": -98.0}, 0.5),
    "low elbo": ({"elbo": -103.0}, 0.25),
    "unused": ({"elbo_permuted": -96.0}, 0.25),
}
RUNS = {*SUITE.mistakes, *(f"{model}, {how}" for model in MODELS for how in BAD)}
FUNCTIONS = (
    "log_weights",
    "iwae_bound",
    "normalized_weights",
    "iwae_loss",
    "log_likelihood",
    "active_units",
    "gradient_snr",
    "latent_traversal",
)


def each(change):
    """Return the change of a tensor or a number, or of both items of a pair."""

    def changed(value):
        if isinstance(value, tuple):
            return tuple(map(changed, value))
        return change(value if isinstance(value, torch.Tensor) else torch.tensor(float(value)))

    return changed


ANSWERS = {
    "None": (lambda value: None, "None"),
    "list": (lambda value: [1.0, 2.0, 3.0], "list"),
    "numpy": (lambda value: torch.zeros(5, 3).numpy(), "numpy.ndarray"),
    "half precision": (each(lambda tensor: tensor.half()), "float16"),
    "one axis more": (each(lambda tensor: tensor.expand(2, *tensor.shape)), "shape"),
    "NaN": (each(lambda tensor: tensor * float("nan")), "NaN"),
    "infinite": (each(lambda tensor: tensor.detach() + float("inf")), "infinite"),
    "complex": (each(lambda tensor: tensor + 0j), "complex"),
    "sparse": (each(lambda tensor: tensor.detach().reshape(-1).to_sparse()), "sparse"),
    "exit": (lambda value: sys.exit("good bye"), "SystemExit"),
    "zero": (each(lambda tensor: tensor * 0), "expected"),
    "integers": (each(lambda tensor: tensor.long()), "int64"),
    "exception": (lambda value: 1 / 0, "ZeroDivisionError"),
}


def outcomes(namespace, secret="secret", **measurements):
    """Run the whole suite on trained models of which some measure badly."""

    def trained(name):
        return evaluation(measurements.get(name, GOOD))

    return SUITE.outcomes(namespace, secret, trained)


def share(found, cell):
    """Return the share of a cell's points that is earned."""
    tests = [o for o in found if o.cell == cell]
    return sum(o.credit * o.weight for o in tests) / sum(o.weight for o in tests)


def nonsense(answer):
    """Return a submission all of whose functions answer the same nonsense."""
    namespace = SUITE.solution()
    for name in FUNCTIONS:
        spoiled(namespace, name, ANSWERS[answer][0])
    return namespace


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
    found = outcomes(SUITE.solution(), secret=str(secret))
    assert not [(o.test, o.message, o.detail) for o in found if o.status is not Status.PASSED]


@pytest.mark.parametrize("name", SUITE.right)
def test_right_variants_earn_everything(name):
    """Solutions written differently pass every hidden test, but for the cells they say they lose."""
    namespace = SUITE.variant(name)
    lost = [o for o in outcomes(namespace) if o.status is not Status.PASSED]
    assert {o.cell for o in lost} == namespace["LOSES"], [(o.test, o.message, o.detail) for o in lost]


def test_untouched_release_earns_nothing():
    """A notebook in which nothing was written fails every hidden test of every cell, and is told so."""
    found = SUITE.outcomes(SUITE.untouched())
    assert {o.cell for o in found} == set(SUITE.cells.values())
    assert not [o for o in found if o.status is not Status.FAILED or o.credit]
    assert all("is not written yet" in o.message for o in found if o.cell == "gradient_snr")


@pytest.mark.parametrize("mistake", SUITE.mistakes)
def test_mistake_costs_what_it_says(mistake, record_property):
    """A mistake fails exactly the cells it names, with the hint it names, and stops nothing else."""
    namespace = SUITE.solution(mistake)
    failed = [o for o in outcomes(namespace) if o.status is not Status.PASSED]
    SUITE.note(mistake, [o.test for o in failed], record_property)
    assert all(o.status is Status.FAILED for o in failed), [(o.test, o.detail) for o in failed]
    assert {o.cell for o in failed} == set(namespace["FAILS"]), [(o.test, o.message) for o in failed]
    said = "\n".join(o.message + " " + o.hint for o in failed)
    assert namespace["HINT"] in said, said
    assert namespace["__doc__"] == inspect.cleandoc(namespace["__doc__"])


@pytest.mark.parametrize("name", SUITE.asking)
def test_every_hidden_test_is_failed_by_a_mistake(name):
    """No hidden test is idle: some mistake that names its cell fails it."""
    cell = SUITE.cells[name]
    candidates = (m for m in SUITE.mistakes if cell in SUITE.solution(m)["FAILS"])
    assert any(SUITE.ask(name, SUITE.solution(mistake)) for mistake in candidates)


@pytest.mark.parametrize("how", BAD)
@pytest.mark.parametrize("model", MODELS)
def test_trained_models_are_judged_one_by_one(model, how, record_property):
    """A model that misses one gate costs that gate's share of its hidden test, and nothing else."""
    (values, cost), (test, part) = BAD[how], MODELS[model]
    found = outcomes(SUITE.solution(), **{model: type(GOOD)(**(vars(GOOD) | values))})
    failed = [o for o in found if o.status is not Status.PASSED]
    SUITE.note(f"{model}, {how}", [o.test for o in failed], record_property)
    assert [o.test for o in failed] == [test]
    assert failed[0].credit == pytest.approx(1 - part * cost)


@pytest.mark.parametrize(("missing", "credit"), [("iwae_k5", 0.0), ("vae_k50", 2 / 3)])
def test_models_of_given_code_count_beside_an_iwae(missing, credit):
    """The models that given code trains earn nothing where there is no IWAE to compare them with; one that is missing
    costs its own share."""

    def trained(name):
        if name == missing:
            raise StudentError(f"{name} is not there.")
        return evaluation()

    found = {o.test: o for o in SUITE.outcomes(SUITE.solution(), evaluate=trained)}
    assert found["test_trained_vaes_to_compare_with"].credit == pytest.approx(credit)


@pytest.mark.parametrize("mistake", SUITE.mistakes)
def test_messages_hold_no_hidden_value(mistake, monkeypatch):
    """No failure message or hint contains a value that was expected."""
    assert not suites.leaks(SUITE, mistake, monkeypatch)


@pytest.mark.parametrize(
    ("mistake", "cell", "low", "high"),
    [
        ("weights_prior_missing", "log_weights", 0.05, 0.5),
        ("weights_posterior_added", "log_weights", 0.05, 0.5),
        ("weights_prior_ignored", "log_weights", 0.4, 0.7),
        ("bound_log_k_added", "iwae_bound", 0.1, 0.5),
        ("bound_mean_of_logs", "iwae_bound", 0.2, 0.5),
        ("bound_not_shifted", "iwae_bound", 0.6, 0.9),
        ("shares_over_images", "normalized_weights", 0.1, 0.5),
        ("loss_weights_attached", "iwae_loss", 0.5, 0.8),
        ("loss_vector", "iwae_loss", 0.4, 0.8),
        ("likelihood_chunk_bounds_averaged", "log_likelihood", 0.3, 0.5),
        ("likelihood_count_added", "log_likelihood", 0.3, 0.5),
        ("likelihood_all_at_once", "log_likelihood", 0.6, 0.9),
        ("units_total_variance", "active_units", 0.2, 0.5),
        ("units_variance_by_batches", "active_units", 0.7, 0.9),
        ("snr_dead_entries_counted", "gradient_snr", 0.7, 0.9),
        ("snr_of_the_elbo", "gradient_snr", 0.7, 0.9),
        ("traversal_changes_its_base", "latent_traversal", 0.1, 0.5),
        ("traversal_of_logits", "latent_traversal", 0.1, 0.5),
    ],
)
def test_misconception_keeps_a_sensible_share(mistake, cell, low, high):
    """A typical misconception costs neither nearly nothing nor everything of its exercise; a wrong value costs half of it or more."""
    assert low <= share(outcomes(SUITE.solution(mistake)), cell) <= high


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_bad_answers_fail_the_cell_in_words(name, answer):
    """Whatever a function answers, its own hidden tests fail as the student's doing, and one of them names what
    came."""
    change, word = ANSWERS[answer]
    own = [test for test in SUITE.asking if SUITE.cells[test] == name]
    errors = [SUITE.ask(test, spoiled(SUITE.solution(), name, change)) for test in own]
    said = "\n".join(str(error) + getattr(error, "hint", "") for error in errors if error)
    assert any(errors)
    assert word in said


@pytest.mark.parametrize("answer", ANSWERS)
def test_bad_answers_everywhere_are_never_our_error(answer):
    """A submission all of whose functions answer nonsense is graded, not broken."""
    found = outcomes(nonsense(answer))
    assert not [(o.test, o.detail) for o in found if o.status in (Status.ERROR, Status.SKIPPED)]


@pytest.mark.parametrize("answer", ["None", "NaN", "zero", "exception"])
def test_nonsense_that_agrees_with_itself_earns_little(answer):
    """Functions that build on each other's nonsense earn no more than what the refusal of an option is worth."""
    found = outcomes(nonsense(answer))
    assert all(share(found, cell) <= 0.2 for cell in FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS[2:])
def test_bad_answer_of_a_function_costs_its_cell_only(name):
    """What a function does that nothing builds on touches no other cell."""
    found = outcomes(spoiled(SUITE.solution(), name, ANSWERS["exception"][0]))
    assert {o.cell for o in found if o.status is not Status.PASSED} == {name}


def test_sentences_and_weights_can_be_shown():
    """Every hidden test says in one sentence what it asks."""
    for name, test in SUITE.tests.items():
        sentence = " ".join(inspect.getdoc(test).split())
        assert sentence.endswith("."), name
        assert "\n\n" not in inspect.getdoc(test), name
