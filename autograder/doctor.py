"""Says what of torch, GPU, data, sandbox and nbgrader is there, and what to do about what is missing."""

import contextlib
import os
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import nbformat

from autograder import roster
from autograder.course import ROOT, ConfigError, Course
from autograder.sandbox import levels
from autograder.sandbox.limits import ControlGroup

MIN_FREE_GIB = 2
WRITTEN = ("autograded", "reports", "examined")  # folders that grading writes into
LOCK_S = 5  # how long another program may hold the gradebook


def preflight(course: Course, coursedir) -> None:
    """Make sure that grading can start.

    Args:
        course: the configuration.
        coursedir: nbgrader's CourseDirectory.
    Raises:
        ConfigError: the data set, the release, a writable gradebook or a writable folder is missing.
    """
    folder = Path(coursedir.format_path(coursedir.release_directory, ".", coursedir.assignment_id))
    if not any(folder.glob("*.ipynb")):
        raise ConfigError(
            f"release/{folder.name}: no notebook there; run `nbgrader generate_assignment {folder.name}` first."
        )
    if (why := levels.unusable(course.sandbox)) is not None:
        raise ConfigError(f"sandbox = {course.sandbox!r}: {why}.")
    _data(course)
    _gradebook(coursedir.db_url, course.root)
    for name in WRITTEN:
        writable(course.root / name)


def writable(folder: Path) -> None:
    """Make sure that files can be written into a folder of the course, by doing so; it is made where it is missing.

    Raises:
        ConfigError: they cannot.
    """
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"{folder.name}/: nothing can be written there ({error.strerror}); check the folder's owner and rights."
        ) from None


def checks(course: Course) -> list[tuple[str, Callable[[], str]]]:
    """Return the doctor's checks: a name, and a function that returns what was found or raises with what to do."""
    return [
        ("python", _python),
        ("torch", _torch),
        ("gpu", lambda: _gpu(course)),
        ("data", lambda: _data(course)),
        ("reference", lambda: _reference(course)),
        ("training", lambda: _training(course)),
        ("sandbox", lambda: _sandbox(course)),
        ("nbgrader", _nbgrader),
        ("people", lambda: _people(course)),
        ("dates", lambda: _dates(course)),
        ("gradebook", lambda: _gradebook(course.gradebook, course.root)),
        ("disk", _disk),
    ]


def examine_machine(course: Course, say: Callable[[str], None] = print) -> bool:
    """Say each check's result in a line; return whether grading can start."""
    well = True
    for name, check in checks(course):
        try:
            say(f"ok       {name:10} {check()}")
        except Exception as problem:
            well = False
            say(f"PROBLEM  {name:10} {problem}")
    return well


def _python() -> str:
    return sys.version.split()[0]


def _torch() -> str:
    import torch
    import torchvision

    return f"torch {torch.__version__}, torchvision {torchvision.__version__}, {torch.get_num_threads()} threads here, one in a kernel"


def _gpu(course: Course) -> str:
    import torch

    if not torch.cuda.is_available():
        if course.device == "cuda":
            raise ConfigError(
                "device is 'cuda', but torch finds no GPU that works: check nvidia-smi, or set device = 'auto'."
            )
        return "none that torch can use; grading runs on the processor"
    torch.ones(2, device="cuda").sum().item()  # a real operation: listing a GPU does not show that it works
    if levels.unusable(course.sandbox) is None and course.device != "cpu":
        _gpu_inside(course)
    return torch.cuda.get_device_name()


def _gpu_inside(course: Course) -> None:
    """Run a real CUDA operation in a kernel of the course's level."""
    from autograder.kernel.session import Session

    cell = nbformat.v4.new_code_cell("import torch\nprint(torch.ones(2, device='cuda').sum().item())")
    with Session(course, nbformat.v4.new_notebook(cells=[cell]), {}) as session:
        session.run()
    said = " ".join(str(output.get("evalue", output.get("text", ""))) for output in cell.outputs).strip()
    if said != "2.0":
        raise ConfigError(
            f"torch can use the GPU, but not inside the sandbox ({said or 'nothing came back'}): grade with device = 'cpu', "
            "or set another `sandbox` in course_config.py."
        )


def _data(course: Course) -> str:
    import lab

    try:
        images = lab.load("test", dataset=course.dataset, root=course.data, device="cpu")
    except lab.DataError as error:
        raise ConfigError(" ".join(str(error).split())) from None
    return f"{course.dataset}: {len(images)} test images"


