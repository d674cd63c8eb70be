"""The assertions: what they accept, what they refuse, and what they say."""

import re

import pytest
import torch

from autograder.judging import expect, mistakes, oracles
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong, call
from autograder.judging.statistics import Finding
from autograder.kernel.answers import Inspection, State
from autograder.kernel.remote import in_process
from autograder.suite.priors import truth

WANT = torch.tensor([1.2345678, -2.3456789, 300.45678], dtype=torch.float64)
ASKED = "f(x)"


def said(function, *args, **kwargs):
    """Return message and hint of the failure."""
    with pytest.raises(Wrong) as caught:
        function(*args, asked=ASKED, **kwargs)
    return f"{caught.value} {caught.value.hint}"


def test_call_names_arguments_and_shapes():
    """A call is described by its arguments, shapes and dtype, without values."""
    text = call("vae", x=torch.zeros(5, 1, 2, 3), reduction="mean", generator=...)
    assert text == "vae(x, reduction='mean', generator) with x (5, 1, 2, 3), float32"


def test_close_accepts_the_accuracy_asked_for():
    """1e-5 a value in float64, 1e-3 relative in float32, and not more."""
    assert torch.equal(expect.close(WANT + 9e-6, WANT, asked=ASKED), WANT + 9e-6)
    expect.close((WANT * 1.0009).float(), WANT.float(), asked=ASKED)
    assert "values that differ" in said(expect.close, WANT + 2e-5 * WANT.abs(), WANT)
    assert "values that differ" in said(expect.close, (WANT * 1.002).float(), WANT.float())


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (None, "got None"),
        ([1.0, 2.0], "got a list of 2"),
        (3.0, "got a float"),
        (WANT.float(), "expected float64, got float32"),
        (WANT.long(), "got int64"),
        (WANT.sum(), r"got shape \(\) \(one number\)"),
        (WANT[:2], r"expected shape \(3,\), got shape \(2,\)"),
        (WANT * float("nan"), "3 of 3 that are NaN"),
        (WANT / 0, "infinite"),
        (WANT + 1, "3 of 3 values that differ"),
    ],
    ids=["None", "list", "float", "dtype", "integer", "scalar", "short", "NaN", "infinite", "value"],
)
def test_close_says_what_came(got, words):
    """Every kind of wrong answer is named: what was asked, expected and came; no expected number is shown."""
    text = said(expect.close, got, WANT)
    assert text.startswith("f(x): expected ")
    assert re.search(words, text)
    assert not any(number in text for number in ("1.23", "2.34", "300.4"))


def test_close_accepts_other_right_values_lazily():
    """Values made of a student's own functions are right, too, and are not computed where they are not needed."""
    asked_for = []

    def others():
        asked_for.append(1)
        yield None
        yield WANT + 1

    expect.close(WANT, WANT, asked=ASKED, also=others())
    assert not asked_for
    expect.close(WANT + 1, WANT, asked=ASKED, also=others())
    assert "values that differ" in said(expect.close, WANT + 2, WANT, also=others())


def test_close_refuses_gradient_where_none_is_wanted():
    """A right value that requires gradient fails where none is asked for."""
    assert "requires gradient" in said(expect.close, WANT.clone().requires_grad_(), WANT, gradient=False)


def test_close_gives_the_hint_of_a_known_mistake():
    """The hint comes from the catalogue of mistakes, for wrong values and for wrong shapes."""
    mu, log_var = torch.randn(2, 4, 3, dtype=torch.float64)
    want = mistakes.oracles.kl_standard_normal(mu, log_var)

    def hint(got):
        return mistakes.recognise("kl_standard_normal", got, mu, log_var)

    assert "½" in said(expect.close, 2 * want, want, hint=hint)
    assert "whole batch" in said(expect.close, want.sum(), want, hint=hint)


