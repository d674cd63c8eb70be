"""What is got wrong, each mistake told once: a wrong solution, under the sentence that the student reads.

suite/<assignment>/mistakes/<exercise>.py holds the mistakes of one exercise, one function each:

    TARGET = "VAE.sample"                      # what they stand in the place of; the exercise's own name where the file says nothing

    @mistake("Pixels that should be independent are drawn with the same random number.", also=["negative_elbo"])
    def images_share_noise(self, n, generator=None):
        ...

    @mistake("Probabilities are clamped: ...", epsilon=(1e-5, 1e-8))       # a family: one mistake for each value
    def clamped(x, logits, *, epsilon):
        ...

The file is not imported: it is executed on top of the reference solution, whose names it uses; `true` is the right function.

The same functions are what wrong answers are recognised by: where a student's answer is wrong, the mistakes of the exercise are
asked the same question, in this process (they are ours, and no student's code gets here), and one that answers alike is named.
"""

import ast
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from autograder import catalogue
from autograder.judging import expect
from autograder.kernel.failures import StudentError
from autograder.kernel.remote import Student, in_process
from autograder.reporting.points import Kind

Ask = Callable[[Student], object]


@dataclass(frozen=True)
class Mistake:
    """One known mistake.

    Args:
        assignment, exercise, name: where it is told, and what it is called; names are unique in an assignment.
        say: the sentence that a hint tells; empty where the message says it all.
        target: what it stands in the place of: `function`, `Class`, or `Class.method`.
        fails: the exercises that it fails.
        message: what the message says where there is no hint.
        also_said: words of other hints that are as true of it.
        kind: what is wrong with it, which bounds what it costs (`reporting.points`).
        keeps: by exercise, the lowest and the highest share of the points that it leaves.
        asked: whether answers are recognised by it. Not where it never returns, ends its process or takes memory.
        family, value: for one of a family, the name of its function, and the keyword and value that make it this one.
    """

    assignment: str
    exercise: str
    name: str
    say: str
    target: str
    fails: frozenset[str]
    message: str = ""
    also_said: tuple[str, ...] = ()
    kind: Kind = Kind.VALUE
    keeps: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    asked: bool = True
    family: str = ""
    value: tuple[str, object] | None = None

    def submission(self) -> dict[str, Any]:
        """Return the namespace of the reference solution with this mistake in it."""
        namespace = catalogue.solution(self.assignment)
        _execute(self.assignment, self.exercise, namespace, self)
        return namespace

    def code(self) -> str:
        """Return the mistake as a student would write it; for those that need no more than their own function."""
        path = path_of(self.assignment, self.exercise)
        lines, tree = path.read_text().splitlines(), ast.parse(path.read_text())
        owner, _, plain = self.target.rpartition(".")
        node = next(n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.name == self.name)
        first = min(n.lineno for n in [*node.decorator_list[1:], node])
        text = "\n".join(lines[first - 1 : node.end_lineno]).replace(f" {self.name}(", f" {plain}(", 1)
        return f"{text}\n\n\n{self.target} = {plain}" if owner else text


def of(assignment: str) -> dict[str, Mistake]:
    """Return all known mistakes of an assignment, by name."""
    told = [mistake for path in _files(assignment) for mistake in _told(assignment, path.stem)]
    if twice := sorted(n for n, number in Counter(mistake.name for mistake in told).items() if number > 1):
        raise ValueError(f"mistakes of {assignment} of the same name: {twice}")
    return {mistake.name: mistake for mistake in told}


def sentence(assignment: str, name: str) -> str:
    """Return what is said of a mistake, for a hidden test that sees it otherwise than by an answer."""
    return of(assignment)[name].say


def recognise(exercise: str, got: object, ask: Ask, own: Mapping[str, Callable] | None = None) -> str:
    """Return what to say about the known mistake of an exercise that gives the same answer, or an empty text.

    Nothing is said where mistakes that are told differently answer the same: a question has to tell them apart.

    Args:
        got: the student's answer, a tensor or a float.
        ask: puts the question that the student was asked.
        own: by target, functions that take the place of the reference's: what the student's own earlier functions answer, so
            that a second mistake is recognised behind a first.
    """
    if not isinstance(got, (torch.Tensor, float)):
        return ""
    found = torch.as_tensor(got).detach()
    if not found.is_floating_point() or not bool(torch.isfinite(found).all()):
        return ""
    right, wrong_students = _asked(exercise) if own is None else _built(exercise, own)
    said = {mistake.say for mistake, wrong in wrong_students if _alike(found, _answer(ask, wrong))}
    if said and _alike(found, _answer(ask, right)):  # this question does not tell right from wrong
        return ""
    return said.pop() if len(said) == 1 else ""


