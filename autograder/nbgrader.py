"""Hands the course's configuration to nbgrader: which of our classes take the place of which of its own."""

import os
import sys
from pathlib import Path

from nbgrader.apps import api, autogradeapp, generateassignmentapp, zipcollectapp

from autograder import collect, converters
from autograder.course import ConfigError, Course, load
from autograder.intake import listed_time

GRADEBOOK_TIMEOUT_S = 60  # how long another program may hold the gradebook before a submission is left not graded

_configured: list[Course] = []


def course() -> Course:
    """Return the configuration that nbgrader runs with.

    Raises:
        RuntimeError: nbgrader runs without the course's nbgrader_config.py.
    """
    if not _configured:
        raise RuntimeError("nbgrader_config.py of the course was not read: run nbgrader in the course's folder")
    return _configured[-1]


def configure(c, root: Path) -> None:
    """Set nbgrader's options from the course's configuration; a wrong one ends the program with a line a problem.

    Args:
        c: the traitlets configuration object of nbgrader_config.py.
        root: the course's folder.
    """
    try:
        settings = load(root)
    except ConfigError as error:
        sys.exit(str(error))
    _configured.append(settings)
    c.CourseDirectory.course_id = settings.course_id
    c.CourseDirectory.root = str(settings.root)
    c.CourseDirectory.db_url = _absolute(settings)
    c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*.unfinished"]
    c.ClearSolutions.code_stub = {"python": 'raise NotImplementedError("write your answer here")'}
    # mark schemes stand in the locked question cells, which autograde restores from the gradebook, so nothing is lost
    c.ClearMarkScheme.enforce_metadata = False
    c.Execute.timeout = settings.cell_timeout_s  # nbgrader validate
    c.GenerateAssignment.preprocessors = [
        "nbgrader.preprocessors.IncludeHeaderFooter",
        "nbgrader.preprocessors.LockCells",
        "nbgrader.preprocessors.ClearSolutions",
        "nbgrader.preprocessors.ClearOutput",
        "nbgrader.preprocessors.CheckCellMetadata",
        "nbgrader.preprocessors.ComputeChecksums",
        "nbgrader.preprocessors.SaveCells",
        "nbgrader.preprocessors.ClearHiddenTests",
        "nbgrader.preprocessors.ClearMarkScheme",
        "nbgrader.preprocessors.ComputeChecksums",
        "autograder.publish.AttachLab",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    c.Autograde.exporter_class = "autograder.intake.Intake"
    # there is no option for these, neither in its commands nor in formgrader
    api.NbGraderAPI.get_submitted_timestamp = listed_time
    api.Autograde = autogradeapp.Autograde = converters.Autograde
    api.GenerateAssignment = generateassignmentapp.GenerateAssignment = converters.GenerateAssignment
    c.Autograde.autograde_preprocessors = [
        "autograder.examine.Examine",
        "nbgrader.preprocessors.LimitOutput",
        "autograder.examine.SaveScores",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    # the same for feedback and formgrader; a template_name here would make formgrader a page without score boxes
    c.HTMLExporter.sanitize_html = True
    c.HTMLExporter.filters = {
        "clean_html": "autograder.display.clean_html",
        "highlight_code": "autograder.display.code_to_html",
        "markdown2html": "autograder.display.markdown_to_html",
        "strip_files_prefix": "autograder.display.unchanged",
    }
    c.HTMLExporter.preprocessors = ["autograder.display.Plain"]
    c.ExportApp.plugin_class = "autograder.export.Csv"
    c.ZipCollectApp.collector_plugin = "autograder.collect.Collector"
    c.ZipCollectApp.extractor_plugin = "autograder.collect.Extractor"
    c.FileNameCollectorPlugin.valid_ext = list(collect.KEPT)
    c.FileNameCollectorPlugin.named_regexp = collect.LEARNING_PLATFORM
    zipcollectapp.ZipCollectApp._transfer_files = collect.transfer
    c.GenerateFeedback.exporter_class = "autograder.export.Feedback"
    c.GenerateFeedback.preprocessors = [
        "autograder.export.Scores",
        *([] if settings.show_mark_schemes else ["autograder.display.HideMarkSchemes"]),
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
    # nbgrader calls `alembic` by name when it makes a gradebook, also where the virtual environment is not activated
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    for name in ("dataset", "budget", "device"):  # for nbgrader validate, which runs notebooks in plain kernels
        os.environ.setdefault(f"COURSE_{name.upper()}", getattr(settings, name))
    os.environ["COURSE_DATA"] = str(settings.data)


def _absolute(settings: Course) -> str:
    """Return the gradebook's URL with a relative SQLite path taken from the course's folder, and patience with other programs."""
    prefix = "sqlite:///"
    if not settings.gradebook.startswith(prefix):
        return settings.gradebook
    path = prefix + str(settings.root / settings.gradebook.removeprefix(prefix))
    return path if "?" in path else f"{path}?timeout={GRADEBOOK_TIMEOUT_S}"
