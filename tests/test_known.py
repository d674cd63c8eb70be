"""The one form of known mistakes: what a file of them says, and the submissions it makes."""

import textwrap

import pytest
import torch

from autograder import catalogue
from autograder.judging import known, sentences
from tests import suites


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Return a function that makes an assignment of one exercise, f, with this file of mistakes, and returns them by name."""

    def told(mistakes, solution="def f(x):\n    return x + 1\n"):
        (tmp_path / "suite" / "toy" / "mistakes").mkdir(parents=True)
        (tmp_path / "suite" / "toy" / "mistakes" / "f.py").write_text(textwrap.dedent(mistakes))
        (tmp_path / "solutions").mkdir()
        (tmp_path / "solutions" / "toy.py").write_text(textwrap.dedent(solution))
        return known.of("toy")

    monkeypatch.setattr(catalogue, "SUITE", tmp_path / "suite")
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    caches = (known._told, known._asked)
    for cache in caches:
        cache.cache_clear()
    yield told
    for cache in caches:
        cache.cache_clear()


def test_mistake_stands_in_the_place_of_the_right_function(told):
    """The submission is the reference with the one wrong function, which may use `true` and helpers of its file."""
    mistakes = told(
        """
        def twice(x):
            return 2 * x


        @mistake("It is doubled.")
        def doubled(x):
            return twice(true(x))


        @mistake("It is zero.", also=["g"], keeps={"f": (0.2, 0.5)}, also_said=["nothing"])
        def zero(x):
            return 0
        """
    )
    assert mistakes["doubled"].submission()["f"](3) == 8
    assert mistakes["zero"].submission()["f"](3) == 0
    assert catalogue.solution("toy")["f"](3) == 4
    assert (mistakes["doubled"].say, mistakes["doubled"].fails) == ("It is doubled.", {"f"})
    assert (mistakes["zero"].fails, mistakes["zero"].keeps) == ({"f", "g"}, {"f": (0.2, 0.5)})


def test_method_or_class_is_replaced_where_the_file_says_so(told):
    """TARGET names what all mistakes of a file replace, `target` what one of them does."""
    mistakes = told(
        """
        TARGET = "A.f"


        @mistake("One is missing.", fails=["other"])
        def missing(self, x):
            return x


        @mistake("It is made wrongly.", target="A.__init__")
        def made_wrongly(self):
            self.one = 2


        @mistake("All is wrong.", target="A")
        class all_wrong(A):
            def f(self, x):
                return super().f(x) + 5
        """,
        solution="""
        class A:
            def __init__(self):
                self.one = 1

            def f(self, x):
                return x + self.one
        """,
    )
    answers = {name: mistake.submission()["A"]().f(3) for name, mistake in mistakes.items()}
    assert answers == {"missing": 3, "made_wrongly": 5, "all_wrong": 9}
    assert mistakes["missing"].fails == {"other"}
    assert mistakes["missing"].code() == "def f(self, x):\n    return x\n\n\nA.f = f"


def test_names_of_a_file_change_nothing_of_the_solution(told):
    """A helper or a mistake that is called like a function of the solution leaves that function alone."""
    mistakes = told(
        """
        def g(x):
            return 100


        @mistake("It is wrong.")
        def wrong(x):
            return -x
        """,
        solution="""
        def g(x):
            return x


        def f(x):
            return g(x)
        """,
    )
    assert mistakes["wrong"].submission()["g"](3) == 3


def test_code_is_what_a_student_would_write(told):
    """Decorators of the function stay, the sentence does not."""
    mistakes = told(
        """
        @mistake("It is kept.")
        @cached
        def kept(x):
            return x
        """,
        solution="from functools import cache as cached\n\ndef f(x):\n    return 1\n",
    )
    assert mistakes["kept"].code() == "@cached\ndef f(x):\n    return x"


RECOGNISED = """
    @mistake("It is doubled.")
    def doubled(x):
        return 2 * x


    @mistake("Too much is added.", more=(2, 3))
    def more_added(x, *, more):
        return x + more


    @mistake("Noise is added.")
    def noisy(x):
        return x + torch.randn(())


    @mistake("It never ends.", asked=False)
    def endless(x):
        while True:
            pass
