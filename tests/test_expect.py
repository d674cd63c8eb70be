"""The assertions: what they accept, what they refuse, and what they say."""

import re

import pytest
import torch

from autograder.judging import expect, known, oracles, sentences
from autograder.judging.expect import Wrong, call
from autograder.judging.statistics import Finding
from autograder.kernel.answers import Inspection, State
from autograder.kernel.remote import in_process

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
    """The hint comes from the exercise's mistakes, for wrong values and for wrong shapes."""
    mu, log_var = torch.randn(2, 4, 3, dtype=torch.float64)
    want = oracles.kl_standard_normal(mu, log_var)

    def hint(got):
        return known.recognise("kl_standard_normal", got, lambda student: student.kl_standard_normal(mu, log_var))

    assert "½" in said(expect.close, 2 * want, want, hint=hint)
    assert "whole batch" in said(expect.close, want.sum(), want, hint=hint)


def test_derivative_tells_missing_from_wrong():
    """A graph is said to be cut where no gradient comes, or, of a right value, zero throughout; a wrong one is compared."""
    assert "no gradient flows" in said(expect.derivative, None, WANT, of="mu")
    cut = sentences.DETACHED
    assert cut in said(expect.derivative, None, WANT, of="mu")
    assert cut in said(expect.derivative, WANT * 0, WANT, of="mu", right=True)
    zero = said(expect.derivative, WANT * 0, WANT, of="mu", hint="what is known")
    assert "zero" in zero
    assert "what is known" in zero
    assert cut not in zero
    assert "NaN" in said(expect.derivative, WANT * float("nan"), WANT, of="mu")
    assert "opposite sign" in said(expect.derivative, -WANT, WANT, of="mu")
    assert "2 times" in said(expect.derivative, 2 * WANT, WANT, of="mu")
    other = said(expect.derivative, WANT + torch.tensor([1.0, 0.0, 90.0]), WANT, of="mu")
    assert "another one" in other
    assert "graph" not in other
    known = said(expect.derivative, WANT + torch.tensor([1.0, 0.0, 90.0]), WANT, of="mu", right=True)
    assert "one of its terms" in known
    expect.derivative(WANT, WANT, asked=ASKED, of="mu")


def test_no_finite_number_is_near_to_an_infinite_one():
    """Infinity times a small share is infinity."""
    infinite = torch.full((3,), torch.inf, dtype=torch.float64)
    assert not expect.close_to(WANT, infinite)
    assert not expect.close_to(infinite, WANT)
    assert expect.close_to(infinite, infinite)


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
