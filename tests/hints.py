"""What students are told about the known mistakes, counted: `python -m tests.hints [assignment ...]`.

A hint is true where it is the mistake's sentence or holds other words that say as much (`also_said`), and false otherwise: its
formula or behaviour is another mistake's. One false hint makes a mistake count as false.
"""

import sys
from dataclasses import dataclass, field

import torch

from autograder import catalogue
from autograder.judging.known import Mistake
from autograder.reporting.report import Status
from tests.suites import Suite, evaluation


@dataclass
class Told:
    """What one mistake was told by the hidden tests of the exercises that it fails.

    Attributes:
        caught: every exercise that the mistake says it fails did fail.
        true, false: hints by kind. message: the message alone says it.
    """

    caught: bool
    true: set[str] = field(default_factory=set)
    false: set[str] = field(default_factory=set)
    message: bool = False


def told(suite: Suite, mistake: Mistake, secret: str = "secret") -> Told:
    """Return what one mistake was told."""
    words = [text for text in (mistake.say, mistake.message, *mistake.also_said) if text]
    found = suite.outcomes(mistake.submission(), secret, lambda name: evaluation(), mistake.fails)
    failed = [outcome for outcome in found if outcome.status is Status.FAILED]
    result = Told({outcome.cell for outcome in failed} == mistake.fails)
    for outcome in failed:
        if outcome.hint:
            (result.true if any(word in outcome.hint for word in words) else result.false).add(outcome.hint)
        result.message |= bool(mistake.message) and mistake.message in outcome.message
    return result


def table(everything: dict[str, dict[str, Told]]) -> str:
    """Return the counts, one line an assignment, and the false hints by mistake."""
    lines = [
        f"{'':8} {'mistakes':>8} {'caught':>7} {'hinted':>7} {'true':>6} {'false':>6} {'message alone':>14} {'true of caught':>15}"
    ]
    for name, mistakes in {
        **everything,
        "all": {(name, k): v for name, each in everything.items() for k, v in each.items()},
    }.items():
        caught = [each for each in mistakes.values() if each.caught]
        true = sum(bool(each.true) and not each.false for each in caught)
        false = sum(bool(each.false) for each in caught)
        alone = sum(each.message and not each.true and not each.false for each in caught)
        hinted = sum(bool(each.true or each.false) for each in caught)
        share = true / max(1, len(caught))
        lines.append(
            f"{name:8} {len(mistakes):8} {len(caught):7} {hinted:7} {true:6} {false:6} {alone:14} {share:15.0%}"
        )
    for name, mistakes in everything.items():
        for mistake, each in mistakes.items():
            lines += [f"false: {name}/{mistake}: {hint}" for hint in sorted(each.false)]
            lines += [f"no hint: {name}/{mistake}"] if each.caught and not each.true and not each.false else []
            lines += [f"not caught: {name}/{mistake}"] if not each.caught else []
    return "\n".join(lines)


def main(assignments: list[str]) -> int:
    """Print the table; 1 where a mistake was not caught or was given a false hint."""
    torch.set_num_threads(1)
    everything = {}
    for name in assignments:
        suite = Suite(name)
        everything[name] = {mistake: told(suite, one) for mistake, one in suite.mistakes.items()}
    print(table(everything))
    return int(any(each.false or not each.caught for mistakes in everything.values() for each in mistakes.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or catalogue.every()))
