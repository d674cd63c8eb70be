"""Releases the course, lets a small class of right, wrong and broken submissions hand in, grades it, and prints the table.

Everything happens in demo/course/, or in the folder given, on the embedded data set at the smallest budget, with nbgrader's own commands. The course's own
gradebook is not touched.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from autograder.judging import known
from autograder.publish import illustrations, without_markers

ROOT = Path(__file__).resolve().parent.parent
COURSE = Path(sys.argv[1]).resolve() if sys.argv[1:] else ROOT / "demo" / "course"
ASSIGNMENT = "vae"
CHOICES = {"COURSE_DATASET": "glyphs", "COURSE_BUDGET": "quick", "COURSE_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
MISTAKES = {  # student: the known mistake whose code stands in the place of the right one
    "constant-per-element": "constant_per_element",
    "clamped": "probabilities_clamped",
    "thresholded": "sample_thresholded",
    "ignores-reduction": "loss_ignores_reduction",
    "logits-as-means": "reconstruction_is_logits",
}
CRASH = "import ctypes\n\nctypes.string_at(0)  # reads address zero, which ends the process"


def main() -> int:
    """Run the demo and return its exit status."""
    started = time.monotonic()
    os.environ.update(CHOICES)
    say("1. The instructor releases the assignment (nbgrader generate_assignment)")
    prepare()
    nbgrader("generate_assignment", ASSIGNMENT)
    say("2. The class works: each submission runs and trains in a folder of its own")
    hand_in()
    say("3. Grading (nbgrader autograde, generate_feedback, export)")
    nbgrader("autograde", ASSIGNMENT)
    nbgrader("generate_feedback", ASSIGNMENT)
    nbgrader("export", "--to", "grades.csv")
    say("4. The result")
    subprocess.run(
        [sys.executable, "-m", "autograder", "grades", ASSIGNMENT], cwd=COURSE, env=environment(), check=True
    )
    feedback = next(COURSE.glob("feedback/clamped/*/*.html"))
    print(
        f"\n{time.monotonic() - started:.0f} s; in {COURSE.name}/: {feedback.relative_to(COURSE)}, grades.csv, reports/"
    )
    return 0


def say(text: str) -> None:
    """Print a heading at once, also into a pipe."""
    print(f"\n{text}", flush=True)


def environment() -> dict[str, str]:
    """Return the environment of the commands: with the kit on the path, as in the course's own folder."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


def prepare() -> None:
    """Make an empty course with this kit's sources and configuration."""
    shutil.rmtree(COURSE, ignore_errors=True)
    shutil.copytree(
        ROOT / "source", COURSE / "source", ignore=shutil.ignore_patterns(".ipynb_checkpoints", "checkpoints")
    )
    for name in ("course_config.py", "nbgrader_config.py"):
        shutil.copy(ROOT / name, COURSE / name)


def nbgrader(*arguments: str) -> None:
    """Run one of nbgrader's commands in the course; its log is shown where it tells of progress, and whole when it fails."""
    command = [str(Path(sys.executable).with_name("nbgrader")), *arguments]
    print("$ nbgrader", *arguments, flush=True)
    with subprocess.Popen(
        command, cwd=COURSE, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        log = []
        for line in process.stdout:
            log.append(line)
            if re.search(r"\(\d+ of \d+", line):
                print(f"  {line.split('] ', 1)[-1].rstrip()}", flush=True)
    if process.returncode:
        sys.exit("".join(log))


def hand_in() -> None:
    """Write the class's submissions and run those that a student would have run."""
    release = nbformat.read(COURSE / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    solved = nbformat.read(COURSE / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    runs = {"reference": answers(release, solved)}
    for student, mistake in MISTAKES.items():
        runs[student] = answers(release, solved)
        exercise, code = wrong(mistake)
        cell(runs[student], exercise).source = code
    runs["crashing"] = answers(release, solved)
    for seed, notebook in enumerate(runs.values()):
        settings = cell(notebook, "settings")
        settings.source = settings.source.replace("SEED = 0", f"SEED = {seed}")
    with ThreadPoolExecutor(2) as pool:
        for student in pool.map(lambda item: work(*item), runs.items()):
            print(f"  {student} handed in", flush=True)
    cell(runs["crashing"], "sample").source = CRASH  # the last change before the deadline, after training
    write("crashing", runs["crashing"])
    write("untouched", release)
    path = write("broken", release)
    path.write_text(path.read_text()[:2000])


def answers(release: nbformat.NotebookNode, solved: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the release with the right solutions in its solution cells."""
    notebook = nbformat.from_dict(release)
    right = {
        c.metadata.nbgrader.grade_id: c.source for c in solved.cells if c.metadata.get("nbgrader", {}).get("solution")
    }
    for answer in notebook.cells:
        name = answer.metadata.get("nbgrader", {}).get("grade_id")
        if name in right and answer.cell_type == "code":
            answer.source = without_markers(right[name])
    return notebook


def cell(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    """Return the cell of that id."""
    return next(c for c in notebook.cells if c.id == name)


def wrong(mistake: str) -> tuple[str, str]:
    """Return the exercise of a known mistake and its code."""
    one = known.of(ASSIGNMENT)[mistake]
    return one.exercise, one.code()


def write(student: str, notebook: nbformat.NotebookNode) -> Path:
    """Write a submission and return its path."""
    path = COURSE / "submitted" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def work(student: str, notebook: nbformat.NotebookNode) -> str:
    """Run a submission in its own folder, as its student would but for the pictures, and hand it in with its checkpoint."""
    path = write(student, notebook)
    shutil.copytree(COURSE / "release" / ASSIGNMENT / "lab", path.parent / "lab")
    shown = illustrations(ASSIGNMENT, COURSE)  # some train models of their own; nothing that is graded needs them
    cells = [one for one in notebook.cells if one.source not in shown]
    client = NotebookClient(
        nbformat.NotebookNode(notebook | {"cells": cells}),  # the same cells, which get their outputs
        timeout=600,
        allow_errors=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute(env=os.environ | CHOICES, stderr=subprocess.DEVNULL)
    nbformat.write(notebook, path)
    return student


if __name__ == "__main__":
    sys.exit(main())
