"""The visible checks in a terminal, beside the notebook, without training: `python -m lab.check NOTEBOOK [EXERCISE ...]`.

In a notebook, `lab.check("elbo")` is the function of lab/checks.py.
"""

import difflib
import sys
from pathlib import Path

from lab import cells, checks
from lab.defining import Definitions


def main(arguments: list[str]) -> int:
    """Run the checks that are asked for and return 0 where all passed, 1 where one did not, 2 where a name means nothing."""
    found = {path.stem: path for path in cells.notebooks()}
    if not found:
        print("No notebook lies in this folder: go to the folder that holds your notebook and lab/.")
        return 2
    name = Path(arguments[0]).stem if arguments else next(iter(found)) if len(found) == 1 else ""
    if name not in found:
        near = difflib.get_close_matches(name, found, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        asked = (
            f"There is no notebook {name}." if name else "Which notebook? python -m lab.check NOTEBOOK [EXERCISE ...]"
        )
        print(f"{asked}{hint}\nThere are: {', '.join(found)}.")
        return 2
    code = cells.read(found[name])
    tests = {cell.exercise: cell for cell in code if cell.exercise}
    if not tests:
        print(f"{found[name].name} has no checks, or is no notebook. Open it in Jupyter, and save it.")
        return 2
    try:
        wanted = set(cells.chosen(tuple(arguments[1:]), tests))
    except LookupError as error:
        print(error)
        return 2
    definitions, results = Definitions({"__name__": "__main__"}), []
    for cell in code:
        if not cell.exercise:
            definitions.add(cell.source, cell.name, cell.answer)
        elif cell.exercise in wanted:
            results.append(checks.run(cell, definitions, list(tests.values())))
    checks.report(results)
    return int(any(result.state == "failed" for result in results))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("stopped")
