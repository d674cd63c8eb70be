"""Hands the course's configuration to nbgrader: which of our classes take the place of which of its own."""

import os
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

from nbgrader import server_extensions
from nbgrader.apps import api, autogradeapp, generateassignmentapp, generatefeedbackapp, zipcollectapp

from autograder.course import ConfigError, load
from autograder.door import autograde, collect, generate, remake
from autograder.door.database import database
from autograder.door.exporter import listed_time
from autograder.door.feedback import STUB, TEMPLATES

STOCK = str(Path(server_extensions.__file__).parent / "formgrader" / "templates")
SCHEMES = "autograder.reporting.schemes.Schemes"


def configure(c, root: Path) -> None:
    """Set nbgrader's options from the course's configuration; a wrong one ends the program with a line per problem.

    Args:
        c: the traitlets configuration object of nbgrader_config.py.
        root: the course's folder.
    """
    try:
        settings = load(root)
    except ConfigError as error:
        sys.exit(str(error))
    patch_nbgrader()
    # of SQLAlchemy, about nbgrader's way to make a submission, which is right all the same
    warnings.filterwarnings("ignore", r"Object of type <Submitted\w+> not in session")
    c.Configured.course = settings
    c.CourseDirectory.course_id = settings.course_id
    c.CourseDirectory.root = str(settings.root)
    c.CourseDirectory.db_url = database(settings)
    c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*.unfinished"]
    c.ClearSolutions.code_stub = {"python": STUB}
    # mark schemes stand in the locked question cells, which autograde restores from the gradebook, so nothing is lost
    c.ClearMarkScheme.enforce_metadata = False
    c.Execute.timeout = settings.cell_timeout_s  # nbgrader validate
    c.GenerateAssignment.preprocessors = [
        "nbgrader.preprocessors.IncludeHeaderFooter",
        "autograder.door.attach.StatePoints",
        "nbgrader.preprocessors.LockCells",
        "nbgrader.preprocessors.ClearSolutions",
        "nbgrader.preprocessors.ClearOutput",
        "nbgrader.preprocessors.CheckCellMetadata",
        "nbgrader.preprocessors.ComputeChecksums",
        "nbgrader.preprocessors.SaveCells",
        "nbgrader.preprocessors.ClearHiddenTests",
        "nbgrader.preprocessors.ClearMarkScheme",
        "nbgrader.preprocessors.ComputeChecksums",
        "autograder.door.attach.AttachLab",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    c.Autograde.exporter_class = "autograder.door.exporter.Intake"
    c.Autograde.sanitize_preprocessors = [
        "nbgrader.preprocessors.ClearOutput",
        "nbgrader.preprocessors.DeduplicateIds",
        "nbgrader.preprocessors.OverwriteKernelspec",
        "autograder.door.news.Restore",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    c.Autograde.autograde_preprocessors = [
        "autograder.door.preprocessors.Examine",
        "nbgrader.preprocessors.LimitOutput",
        "autograder.door.preprocessors.SaveScores",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    # the same for feedback and formgrader, whose templates are found by their names: a template_name here would make
    # formgrader a page without score boxes
    c.HTMLExporter.extra_template_basedirs = [str(TEMPLATES), STOCK]
    c.HTMLExporter.extra_template_paths = [STOCK]  # where our formgrade finds the one that it changes
    c.HTMLExporter.sanitize_html = True
    c.HTMLExporter.filters = {
        "clean_html": "autograder.reporting.display.clean_html",
        "highlight_code": "autograder.reporting.display.code_to_html",
        "latex2html": "autograder.reporting.display.latex_to_html",
        "markdown2html": "autograder.reporting.display.markdown_to_html",
        "strip_files_prefix": "autograder.reporting.display.unchanged",
    }
    c.HTMLExporter.preprocessors = ["autograder.reporting.display.Plain", SCHEMES]
    c.FeedbackPage.preprocessors = ["autograder.reporting.display.Plain"]
    c.ExportApp.plugin_class = "autograder.door.export.Csv"
    c.ZipCollectApp.collector_plugin = "autograder.door.collect.Collector"
    c.ZipCollectApp.extractor_plugin = "autograder.door.collect.Extractor"
    c.FileNameCollectorPlugin.valid_ext = list(collect.KEPT)
    c.FileNameCollectorPlugin.named_regexp = collect.LEARNING_PLATFORM
    c.GenerateFeedback.exporter_class = "autograder.door.feedback.FeedbackPage"
    c.GenerateFeedback.preprocessors = [
        SCHEMES if settings.show_mark_schemes else "autograder.door.feedback.HideMarkSchemes",
        "autograder.door.feedback.Sheet",
    ]
    # nbgrader calls `alembic` by name when it makes a gradebook, also where the virtual environment is not activated
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    for name in ("dataset", "budget", "device"):  # for nbgrader validate, which runs notebooks in plain kernels
        os.environ.setdefault(f"COURSE_{name.upper()}", getattr(settings, name))
    os.environ["COURSE_DATA"] = str(settings.data)


def patch_nbgrader() -> None:
    """Put ours in the place of what nbgrader 0.9 has no option for, neither in its commands nor in formgrader.

    Raises:
        RuntimeError: this nbgrader has nothing of that name, so that what takes its place would never be called.
    """
    for owner, name, ours in (
        (api.NbGraderAPI, "get_submitted_timestamp", listed_time),
        (api, "Autograde", autograde.Autograde),
        (autogradeapp, "Autograde", autograde.Autograde),
        (api, "GenerateAssignment", generate.GenerateAssignment),
        (generateassignmentapp, "GenerateAssignment", generate.GenerateAssignment),
        (api, "GenerateFeedback", remake.GenerateFeedback),
        (generatefeedbackapp, "GenerateFeedback", remake.GenerateFeedback),
        (zipcollectapp.ZipCollectApp, "_transfer_files", collect.transfer),
    ):
        if not hasattr(owner, name):
            raise RuntimeError(
                f"nbgrader {version('nbgrader')} has no {owner.__name__}.{name}: install the version in requirements.lock"
            )
        setattr(owner, name, ours)
