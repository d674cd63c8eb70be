"""`python -m tests.attacks`: grades all attacks, with honest neighbours between them, and prints a table by family."""

import argparse
import functools
import signal
import sys

from autograder.sandbox import levels
from tests.attacks.classroom import HarnessError
from tests.attacks.corpus import FAMILIES, attacks
from tests.attacks.run import run, table


def main() -> int:
    """Return 1 where an attack succeeds or an honest neighbour pays for it, 2 where nothing could be found out."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("names", nargs="*", help="families, or attacks as family/name; all where none is given")
    parser.add_argument(
        "--level", choices=("bubblewrap", "landlock", "none"), default="bubblewrap", help="of the sandbox"
    )
    parser.add_argument(
        "--neighbours", choices=("each", "family"), default="each", help="an honest one after each attack, or family"
    )
    parser.add_argument("--jobs", type=int, default=2, help="gradings at the same time")
    parser.add_argument("--reckless", action="store_true", help="also what harms the machine, at level none")
    parser.add_argument("--logs", action="store_true", help="print what the grader said of attacks that succeeded")
    choice = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that nothing is left behind
    chosen = [a for a in attacks() if not choice.names or str(a) in choice.names or a.family in choice.names]
    unknown = set(choice.names) - {*map(str, chosen), *FAMILIES}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))} in the corpus")
    if why := levels.unusable(choice.level):
        print(why)
        return 2
    if choice.level == "none" and not choice.reckless:
        left_out = [str(attack) for attack in chosen if attack.dangerous]
        chosen = [attack for attack in chosen if not attack.dangerous]
        print(
            f"left out, because they would harm a machine without a sandbox: {', '.join(left_out) or 'none'}",
            flush=True,
        )
    try:
        each, say = choice.neighbours == "each", functools.partial(print, flush=True)
        results = run(chosen, choice.level, jobs=choice.jobs, each=each, reckless=choice.reckless, say=say)
    except HarnessError as error:
        print(error)
        return 2
    for result in results if choice.logs else ():
        print(f"--- {result.family}/{result.name}\n{result.log}" if result.log else "", end="")
    print(table(results))
    return int(any(result.reasons for result in results))


if __name__ == "__main__":
    sys.exit(main())
