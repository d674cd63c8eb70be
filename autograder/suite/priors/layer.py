"""Questions to a planar layer, which planar_flow, planar_inverse and flow_prior ask."""

import functools
from collections.abc import Iterable, Sequence

import torch

from autograder.judging import known
from autograder.judging.draw import Draw
from autograder.kernel.remote import Handle, Student
from autograder.suite.priors.follow import both, own_volume
from autograder.suite.priors.shared import ask, has_gradients, planar_at
from autograder.suite.priors.truth import Planar
from autograder.suite.question import Question

NAMES = ("planar_flow", "planar_log_det")  # of the public cases, by item
SHAPES = ("f(v) has the shape of v.", "There is one log|det| for every point.")


def layer(
    student: Student, planar: Planar, v: torch.Tensor, item: int | None = None, flow: Handle | None = None
) -> Question:
    """Return the question for f(v) and log|det|, or for the first (0) or the second (1) of them; `flow`: asked of a layer that is
    there already."""

    def build(asked: Student) -> Handle:
        return flow if flow is not None and asked is student else planar_at(asked, planar)

    question = ask(student, "", v=v).on(build, "flow")
    question.of_exercise("planar_flow", NAMES[item or 0])
    question.taking(lambda got: both(got, question.asked) if item is None else both(got, question.asked)[item])
    return question if item is None else question.adding(f"its {('first', 'second')[item]} result")


def is_right(
    student: Student,
    planar: Planar,
    v: torch.Tensor,
    items: Sequence[int] = (0, 1),
    also: Sequence[Iterable[torch.Tensor]] = ((), ()),
    todo: str = "",
) -> None:
    """Demand f(v) (item 0) and log|det| (item 1) by the formula, or other values that are as right."""
    truth = planar.double()
    for item in items:
        question, formula = layer(student, planar, v, item), (truth.move, truth.log_det)[item]
        whole = question.whole(student)

        def together(_: object, question=question, whole=whole) -> str:
            """Look for the mistake that answers both alike: one alone may be several mistakes'."""
            return known.recognise("planar_flow", joined(whole), lambda other: joined(question.whole(other)))

        question.looking(together).equals(
            formula(v.double()).to(v.dtype),
            got=question.taken(whole),
            also=also[item],
            todo=todo,
            shape=SHAPES[item],
        )


def joined(pair: object) -> torch.Tensor | None:
    """Return two tensors as one, or None where they are none."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        return None
    tensors = [one.flatten() for one in pair if isinstance(one, torch.Tensor) and one.is_floating_point()]
    return torch.cat(tensors) if len(tensors) == 2 else None


def passes_gradients(student: Student, draw: Draw) -> None:
    """Demand that the gradients of f(v) and of log|det| reach v and the parameters."""
    planar, v = Planar.drawn(draw, 2, 1.0), draw.normal(4, 2)
    flow = planar_at(student, planar)
    is_right(student, planar, v, also=((), own_volume(flow, v)))
    for item, name in enumerate(("move", "log_det")):
        truth = functools.partial(lambda v, p, name: getattr(Planar(**p), name)(v), name=name)
        has_gradients(layer(student, planar, v, item, flow), planar.parameters, truth, draw, part=item)
