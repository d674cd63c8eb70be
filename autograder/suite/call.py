"""One call of a student's function: who is asked, what with, and the call in words. What is demanded of it stands in `question`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Self

from autograder.judging import expect
from autograder.judging.oracles import AffineModel
from autograder.kernel.answers import Gradient, Inspection, Watched
from autograder.kernel.remote import Handle, Student
from autograder.suite.cases import Build, Case


class Call:
    """A call of a student's function, or of a method.

    Args:
        student: who is asked.
        name: the function; also the exercise whose known mistakes and public cases count.
        arguments: what it is called with, in this order. A function among them builds the argument at a student's: a model.
        cases: the assignment's public cases, by exercise. build: what places a toy in a model for them.
    """

    def __init__(
        self,
        student: Student,
        name: str,
        arguments: Mapping[str, object],
        cases: Mapping[str, Iterable[Case]],
        build: Build = None,
    ):
        self.student, self.name, self.arguments, self._cases, self._build = student, name, dict(arguments), cases, build
        self.exercise, self.options = name, {}
        self._more, self._seen, self._take = "", ("", None), lambda got: got
        self._on, self._called, self._after, self._own, self._looks = None, "", "", {}, lambda got: ""
        self._looks_last = lambda got: ""
        self.toy: AffineModel | None = None  # the model that is asked about
        self._placed: tuple[object, list[object]] | None = None

    # --- the call; each returns the call itself ---

    def on(self, build: Callable[[Student], Handle], called: str) -> Self:
        """Ask a method of what `build` makes at a student's, `called` so in words."""
        self._on, self._called = build, f"{called}."
        return self

    def of_exercise(self, exercise: str, cases: str = "") -> Self:
        """Take another exercise's known mistakes and public cases (of the name `cases`) than the one of the function's name."""
        self.exercise, self._cases = exercise, {exercise: self._cases.get(cases or exercise, ())}
        return self

    def given(self, **options: object) -> Self:
        """Hand over by keyword, after the arguments."""
        self.options = options
        return self

    def after(self, words: str) -> Self:
        """Say what happened before the call."""
        self._after = f"{words}, then "
        return self

    def adding(self, words: str) -> Self:
        """Say more of the arguments."""
        self._more = f", {words}"
        return self

    def seeing(self, words: str, look: Callable[[Student], object]) -> Self:
        """Ask for what is seen after calls, in words, and not for an answer: `look` makes the calls at a student's."""
        self._seen = words, look
        return self

    def taking(self, take: Callable[[object], object]) -> Self:
        """Ask for what `take` takes of an answer, such as one of two items."""
        self._take = take
        return self

    def behind(self, own: Mapping[str, Callable]) -> Self:
        """Recognise a mistake behind a first one: `own` is what the student's earlier functions answer, by target."""
        self._own = own
        return self

    def shown_by(self, build: Build) -> Self:
        """Place toys of public cases in another way than the assignment does."""
        self._build = build
        return self

    def looking(self, look: Callable[[object], str]) -> Self:
        """Look for something else in a wrong answer before known mistakes: `look` returns a sentence or nothing."""
        self._looks = look
        return self

    def looking_last(self, look: Callable[[object], str]) -> Self:
        """Look for something else in a wrong answer where no known mistake answers alike: as `looking`."""
        self._looks_last = look
        return self

    @property
    def asked(self) -> str:
        """The question in words."""
        words = self._seen[0] or expect.call((self._called + self.name).rstrip("."), **self.arguments, **self.options)
        return self._after + words + self._more

    # --- the answer ---

    def of(self, student: Student) -> object:
        """Return what a student answers."""
        return self._seen[1](student) if self._seen[1] else self.taken(self.whole(student))

    def whole(self, student: Student) -> object:
        """Return all that a student answers, where a part of it is asked for."""
        target, given = self._at(student)
        return student.call(target, *given, **self.options)

    def kept(self, student: Student) -> Handle:
        """Return all that a student answers as an object that stays there: for what is no plain value."""
        target, given = self._at(student)
        return student.new(target, *given, **self.options)

    def taken(self, answer: object) -> object:
        """Return the part of an answer that is asked for."""
        return self._take(answer)

    def answer(self) -> object:
        """Return what the student answers."""
        return self.of(self.student)

    def inspected(self) -> Inspection:
        """Return the answer with what the call did besides."""
        target, given = self._at(self.student)
        return self.student.inspect(target, *given, **self.options)

    def watched(self, parts_of: Handle) -> Watched:
        """Return the answer with the memory it took and what the parts of a model were called with."""
        target, given = self._at(self.student)
        return self.student.watch(target, *given, **self.options, parts_of=parts_of)

    def gradient(self, **how: object) -> Gradient:
        """Return the gradient of the answer; see `Student.gradient`."""
        target, given = self._at(self.student)
        return self.student.gradient(target, *given, **self.options, **how)

    def placed(self, name: str) -> Handle:
        """Return what was built for an argument at the student's."""
        return self._at(self.student)[1][list(self.arguments).index(name)]

    @property
    def builds_owner(self) -> Callable[[Student], Handle]:
        """What makes the object whose method is asked, at any student's."""
        return self._on

    def owner(self) -> Handle:
        """Return the student's object whose method is asked."""
        return self._at(self.student)[0][0]

    def _at(self, student: Student) -> tuple[object, list[object]]:
        """Return what is called and with what: built once for the student that is asked, and anew for each known mistake."""
        if student is self.student and self._placed:
            return self._placed
        target = (self._on(student), self.name) if self._on else self.name
        found = target, [argument(student) if callable(argument) else argument for argument in self.arguments.values()]
        if student is self.student:
            self._placed = found
        return found
