"""Who may import whom: the grader's rooms stand on floors, and every arrow points down."""

import ast
from pathlib import Path

import pytest

GRADER = Path(__file__).resolve().parent.parent / "autograder"
# a room is a folder or a module of autograder/; each imports itself and what stands after it
FLOORS = ["__main__", "door", "doctor", "examine", "suite", "trained", "judging", "intake", "kernel", "sandbox"]
FLOORS += ["publish", "placeholders", "reporting", "catalogue", "roster", "course", "interrupt", "text"]
MODULES = {
    path.relative_to(GRADER).as_posix(): path.read_text(encoding="utf-8") for path in sorted(GRADER.rglob("*.py"))
}
TOYS = sorted(path for path in MODULES if path.startswith("suite/") and path.endswith("/toys.py"))
SENT_OR_STARTED_ALONE = ["kernel/agent.py", "kernel/wire.py", "sandbox/landlock.py", *TOYS]


def room_of(path):
    """Return the room that a module of autograder/ belongs to."""
    return path.split("/")[0].removesuffix(".py")


def imported(source):
    """Return the rooms that a module's source imports, in functions too; an import relative to its place as `.`."""
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["autograder.."] if node.level else [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        rooms |= {name.split(".")[1] or "." for name in names if name.split(".")[0] == "autograder" and "." in name}
    return rooms


def arrows_up(room, source):
    """Return the rooms that a source in this room imports although they do not stand below it."""
    return sorted(imported(source) - set(FLOORS[FLOORS.index(room) :]))


@pytest.mark.parametrize("path", [path for path in MODULES if path != "__init__.py"])
def test_arrows_point_down(path):
    """No module imports what stands above its room, nor a room that stands on no floor."""
    assert arrows_up(room_of(path), MODULES[path]) == []


def test_every_room_stands_on_a_floor():
    """A new room, or one that is gone, is a change of the order above."""
    assert {room_of(path) for path in MODULES} - {"__init__"} == set(FLOORS)


@pytest.mark.parametrize("path", SENT_OR_STARTED_ALONE)
def test_what_runs_elsewhere_needs_nothing_of_the_grader(path):
    """The answering end and the suites' toys are sent to kernels as source, and Landlock's launcher is started as a file."""
    assert imported(MODULES[path]) == set()


@pytest.mark.parametrize(
    "line",
    [
        "from autograder.judging import draw",
        "from autograder.judging.draw import Draw",
        "from autograder import course, judging",
        "import autograder.judging.draw as inputs",
        "def late():\n    from autograder.judging import draw",
        "from ..judging import draw",
        "from autograder.attic import draw",
    ],
)
def test_an_arrow_up_is_found(line):
    """A sandbox that knew how answers are judged would be named, however it imports that."""
    source = MODULES["sandbox/levels.py"]
    assert arrows_up("sandbox", source) == []
    assert arrows_up("sandbox", f"{source}\n{line}\n") != []


def test_an_arrow_down_is_allowed():
    """What judges answers may ask kernels, and use what all use."""
    line = "from autograder.kernel.remote import Student\nfrom autograder.text import printable\nimport autograder\n"
    assert arrows_up("judging", line) == []
