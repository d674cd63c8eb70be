"""What a run of grading says: the news on the screen, and everything in a file.

nbgrader and nbconvert tell of every file they open, which drowns the one line a student that somebody waits for.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from nbgrader.preprocessors import OverwriteCells

DETAIL = {"detail": True}  # `log.info(line, extra=DETAIL)`: for the file alone
OURS = str(Path(__file__).parents[1]) + os.sep
NO_NEWS = (
    "Removing existing ",
    "%s is %s seconds late",  # said in words at the end
    "Config option `display_data_priority` not recognized",  # nbgrader hands it to every preprocessor
)


@contextmanager
def told(log: logging.Logger, path: Path) -> Iterator[None]:
    """Show what is news on the screen (and in formgrader) while this is open, and write all that is said to `path`.

    With --debug the screen shows everything, too.
    """
    screens = [handler for handler in log.handlers if handler.level > logging.DEBUG]
    with ExitStack() as stack:
        for screen in screens:
            screen.addFilter(is_news)
            stack.callback(screen.removeFilter, is_news)
        with suppress(OSError):  # a folder that cannot be written is told of in a line, before grading starts
            path.parent.mkdir(exist_ok=True)
            file = stack.enter_context(closing(logging.FileHandler(path, encoding="utf-8")))
            file.setLevel(logging.INFO)
            file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
            log.addHandler(file)
            stack.callback(log.removeHandler, file)
        yield


def is_news(record: logging.LogRecord) -> bool:
    """Return whether a line is worth the eyes of somebody who waits for a class."""
    if str(record.msg).startswith(NO_NEWS) or getattr(record, "detail", False):
        return False
    return record.levelno > logging.INFO or record.pathname.startswith(OURS)


class Restore(OverwriteCells):
    """Puts the given cells in the place of a submission's, as nbgrader does, without a warning for each question.

    The release's questions lack their mark schemes, so the checksum of each "has changed" in every submission. What a student did
    change in a given cell is a remark of the report.
    """

    def report_change(self, name, attr, old, new) -> None:
        """Warn of what changed, but for the checksum."""
        if attr != "checksum":
            super().report_change(name, attr, old, new)
