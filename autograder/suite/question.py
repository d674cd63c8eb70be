"""One question to a submission: a call that knows its own words, so that a hidden test is a specification.

    ask(student, "kl_standard_normal", mu=mu, log_var=log_var).equals(oracles.kl_standard_normal)

`ask` is an assignment's own: a Question that knows the assignment's public cases. Where the answer is wrong, the same question is
put to all known mistakes of the exercise, and the one that answers alike is named (`known.recognise`).
"""

from collections.abc import Callable, Iterable, Sequence

import torch

from autograder.judging import expect, known, sentences
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong
from autograder.judging.statistics import Finding
from autograder.kernel.answers import Inspection, State
from autograder.kernel.remote import Handle
from autograder.kernel.wire import Seed
from autograder.suite.asking import NOTHING, Besides, demand_models_kept, fresh_chance, reseeds
from autograder.suite.call import Call
from autograder.suite.cases import missed

Formula = Callable[..., torch.Tensor]
UNASKED = object()  # in the place of an answer that is not known yet


class Question(Call):
    """A call with what may be demanded of its answer, and of what it does besides."""

    # --- what is said ---

    def wrong(self, expected: str, got: str, todo: str = "", hint: str = "", advice: str = "") -> Wrong:
        """Return the failure that says this question."""
        return Wrong(self.asked, expected, got, todo, hint, advice)

    def hint(self, got: object) -> str:
        """Return the known mistake that a wrong answer looks like."""
        return (
            self._looks(got)
            or known.recognise(self.exercise, got, self.of)
            or (known.recognise(self.exercise, got, self.of, self._own) if self._own else "")
            or ("" if "generator" in self.options else expect.unsteady(self.answer, got))
            or self._looks_last(got)
        )

    def example(self) -> str:
        """Return a public case that the student misses, in words."""
        return missed(self._cases.get(self.exercise, ()), self.student, self._build)

    # --- what is demanded ---

    def equals(
        self,
        want: torch.Tensor | Formula,
        *,
        also: Iterable[torch.Tensor | None] = (),
        got: object = UNASKED,
        todo: str = "",
        shape: str = "",
        gradient: bool | None = None,
    ) -> torch.Tensor:
        """Return the answer, where it is the value of a formula of the arguments; see `expect.close`.

        Args:
            want: the value, or the formula. also: other right answers.
            got: the answer, where it is already known.
            todo: what to do where values are wrong; shape: where the shape is.
            gradient: False where none may be left.
        """
        return expect.close(
            self.answer() if got is UNASKED else got,
            want(*self.arguments.values()) if callable(want) else want,
            asked=self.asked,
            also=also,
            hint=self.hint,
            gradient=gradient,
            todo=todo,
            shape_todo=shape,
            example=self.example,
        )

    def is_like(
        self, shape: Sequence[int], dtype: torch.dtype | None = None, *, got: object = UNASKED, todo: str = ""
    ) -> torch.Tensor:
        """Return the answer, where it is a finite tensor of that shape and dtype (None: any floating one); `todo` says what to do
        where the shape is wrong."""
        return expect.tensor(self.answer() if got is UNASKED else got, shape, dtype, asked=self.asked, todo=todo)

    def is_pair(self, got: object) -> tuple[object, object]:
        """Return the two items of an answer that is a pair (mu, log_var)."""
        return expect.pair(got, asked=self.asked)

    def has_gradients(
        self, formula: Formula, draw: Draw, wrt: Sequence[str], right: Callable[["Question"], object], todo: str = ""
    ) -> None:
        """Demand a right answer, which `right` demands, with the formula's gradients for the arguments named."""
        names = list(self.arguments)
        sources = [a.clone().requires_grad_(n in wrt) for n, a in self.arguments.items()]
        value = formula(*sources)
        cotangent = draw.normal(*value.shape)
        right(self)
        want = torch.autograd.grad((value * cotangent).sum(), [sources[names.index(name)] for name in wrt])
        got = self.gradient(wrt=tuple(names.index(name) for name in wrt), cotangent=cotangent).inputs
        for name, found, true in zip(wrt, got, want, strict=True):
            expect.derivative(found, true, asked=self.asked, of=name, todo=todo, right=True)

    def is_tidy(self, shape: Sequence[int], right: Callable[["Question"], object]) -> None:
        """Demand a right answer, which `right` demands, and that the call does nothing else."""
        chance, seen = fresh_chance(self.student), self.inspected()
        after = self.student.global_rng()
        self.is_like(shape, got=seen.value)
        expect.varied(seen.value, asked=self.asked)
        right(self)
        self.leaves_alone(seen)
        self.draws_nothing(chance, after, todo="Everything it needs is in its arguments.")

    def is_varied(self, got: object) -> None:
        """Demand finite numbers that differ: a constant answers nothing."""
        expect.varied(got, asked=self.asked)

    def has_derivative(
        self, got: torch.Tensor | None, want: torch.Tensor, of: str, hint: str = "", right: bool = True
    ) -> None:
        """Demand a gradient, or a slope, of an answer whose value is `right`; hint: what is known of another gradient."""
        expect.derivative(got, want, asked=self.asked, of=of, hint=hint, right=right)

    def leaves_alone(self, seen: Inspection) -> None:
        """Demand that a call printed nothing, and left torch's settings and its arguments as they were."""
        self.prints_nothing(seen)
        expect.surroundings_kept(seen, asked=self.asked)
        self.keeps_inputs(seen)

    def touches_nothing(
        self, module: Handle, training: Iterable[str] = (), still: str = sentences.GLOBAL_USED
    ) -> object:
        """Return the answer of a call that prints and draws nothing, and leaves its arguments and a module as they were.

        Args:
            module: whose parameters, buffers, gradients and modes are to stay.
            training: its parts that are put into training mode before. still: what to do where the call draws.
        """
        for part in training:
            module.attribute(part).train()
        before, chance = module.state(), fresh_chance(self.student)
        seen = self.inspected()
        after = self.student.global_rng()
        self.leaves_alone(seen)
        self.draws_nothing(chance, after, still)
        self.keeps_state(before, module.state())
        return seen.value

    def prints_nothing(self, seen: Inspection) -> None:
        """Demand that a call printed nothing."""
        expect.silent(seen, asked=self.asked)

    def keeps_inputs(self, seen: Inspection) -> None:
        """Demand that a call left its arguments as they were."""
        expect.inputs_kept(seen, self.arguments, asked=self.asked)

    def keeps_state(self, before: State, after: State) -> None:
        """Demand that a model is as it was."""
        expect.state_kept(before, after, asked=self.asked)

    def draws_nothing(self, before: torch.Tensor, after: torch.Tensor, todo: str = sentences.GLOBAL_USED) -> None:
        """Demand that nothing was drawn from torch's global generator between two of its states."""
        expect.random_state_kept(before, after, asked=self.asked, todo=todo)

    def leaves_no_gradient(self, parameters_of: Handle) -> None:
        """Demand that no gradient of the answer reaches a model: one that is zero throughout counts as none."""
        reached = self.gradient(wrt=(), parameters_of=parameters_of).parameters.values()
        if any(gradient is not None and bool(gradient.any()) for gradient in reached):
            came = "one whose gradient reaches the model"
            raise self.wrong("a result without gradient", came, hint=sentences.GRADIENT_LEFT)

    def agrees(self, finding: Finding, expected: str, got: str, todo: str = "", hint: str = "") -> None:
        """Demand a statistical finding."""
        expect.agrees(finding, asked=self.asked, expected=expected, got=got, todo=todo, hint=hint)

    def follows_its_generator(
        self,
        seed: int,
        like: Callable[["Question"], torch.Tensor],
        *,
        alone: bool = True,
        same: str = sentences.NOT_RANDOM,
        ignored: str = sentences.GENERATOR_IGNORED,
    ) -> None:
        """Demand one answer for one seed of its generator, and another for another seed.

        Args:
            like: returns the answer, where it is of the right kind.
            alone: whether torch's global generator is to be left alone, too.
            same: what is said where all seeds give the same; ignored: where one seed gives two answers.
        """
        self._at(self.student)  # before: a model that is built draws its parameters
        chance = fresh_chance(self.student)
        first, again, other = (like(self.given(generator=Seed(s))) for s in (seed, seed, seed + 1))
        if not torch.equal(first, again):
            raise self.wrong("the same sample for the same seed", "another one", hint=ignored)
        if torch.equal(first, other):
            raise self.wrong("another sample for another seed", "the same one", hint=same)
        if alone:
            self.draws_nothing(chance, self.student.global_rng())

    def keeps_models(self, earlier: Besides = NOTHING, draws: bool = False) -> None:
        """Demand that the call leaves a model as it was; see `asking.demand_models_kept`."""

        def inspect(model: Handle) -> Inspection:
            target = (model, self.name) if self._on else self.name
            given = [model if callable(argument) else argument for argument in self.arguments.values()]
            return self.student.inspect(target, *given, **self.options)

        demand_models_kept(self.student, self.toy, inspect, self.asked, build=self._build, earlier=earlier, draws=draws)

    def keeps_seed(self, draw: Draw) -> None:
        """Demand of a function without a generator of its own that it draws from torch's global one, and does not seed it."""
        if reseeds(self.student, self.answer, draw):
            raise self.wrong(
                "torch's global generator to keep its seed", "one that was seeded", hint=sentences.RESEEDED
            )

    def refuses(self, error: str, todo: str) -> None:
        """Demand the exception of that name."""
        expect.refused(self.answer, error, asked=self.asked, todo=todo)
