"""What a run of grading shows on the screen, and what it keeps in its file."""

import logging
import re

import pytest

from autograder.door import news
from autograder.reporting.progress import left, result
from autograder.reporting.report import Mark, Outcome, Report, Status


@pytest.fixture
def log():
    """A logger with a screen that shows INFO and above, as nbgrader's has, and the list of what was shown."""
    logger, shown = logging.Logger("app", logging.DEBUG), []
    screen = logging.Handler(logging.INFO)
    screen.emit = lambda record: shown.append(record.getMessage())
    logger.addHandler(screen)
    return logger, shown


def nbgraders(logger, level, text, *args):
    """Say something as nbgrader does."""
    logger.handle(logger.makeRecord("app", level, "/somewhere/nbgrader/converters/base.py", 1, text, args, None))


def ours(logger, text, **extra):
    """Say something as the kit does."""
    logger.handle(logger.makeRecord("app", logging.INFO, news.OURS + "door/x.py", 1, text, (), None, extra=extra))


def test_screen_shows_the_news_and_the_file_everything(log, tmp_path):
    """Files that nbgrader opens and single tests stand in the file alone; warnings and our lines on the screen, too."""
    logger, shown = log
    with news.told(logger, tmp_path / "reports" / "vae.log"):
        nbgraders(logger, logging.INFO, "Sanitizing %s", "vae.ipynb")
        nbgraders(logger, logging.WARNING, "Removing existing assignment: there")
        nbgraders(logger, logging.WARNING, "%s is %s seconds late", "ada", 122460.0)
        nbgraders(logger, logging.WARNING, "No submitted file: vae.ipynb")
        ours(logger, "ada: passed elbo", **news.DETAIL)
        ours(logger, "ada: 31 / 32")
    assert shown == ["No submitted file: vae.ipynb", "ada: 31 / 32"]
    kept = (tmp_path / "reports" / "vae.log").read_text().splitlines()
    assert [re.sub(r"^\S+ \S+ [A-Z]+ ", "", line) for line in kept] == [
        "Sanitizing vae.ipynb",
        "Removing existing assignment: there",
        "ada is 122460.0 seconds late",
        "No submitted file: vae.ipynb",
        "ada: passed elbo",
        "ada: 31 / 32",
    ]


def test_debug_shows_everything(log, tmp_path):
    """Who asks for all gets all."""
    logger, shown = log
    logger.handlers[0].setLevel(logging.DEBUG)
    with news.told(logger, tmp_path / "vae.log"):
        nbgraders(logger, logging.INFO, "Sanitizing")
    assert shown == ["Sanitizing"]


def test_screen_is_as_before_afterwards(log, tmp_path):
    """Formgrader's server goes on with the same logger."""
    logger, shown = log
    with news.told(logger, tmp_path / "vae.log"):
        pass
    nbgraders(logger, logging.INFO, "Sanitizing")
    assert shown == ["Sanitizing"]
    assert len(logger.handlers) == 1


def test_line_says_score_and_one_reason():
    """A graded submission has its score, the first reason and the seconds; one that is not graded the reason alone."""
    known = {"student": "ada", "assignment": "vae", "notebook": "vae"}
    test = {"test": "t", "cell": "elbo", "weight": 1, "kind": "value"}
    outcome = Outcome(**test, credit=0, status=Status.FAILED, sentence="It averages.", message="expected -3, got 3")
    report = Report(**known, marks={"elbo": Mark(points=2, score=1)}, outcomes=[outcome], seconds=12.3)
    assert result("ada", report) == "ada: 1 / 2; elbo: expected -3, got 3 (12 s)"
    waiting = Report(**known, marks={"elbo": Mark(points=2, score=None, reason="vae.ipynb is no notebook")})
    assert result("ada", waiting) == "ada: not graded: vae.ipynb is no notebook"
    assert result("ada", None, "the worker died") == "ada: not graded: the worker died"


def test_time_left_is_that_of_what_was_done(monkeypatch):
    """Two of six took a minute: four take two. Before the first and after the last there is nothing to say."""
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    assert left(40.0, 2, 6) == ", 02:00 left"
    assert left(40.0, 0, 6) == left(40.0, 6, 6) == ""
