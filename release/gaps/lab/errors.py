"""The errors that `lab` raises for a person to read; every message says what was asked, what came and what to do.

    LabError
    ├── DataError         a data set is missing, unreadable or not what it should be
    ├── CheckpointError   a checkpoint is unreadable or belongs to another model or run
    ├── TrainingError     training cannot go on (a loss that is not a finite number)
    └── ResultsError      the file of results is unreadable

Wrong arguments raise Python's own ValueError and TypeError.
"""


class LabError(Exception):
    """An error of the lab that the reader can do something about."""


class DataError(LabError):
    """A data set is missing, unreadable or not what it should be."""


class CheckpointError(LabError):
    """A checkpoint is unreadable or belongs to another model or run."""


class TrainingError(LabError):
    """Training cannot go on."""


class ResultsError(LabError):
    """The file of results is unreadable."""