"""
SOLUTION = "import torch\n\ndef g(x):\n    return x\n\ndef f(x):\n    return g(x) + 1\n"


def about(*numbers):
    """Return the question f(x) for x of these numbers."""
    x = torch.tensor(numbers, dtype=torch.float64)
    return lambda student: student.f(x)


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_answer_is_recognised_by_asking(told):
    """The mistake that answers the same question alike is named, one of a family, too; the right answer is nobody's."""
    assert set(told(RECOGNISED, SOLUTION)) == {"doubled", "more_added_2", "more_added_3", "noisy", "endless"}
    ask = about(5.0, 7.0)
    assert known.recognise("f", numbers(10.0, 14.0), ask) == "It is doubled."
    assert known.recognise("f", numbers(8.0, 10.0), ask) == "Too much is added."
    assert known.recognise("f", numbers(6.0, 8.0), ask) == ""
    assert known.recognise("f", numbers(10.0, 14.1), ask) == ""


def test_nothing_is_said_where_mistakes_answer_alike(told):
    """A question that two mistakes answer alike names none."""
    told(RECOGNISED, SOLUTION)
    assert known.recognise("f", numbers(4.0), about(2.0)) == ""  # doubled, and two added
    assert known.recognise("f", numbers(10.0), about(5.0)) == "It is doubled."


def test_nothing_is_said_where_a_mistake_answers_rightly(told):
    """A question whose right answer is the mistake's, too, says nothing about it."""
    told(RECOGNISED, SOLUTION)
    assert known.recognise("f", numbers(2.0), about(1.0)) == ""
    assert known.recognise("f", numbers(-6.0), about(-3.0), {"g": lambda x: x}) == "It is doubled."
    assert known.recognise("f", numbers(-6.0), about(-3.0), {"g": lambda x: 2 * x - 1}) == ""


def test_mistake_is_recognised_behind_an_earlier_one(told):
    """With the student's own earlier functions in their places, a second mistake is found behind a first."""
    told("@mistake('One is missing.')\ndef missing(x):\n    return g(x)\n", SOLUTION)
    assert known.recognise("f", numbers(-3.0), about(3.0)) == ""
    assert known.recognise("f", numbers(-3.0), about(3.0), {"g": lambda x: -x}) == "One is missing."


def test_recognition_disturbs_nothing(told):
    """What a mistake draws, seeds, prints or sets is not seen in the grader."""
    told(
        """
        @mistake("It does everything else.")
        def f_disturbs(x):
            print("here")
            torch.manual_seed(0)
            torch.set_default_dtype(torch.float64)
            torch.set_grad_enabled(False)
            return x
        """,
        SOLUTION,
    )
    before = torch.get_rng_state()
    assert known.recognise("f", numbers(3.0), about(3.0)) == "It does everything else."
    assert torch.equal(before, torch.get_rng_state())
    assert (torch.get_default_dtype(), torch.is_grad_enabled()) == (torch.float32, True)


def test_anything_can_be_asked_about(told):
    """What is no finite floating number is recognised as nothing."""
    told(RECOGNISED, SOLUTION)
    for got in (None, "text", [1.0], torch.tensor([1, 2]), torch.tensor([float("nan")] * 2)):
        assert known.recognise("f", got, about(1.0, 2.0)) == ""


SYMBOLS = {
    "u",
    "wᵀû",
    "tanh",
    "log",
    "log|det|",
    "z",
    "exp(-10,000)",
    "torch.set_default_dtype",
    "q*",
    "sigma",
    "num_pixels",
    "num_samples",
}  # that a sentence may begin with


def test_sentences_are_texts_for_students():
    """What students are told is short and ends as sentences do."""
    general = [text for name, text in vars(sentences).items() if name.isupper()]
    for say in [
        *general,
        *(mistake.say for name in catalogue.every() for mistake in known.of(name).values() if mistake.say),
    ]:
        assert say[0].isupper() or say.split()[0] in SYMBOLS, say
        assert say[-1] in ".?"
        assert len(say) < 300, say


def test_exercises_of_all_assignments_have_names_of_their_own():
    """A file of mistakes is found by its exercise's name alone."""
    names = [path.stem for path in catalogue.SUITE.glob("*/mistakes/*.py")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("assignment", catalogue.every())
def test_files_are_called_like_exercises(assignment):
    """Each file of mistakes is one exercise's, and all mistakes fail exercises that there are."""
    exercises = set(suites.Suite(assignment).cells.values())
    for mistake in known.of(assignment).values():
        assert {mistake.exercise, *mistake.fails} <= exercises
        assert mistake.say or mistake.message or not mistake.also_said
