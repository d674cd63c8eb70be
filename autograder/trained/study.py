"""Experiments of notebooks that hand in no model: each is run whole, with several seeds, and what it measured is kept.

Finished runs are kept in solutions/<assignment>.yaml, so an interrupted command goes on where it was.
"""

from collections.abc import Callable
from pathlib import Path

import lab
from autograder import catalogue, publish
from autograder.course import ROOT, Course


def path_of(assignment: str) -> Path:
    """Return the file with the records of an assignment's runs."""
    return ROOT / "solutions" / f"{assignment}.yaml"


def run(course: Course, log: Callable[[str], None] = print) -> None:
    """Run the notebooks of the course's assignments that are studies, with each seed that has no records yet."""
    for assignment in course.assignments:
        study = catalogue.of(assignment).study
        for seed in range(study.seeds if study else 0):
            name = f"{assignment}, {course.dataset} at {course.budget}, seed {seed}"
            ended = f"{course.dataset} run {course.budget} seed {seed}"
            if ended in lab.results.load(path_of(assignment)):
                log(f"{name}: is there already")
                continue
            log(f"{name}: the notebook runs")
            _, records = publish.executed(publish.notebook_of(assignment), course, seed)
            for key, record in records.items():
                lab.results.merge(path_of(assignment), key, record, replace=True)
            lab.results.merge(path_of(assignment), ended, {"device": str(lab.device())})


def text() -> str:
    """Return what the page of reference runs says of all studies, in Markdown."""
    studies = {name: catalogue.of(name).study for name in catalogue.every()}
    known = {name: lab.results.load(path_of(name)) for name, study in studies.items() if study}
    return "\n".join(studies[name].tables(records) for name, records in known.items() if records)
