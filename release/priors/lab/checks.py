"""The visible checks of a notebook by name: `lab.check("elbo")` in it, `python -m lab.check vae elbo` in a terminal.

The checks are the notebook's own test cells, and no copy of them. A test cell is known by nbgrader's name for it (`test_elbo`),
else by its id, else by its first line: `assert "elbo" in globals()`. What a check finds is printed as a short block, never raised.
Not here: grading, which asks for more than these checks.
"""

import contextlib
import difflib
import linecache
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType

import torch

from lab.cells import Cell, chosen, notebooks, read
from lab.defining import Definitions, loaded, syntax_error
from lab.errors import LabError


@dataclass(frozen=True)
class Result:
    """What came of a check: "passed", "failed" or "not run", and what is to be said of it."""

    exercise: str
    state: str
    text: str = ""

    def __str__(self) -> str:
        return "\n    ".join([f"{self.exercise}: {self.state}", *self.text.splitlines()])


def check(*names: str) -> None:
    """Run the visible checks of exercises on what this notebook has defined, and print what came; without a name, all.

    Nothing is trained, and no variable of the notebook changes.

    Args:
        names: exercises, as "elbo"; "VAE.elbo", "test_elbo" and "Encoder" mean the same as "elbo" and "encoder".
    """
    space = _namespace()
    if space is None:
        print("lab.check(...) looks at a notebook that is open. In a terminal: python -m lab.check NOTEBOOK EXERCISE")
        return
    paths = notebooks()
    here = {Path(str(name)).name for name in (space.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME"))}
    checks: dict[str, Cell] = {}
    for path in [path for path in paths if path.name in here] or paths:
        for cell in read(path):
            if cell.exercise:
                checks.setdefault(cell.exercise, cell)
    if not checks:
        print("No notebook with checks lies beside the folder lab: put the one that you were given there.")
        return
    try:
        wanted = chosen(names, checks)
    except LookupError as error:
        print(error)
        return
    definitions = Definitions(space)
    report([run(checks[name], definitions, list(checks.values())) for name in wanted])


def report(results: list[Result]) -> None:
    """Print a block for each result, and how many passed."""
    print(*results, sep="\n")
    if len(results) > 1:
        passed = sum(result.state == "passed" for result in results)
        print(f"{passed} of {len(results)} passed. Grading asks for more than these checks.")


def run(check: Cell, definitions: Definitions, checks: list[Cell]) -> Result:
    """Return what comes of a check.

    Args:
        check: its test cell.
        definitions: what the student has defined.
        checks: all test cells of the notebook, which say what is no renamed function.
    """
    space, exercise = definitions.space, check.exercise
    if why := next((definitions.failed[name] for name in check.needs if name in definitions.failed), ""):
        return Result(exercise, "failed", why)
    if missing := (loaded(check.source) | set(check.needs)) & definitions.skipped.keys() - space.keys():
        where = definitions.skipped[min(missing)]
        why = f"{where} makes what it looks at, and is not run here.\nIn the notebook: lab.check({exercise!r})"
        return Result(exercise, "not run", why)
    trial = dict(space)  # the check's own variables stay out of the notebook
    filename = f"<check of {exercise}>"
    linecache.cache[filename] = (len(check.source), None, check.source.splitlines(True), filename)
    try:
        with _without_traces():
            exec(compile(check.source, filename, "exec"), trial)
    except (Exception, SystemExit) as error:
        lines = [_told(error, check, space, trial)]
        lines += [_not_defined(name, space, checks) for name in check.needs if name not in space]
        if isinstance(error, NameError) and error.name in definitions.failed | definitions.skipped:
            lines.append(definitions.why(error.name))
        return Result(exercise, "failed", "\n".join(filter(None, lines)))
    return Result(exercise, "passed")


def _namespace() -> dict | None:
    """Return the variables of the notebook that is running, None outside of one."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return None if shell is None else shell.user_ns


@contextlib.contextmanager
def _without_traces() -> Iterator[None]:
    """For the time of a check, let `lab.fit` load finished models and train none, and keep torch's generator as it is."""
    before = os.environ.get("COURSE_TRAINING")
    os.environ["COURSE_TRAINING"] = "weights"
    try:
        with torch.random.fork_rng():
            yield
    finally:
        if before is None:
            del os.environ["COURSE_TRAINING"]
        else:
            os.environ["COURSE_TRAINING"] = before


def _told(error: BaseException, check: Cell, space: dict, trial: dict) -> str:
    """Return what a check's error says to the student: the check's message, or the line of their own code."""
    own, deepest = None, None
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_globals is space or step.tb_frame.f_globals is trial:
            deepest = step
        if step.tb_frame.f_globals is space:
            own = step
        step = step.tb_next
    if deepest is None or isinstance(error, LabError):
        return str(error)
    name, line = type(error).__name__, linecache.getline(deepest.tb_frame.f_code.co_filename, deepest.tb_lineno).strip()
    if deepest is not own:
        if isinstance(error, AssertionError) and str(error):
            return str(error)
        nothing = f"\nDoes {check.exercise} return what it computes?" if "NoneType" in str(error) else ""
        return f"{name}: {error}\nwhere the check says: {line}{nothing}"
    code = own.tb_frame.f_code
    function = re.sub(r"\.(__init__|forward|<.*)$", "", getattr(code, "co_qualname", code.co_name))
    if isinstance(error, NotImplementedError):
        first = (
            "" if {*function.split(".")} & {check.exercise, *check.needs} else " This check calls it: write it first."
        )
        return f"{function} is not written yet.{first}"
    meant = difflib.get_close_matches(error.name, own.tb_frame.f_locals, 1) if isinstance(error, NameError) else []
    hint = f"\nDid you mean {meant[0]}?" if meant else ""
    return f"{name}: {error}\nin {function}, line {own.tb_lineno} of your cell: {line}{hint}"


def _not_defined(name: str, space: dict, checks: list[Cell]) -> str:
    """Return why a name is not there: its cell does not run, or gives another name; what was run last counts; empty if unknown."""
    asked = {need for cell in checks for need in cell.needs}
    own = [
        other
        for other, value in space.items()
        if isinstance(value, FunctionType | type) and value.__module__ == "__main__" and other not in asked
    ]
    near = difflib.get_close_matches(name, own, 1)
    names = "|".join(map(re.escape, [name, *near]))
    for source in reversed(space.get("In", [])):
        if found := re.search(rf"^\s*(?:def|class)\s+({names})\b", source, re.MULTILINE):
            if found[1] == name:
                return syntax_error(source)
            break
    return f"There is {near[0]}: give it back the name {name}." if near else ""