def _answer(ask: Ask, student: Student) -> object:
    """Return what one of ours answers; None where it fails, or answers what is no answer."""
    with torch.random.fork_rng(devices=[]):  # it may draw or seed
        try:
            return ask(student)
        except (StudentError, AssertionError):
            return None


def _alike(found: torch.Tensor, answer: object) -> bool:
    """Return whether an answer is the same as the student's."""
    if not isinstance(answer, (torch.Tensor, float)):
        return False
    other = torch.as_tensor(answer).detach()
    comparable = other.is_floating_point() and bool(torch.isfinite(other).all())
    return comparable and expect.close_to(found, other.to(found.dtype))


@functools.cache
def _asked(exercise: str) -> tuple[Student, list[tuple[Mistake, Student]]]:
    """Return what is asked: the reference, and an exercise's mistakes."""
    right, wrong = _built(exercise, {})
    return right, list(wrong)


def _built(exercise: str, own: Mapping[str, Callable]) -> tuple[Student, Iterator[tuple[Mistake, Student]]]:
    """Build the reference and an exercise's mistakes, with some functions of the student's own."""
    (path,) = catalogue.SUITE.glob(f"*/mistakes/{exercise}.py")
    assignment = path.parent.parent.name

    def student(namespace: dict[str, Any]) -> Student:
        for target, function in own.items():
            _place(namespace, target, function)
        return in_process(namespace)

    asked = (mistake for mistake in _told(assignment, exercise) if mistake.asked and mistake.say)
    wrong = ((mistake, student(mistake.submission())) for mistake in asked)
    return student(catalogue.solution(assignment)), wrong


def _files(assignment: str) -> list[Path]:
    return sorted((catalogue.SUITE / assignment / "mistakes").glob("*.py"))


def path_of(assignment: str, exercise: str) -> Path:
    """Return the file of an exercise's mistakes."""
    return catalogue.SUITE / assignment / "mistakes" / f"{exercise}.py"


@functools.cache
def _told(assignment: str, exercise: str) -> tuple[Mistake, ...]:
    """Return the mistakes of one file, in their order."""
    return tuple(_execute(assignment, exercise, catalogue.solution(assignment)))


@functools.cache
def _program(path: Path):
    return compile(path.read_text(), str(path), "exec")


def _execute(assignment: str, exercise: str, namespace: dict[str, Any], chosen: Mistake | None = None) -> list[Mistake]:
    """Execute the file of an exercise on the reference's namespace, put the chosen mistake into it, and return all that are told."""
    found: list[Mistake] = []

    def mistake(
        say: str = "",
        *,
        target: str = "",
        also: Iterable[str] = (),
        fails: Iterable[str] = (),
        message: str = "",
        also_said: Iterable[str] = (),
        kind: str = "value",
        keeps: Mapping[str, tuple[float, float]] | None = None,
        asked: bool = True,
        **family: Iterable[object],
    ) -> Callable:
        def told(wrong):
            name = wrong.__name__
            rest = {
                "say": say,
                "target": target or namespace.get("TARGET") or exercise,
                "fails": frozenset(fails) or frozenset([exercise, *also]),
                "message": message,
                "also_said": tuple(also_said),
                "kind": Kind(kind),
                "keeps": dict(keeps or {}),
                "asked": asked,
            }
            ((keyword, values),) = family.items() if family else (("", ()),)
            if family:
                found.extend(
                    Mistake(assignment, exercise, f"{name}_{value}", family=name, value=(keyword, value), **rest)
                    for value in values
                )
            else:
                found.append(Mistake(assignment, exercise, name, **rest))
            if chosen and name == (chosen.family or chosen.name):
                wrongs.append(_with(wrong, chosen.value))
            return wrong

        return told

    wrongs: list[Any] = []
    rights = dict(namespace)
    if chosen:
        namespace["true"] = functools.reduce(
            getattr, chosen.target.split(".")[1:], namespace[chosen.target.split(".")[0]]
        )
    namespace["mistake"] = mistake
    exec(_program(path_of(assignment, exercise)), namespace)
    namespace |= rights  # a mistake or a helper of a name that the solution uses
    if chosen:
        (wrong,) = wrongs
        wrong.__name__ = chosen.target.rpartition(".")[2]
        _place(namespace, chosen.target, wrong)
    return found


def _with(function: Callable, value: tuple[str, object] | None) -> Callable:
    """Return a function of a family with its keyword given."""
    if value is None:
        return function
    keyword, given = value

    @functools.wraps(function)
    def one(*args, **kwargs):
        return function(*args, **kwargs, **{keyword: given})

    return one


def _place(namespace: dict[str, Any], target: str, function: Any) -> None:
    """Put a function in the place of `function`, or of `Class.method`."""
    owner, _, plain = target.rpartition(".")
    if owner:
        setattr(namespace[owner], plain, function)
    else:
        namespace[plain] = function
