"""Grades the corpus in a few classrooms at once, and says what came of it."""

import functools
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.attacks.classroom import BASES, Classroom, prepare
from tests.attacks.corpus import FAMILIES, Attack

PLACE = "/tmp"  # a short path: names of sockets have at most 107 characters


@dataclass(frozen=True)
class Result:
    """How a grading ended.

    Args:
        family: of the attack, or of the attacks before an honest neighbour.
        name: of the attack; empty for a neighbour.
        reasons: what was achieved, or what is different from a neighbour graded alone; empty where all is well.
        seconds: that it took.
        log: what the grading printed, where something is wrong.
    """

    family: str
    name: str
    reasons: tuple[str, ...]
    seconds: float
    log: str


def run(
    attacks: Iterable[Attack],
    level: str,
    *,
    jobs: int = 2,
    each: bool = False,
    reckless: bool = False,
    say: Callable[[str], None] = print,
) -> list[Result]:
    """Grade attacks, and honest neighbours after them.

    Args:
        level: of the sandbox.
        jobs: classrooms that grade at the same time.
        each: a neighbour after every attack; else after the attacks of a family.
        reckless: also grade what harms the machine where there is no sandbox.
        say: called with a line for each result.
    Raises:
        ValueError: a dangerous attack without a sandbox.
        classroom.HarnessError: honest submissions cannot be graded here.
    """
    attacks = list(attacks)
    if level == "none" and not reckless and (harmful := [str(attack) for attack in attacks if attack.dangerous]):
        raise ValueError(f"{', '.join(harmful)}: would harm a machine without a sandbox")
    by_kind = {kind: deque(attack for attack in attacks if attack.base in bases) for kind, bases in BASES.items()}
    by_kind = {kind: queue for kind, queue in by_kind.items() if queue}
    results: list[Result] = []

    def graded(family: str, name: str, room: Classroom, grade: Callable[[], list[str]]) -> bool:
        """Note the result of a grading, and return whether all is well."""
        started = time.monotonic()
        reasons = tuple(grade())
        seconds = time.monotonic() - started
        results.append(Result(family, name, reasons, seconds, room.log() if reasons else ""))
        number = len([one for one in results if one.name])
        word = ("SUCCEEDED" if name else "WRONG") + f": {reasons[0]}" if reasons else "held" if name else "right"
        say(f"{number:3}/{len(attacks)} {family}/{name or '(neighbour)'}: {word} ({seconds:.1f} s)")
        return not reasons

    def work(job: int) -> None:
        """Take attacks from the queues; the one with trained models belongs to the first job, which begins with it."""
        for kind in ("trained", "small") if job == 0 else ("small",):
            queue = by_kind.get(kind)
            if not queue:
                continue
            prepared[kind].result()
            with Classroom(folder / kind, folder / f"{kind}{job}") as room:
                last = ""
                while queue:
                    attack = queue.popleft()
                    if last and attack.family != last and not each:
                        graded(last, "", room, room.neighbour)
                    last = attack.family
                    well = graded(attack.family, attack.name, room, functools.partial(room.attack, attack))
                    if each:
                        well &= graded(last, "", room, room.neighbour)
                    if not well:
                        room.restore()
                if last and not each:
                    graded(last, "", room, room.neighbour)

    folder = Path(tempfile.mkdtemp(prefix="attacks-", dir=PLACE))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        preparing, pool = (stack.enter_context(ThreadPoolExecutor(n)) for n in (len(BASES), jobs))
        prepared = {kind: preparing.submit(prepare, folder / kind, kind, level) for kind in by_kind}
        try:
            for done in as_completed([pool.submit(work, job) for job in range(jobs)]):
                done.result()
        except BaseException:  # the other classrooms end after the attack they are at
            for queue in by_kind.values():
                queue.clear()
            raise
    return sorted(results, key=lambda result: (FAMILIES.index(result.family), result.name))


def table(results: list[Result]) -> str:
    """Return the table by family, and below it what succeeded."""
    lines = [f"{'family':12} {'submissions':>11} {'succeeded':>10} {'honest neighbours right':>24} {'seconds':>8}"]
    for family in (*FAMILIES, "all"):
        of = [result for result in results if family in (result.family, "all")]
        tried, neighbours = [one for one in of if one.name], [one for one in of if not one.name]
        won, right = sum(bool(one.reasons) for one in tried), sum(not one.reasons for one in neighbours)
        seconds = sum(one.seconds for one in of)
        lines.append(f"{family:12} {len(tried):11} {won:10} {f'{right} of {len(neighbours)}':>24} {seconds:8.0f}")
    for result in results:
        lines += [f"{result.family}/{result.name or '(neighbour)'}: {reason}" for reason in result.reasons]
    return "\n".join(lines)
