"""Where the gradebook is."""

from pathlib import Path

from autograder.course import Course

SQLITE = "sqlite:///"
TIMEOUT_S = 60  # how long another program may hold the gradebook before a submission is left not graded


def database(settings: Course) -> str:
    """Return the gradebook's URL with a relative SQLite path taken from the course's folder, and patience with other programs."""
    if not settings.gradebook.startswith(SQLITE):
        return settings.gradebook
    path = SQLITE + str(settings.root / settings.gradebook.removeprefix(SQLITE))
    return path if "?" in path else f"{path}?timeout={TIMEOUT_S}"


def missing(settings: Course) -> bool:
    """Return whether the gradebook is a file that is not there, which nbgrader would make, empty."""
    url = database(settings)
    return url.startswith(SQLITE) and not Path(url.removeprefix(SQLITE).partition("?")[0]).exists()