@pytest.mark.parametrize("exercise", mistakes.CATALOGUE)
def test_every_known_formula_is_recognised(exercise):
    """On random inputs each formula of the catalogue is recognised by its own hint, and the right answer by none."""
    draw = torch.Generator().manual_seed(2)

    def normal(*shape, scale=1.0):
        return scale * torch.randn(*shape, generator=draw, dtype=torch.float64)

    narrow = torch.linspace(-9.5, -7, 12, dtype=torch.float64).reshape(4, 3)
    coloured = (torch.rand(5, 3, 2, 2, generator=draw) < 0.5).double()
    x = (torch.rand(5, 1, 2, 3, generator=draw) < 0.5).double()
    toy, own = (expect_toy(prior) for prior in (False, True))
    far = torch.tensor([[60.0], [-60.0], [-60.0], [-60.0]], dtype=torch.float64)
    mixture = truth.Mixture(normal(4), normal(4, 3), normal(4, 3))
    rare = mixture.changed(logits=mixture.logits.new_tensor([-40.0, 0.0, 0.0, 0.0]), loc=mixture.loc + far)
    bent = [truth.Planar.drawn(Draw("bent"), 1, along) for along in (8.0, 3.0, -3.0)]
    heights = torch.linspace(-12, 12, 25, dtype=torch.float64)[:, None]
    layers = [truth.Planar(normal(3), normal(3), normal(1).squeeze()) for _ in range(3)]
    inputs = {
        "reparameterize": [(normal(5, 3), normal(5, 3), normal(2, 5, 3)), (0 * narrow, narrow, 0 * narrow + 5)],
        "gaussian_log_prob": [
            (normal(5, 3), normal(5, 3), normal(5, 3)),
            (3 * torch.exp(narrow / 2), 0 * narrow, narrow),
            (normal(4, 3, scale=60.0), 0 * narrow, 0 * narrow),
        ],
        "kl_standard_normal": [(normal(5, 3), normal(5, 3)), (normal(4, 3), narrow)],
        "bernoulli_log_prob": [
            (coloured, normal(5, 3, 2, 2)),
            (x, normal(5, 1, 2, 3)),
            (x, 40 * (normal(5, 1, 2, 3).sign())),
            (x, 200 * normal(5, 1, 2, 3).sign()),
        ],
        "elbo": [(model, x, normal(*lead, 5, 2)) for model in (toy, own) for lead in ((), (3,))],
        "negative_elbo": [(normal(5), reduction) for reduction in ("mean", "sum")],
        "reconstruct": [(toy, x)],
        "train_steps": [
            (3 * normal(6), normal(4, 6), "SGD", {"lr": 0.1, "momentum": 0.9}),
            (200 * normal(6), normal(4, 6), "Adam", {"lr": 0.3}),
            (200 * normal(6), normal(4, 6), "SGD", {"lr": 0.05}),
        ],
        "train_step": [(normal(6), normal(6), 0.1, normal(6))],
        "train_step_loss": [(2.0, 1.5, 3.0, 5)],
        "mixture_log_prob": [
            (normal(5, 3), mixture),
            (normal(2, 5, 3), mixture),
            (mixture.loc + 0.01, mixture.changed(log_var=narrow)),
            (rare.loc[:1] + 0.1, rare),
        ],
        "planar_flow": [(layer, normal(*shape)) for layer in layers for shape in ((5, 3), (2, 5, 3))],
        "planar_log_det": [(layer, normal(5, 3)) for layer in layers],
        "planar_inverse": [
            *((layer, normal(5, 3)) for layer in layers),
            *((layer, heights / layer.w) for layer in bent),
        ],
        "flow_prior": [(layers, normal(5, 3))],
        "monte_carlo_elbo": [(model, x, normal(*lead, 5, 2)) for model in (toy, own) for lead in ((), (3,))],
        "log_weights": [(model, x, normal(k, 5, 2)) for model in (toy, own) for k in (3, 5)],
        "iwae_bound": [(3 * normal(4, 5),), (3 * normal(4, 5) - 1e4,)],
        "normalized_weights": [(3 * normal(4, 5),), (3 * normal(4, 5) - 1e4,)],
        "iwae_loss": [(3 * normal(4, 5),), (3 * normal(4, 5) - 1e4,)],
        "iwae_gradient": [(3 * normal(4, 5),)],
        "log_likelihood": [(3 * normal(20, 1), 7, chunk) for chunk in (3, 5, 7, 20)],
        "active_kl": [(normal(5, 3), normal(5, 3))],
        "active_variance": [(normal(5, 3), normal(5, 3))],
        "latent_traversal": [(toy, x[:1], [1, 0], [-1.0, 2.0, 0.5])],
    }[exercise]
    unseen = {mistake.key for mistake in mistakes.CATALOGUE[exercise]}
    for arguments in inputs:
        for mistake in mistakes.CATALOGUE[exercise]:
            try:
                wrong = torch.as_tensor(mistake.formula(*arguments)).double()
            except (RuntimeError, ValueError, IndexError, TypeError):
                continue
            if mistakes.recognise(exercise, wrong, *arguments) == mistake.say:
                unseen.discard(mistake.key)
    assert not unseen


def expect_toy(prior):
    """Return a small model."""
    return mistakes.oracles.AffineModel.drawn(Draw("toy"), 2, prior=prior)


SYMBOLS = {"u", "wᵀû", "tanh", "log", "log|det|"}  # that a sentence may begin with


def test_hints_are_texts_for_students():
    """Hints are one or two sentences, and their keys are unique in an exercise."""
    for exercise, catalogue in mistakes.CATALOGUE.items():
        assert len({mistake.key for mistake in catalogue}) == len(catalogue), exercise
        for mistake in catalogue:
            assert mistake.say[0].isupper() or mistake.say.split()[0] in SYMBOLS, mistake.key
            assert mistake.say[-1] in ".?", mistake.key
            assert len(mistake.say) < 300, mistake.key
    assert all(len(text) < 300 for text in mistakes.SAID.values())


def test_recognise_takes_anything():
    """What is no finite floating number is recognised as nothing."""
    inputs = (torch.zeros(2, 3), torch.zeros(2, 3))
    for got in (None, "text", [1.0], torch.tensor([1, 2]), torch.tensor([float("nan")] * 2)):
        assert mistakes.recognise("kl_standard_normal", got, *inputs) == ""