def _reference(course: Course) -> str:
    from autograder import catalogue
    from autograder.trained import gates, likelihood

    nothing = likelihood.Measurement(0.0, 0.0, 0.0, 0, 0)
    try:
        gates = {
            model: gates.evaluation(nothing, course, model).bound_gate
            for assignment in course.assignments
            for model in catalogue.models([assignment])
        }
    except gates.NoReference as error:
        raise ConfigError(str(error)) from None
    said = (f"{model} from {gate.full:.2f}, none below {gate.none:.2f}" for model, gate in gates.items())
    return f"{course.dataset} at {course.budget}, full marks in nats per image: {'; '.join(said)}"


def _training(course: Course) -> str:
    """Say whether a submission's time is enough for training, where it is repeated: all models may be trained in one cell."""
    if course.training == "weights":
        return "'weights': submitted checkpoints count, and nothing is trained while grading"
    from autograder.trained import reference

    limits = {name: getattr(course, name) for name in ("cell_timeout_s", "submission_timeout_s", "cpu_limit_s")}
    seconds = {name: reference.training_seconds(course, name) for name in course.assignments}
    for assignment, needed in seconds.items():
        if short := [f"{name} is {limit}" for name, limit in limits.items() if limit < needed]:
            raise ConfigError(
                f"training = 'retrain': the models of {assignment} took {needed:.0f} s in the reference runs for {course.dataset} at {course.budget}, but "
                f"{', '.join(short)}: raise it well above, or set training = 'weights'."
            )
    said = ", ".join(f"{needed:.0f} s for {assignment}" for assignment, needed in seconds.items())
    return f"'retrain': {said} at the least, as the reference runs took"


def _sandbox(course: Course) -> str:
    works = {level: levels.unusable(level) for level in levels.LEVELS if level != "none"}
    if (why := works.get(course.sandbox)) is not None:
        raise ConfigError(f"level {course.sandbox!r}: {why}.")
    if course.sandbox == "none":
        better = next((f"set sandbox = {level!r}" for level, why in works.items() if why is None), works["bubblewrap"])
        return f"level 'none': a submission {levels.WARNING}. Better: {better}"
    counted = "a control group" if _control_group(course) else "a watchdog, as no control group can be made here"
    others = "".join(
        f"; {level!r} works too" for level, why in works.items() if level != course.sandbox and why is None
    )
    return f"level {course.sandbox!r}; memory and processes are limited by {counted}{others}"


def _control_group(course: Course) -> bool:
    group = ControlGroup.create(levels.limits(course))
    if group is not None:
        group.close()
    return group is not None


def _nbgrader() -> str:
    try:
        return f"nbgrader {version('nbgrader')}, nbclient {version('nbclient')}, ipykernel {version('ipykernel')}"
    except PackageNotFoundError as error:
        raise ConfigError(f"{error.name} is not installed: run `make setup`.") from None


def _gradebook(url: str, root: Path) -> str:
    if not url.startswith("sqlite:///"):
        return url.split("@")[-1]
    path = root / url.removeprefix("sqlite:///").partition("?")[0]
    try:
        # a transaction that changes nothing: file permissions alone do not tell (root, full disks, network drives)
        existed = path.exists()
        with contextlib.closing(sqlite3.connect(path, timeout=LOCK_S, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            (number,) = database.execute("PRAGMA user_version").fetchone()
            database.execute(
                f"PRAGMA user_version = {number}"
            )  # a file that cannot be changed can be locked all the same
            database.execute("ROLLBACK")
        if not existed:
            path.unlink()
    except (sqlite3.Error, OSError) as error:
        raise ConfigError(
            f"gradebook {path.name}: cannot be written ({error}); check the file, its folder, and `gradebook` in course_config.py."
        ) from None
    return f"{path.name}, writable"


def _people(course: Course) -> str:
    if not (course.root / course.roster).exists():
        return f"no {course.roster}: the students are those who hand in"
    people = roster.read(course)
    longer = sum(any(person.extensions.values()) for person in people.values())
    return f"{len(people)} in {course.roster}, {longer} with an extension"


def _dates(course: Course) -> str:
    if unknown := course.due_of_nothing():
        raise ConfigError(f"due names {unknown}; the course has {', '.join(course.assignments)}.")
    if not course.due:
        return "no assignment has a due date"
    said = [f"{name} due {due:%Y-%m-%d %H:%M}{due.tzinfo or ''}" for name, due in course.due.items()]
    lost = (
        f"{course.late_share_per_day:.0%} of the points less for each day begun"
        if course.late_share_per_day
        else "nothing lost"
    )
    return f"{', '.join(said)}, {course.time_zone}; late: {lost}"


def _disk() -> str:
    info = os.statvfs(ROOT)
    free = info.f_bavail * info.f_frsize / 2**30
    if free < MIN_FREE_GIB:
        raise ConfigError(f"{free:.1f} GiB free; at least {MIN_FREE_GIB} are needed: make room.")
    return f"{free:.0f} GiB free"