def test_derivative_tells_missing_from_wrong():
    """A graph is said to be cut only where no gradient comes, or zero throughout; a wrong one is compared."""
    assert "no gradient flows" in said(expect.derivative, None, WANT, of="mu")
    cut = mistakes.SAID["detached"]
    assert cut in said(expect.derivative, None, WANT, of="mu")
    assert cut in said(expect.derivative, WANT * 0, WANT, of="mu")
    assert "NaN" in said(expect.derivative, WANT * float("nan"), WANT, of="mu")
    assert "opposite sign" in said(expect.derivative, -WANT, WANT, of="mu")
    assert "2 times" in said(expect.derivative, 2 * WANT, WANT, of="mu")
    other = said(expect.derivative, WANT + torch.tensor([1.0, 0.0, 90.0]), WANT, of="mu")
    assert "another one" in other
    assert "graph" not in other
    known = said(expect.derivative, WANT + torch.tensor([1.0, 0.0, 90.0]), WANT, of="mu", right=True)
    assert "one of its terms" in known
    expect.derivative(WANT, WANT, asked=ASKED, of="mu")


def test_ambiguous_inputs_get_no_hint():
    """Where two mistakes give the same, none is named; where an input tells them apart, the right one is."""
    one = torch.tensor([[2.0]], dtype=torch.float64)
    answer = oracles.kl_standard_normal(one, one)
    assert mistakes.recognise("kl_standard_normal", 2 * answer, one, one)
    assert mistakes.recognise("kl_standard_normal", answer.sum(), one, one) == ""  # summed and averaged over one image


def test_surroundings_are_judged():
    """A call that changes torch's own state is named."""
    expect.surroundings_kept(Inspection(None, (), ""), asked=ASKED)
    for name, words in (("gradient mode", "stay switched off"), ("default dtype", "set_default_dtype")):
        assert words in said(expect.surroundings_kept, Inspection(None, (), "", (name,)))


def test_pair_takes_tuples_and_lists():
    """Two results are two results, in a tuple or in a list; anything else is named."""
    assert expect.pair([1, 2], asked=ASKED) == (1, 2)
    assert "got a tuple of 3" in said(expect.pair, (1, 2, 3))
    assert "got a float64 tensor of shape (3,)" in said(expect.pair, WANT)


def test_inspections_are_judged():
    """Printing and changed arguments are named."""
    arguments = {"model": ..., "x": WANT}
    expect.silent(Inspection(None, (), ""), asked=ASKED)
    assert "printed" in said(expect.silent, Inspection(None, (), "hello"))
    expect.inputs_kept(Inspection(None, (None, WANT.clone()), ""), arguments, asked=ASKED)
    assert "a changed x" in said(expect.inputs_kept, Inspection(None, (None, WANT + 1), ""), arguments)
    assert "a changed x" in said(expect.inputs_kept, Inspection(None, (), ""), arguments)


@pytest.mark.parametrize("what", ["parameters", "buffers", "gradients", "requires_grad", "training"])
def test_changed_state_is_named(what):
    """Each part of a module's state is compared, and the part that changed is named."""

    def state(**changed):
        empty = {"parameters": {}, "buffers": {}, "gradients": {}, "requires_grad": {}, "training": {}}
        return State(**(empty | changed))

    expect.state_kept(state(**{what: {"a": WANT}}), state(**{what: {"a": WANT.clone()}}), asked=ASKED)
    text = said(expect.state_kept, state(**{what: {"a": WANT}}), state(**{what: {"a": None}}))
    assert ("mode" if what == "training" else what) in text
    assert "a" in text
    assert said(expect.state_kept, state(), state(**{what: {"extra": True}}))


def test_refused_wants_the_named_exception():
    """A ValueError, or one derived from it, is accepted; another exception and a result are not."""

    class Particular(ValueError):
        pass

    def raising(error):
        def function():
            raise error("no")

        return lambda: in_process({"f": function}).f()

    for error in (ValueError, Particular):
        expect.refused(raising(error), "ValueError", asked=ASKED, todo="")
    assert "got KeyError" in said(expect.refused, raising(KeyError), "ValueError", todo="")
    assert "got a float" in said(expect.refused, lambda: 1.0, "ValueError", todo="")


def test_findings_and_random_state_are_judged():
    """A statistical finding and a drawn random number fail with the words given."""
    expect.agrees(Finding(0.0, 1.0), asked=ASKED, expected="a", got="b")
    assert "expected a, got b" in said(expect.agrees, Finding(2.0, 1.0), expected="a", got="b")
    assert "drew from it" in said(expect.random_state_kept, WANT, WANT + 1, todo="")


def test_varied_refuses_constants():
    """A constant, a single number and None answer nothing."""
    expect.varied(WANT, asked=ASKED)
    for value in (torch.zeros(3), WANT[:1], None, WANT * float("nan")):
        assert "depend on the inputs" in said(expect.varied, value)
