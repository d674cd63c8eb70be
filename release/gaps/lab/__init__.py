"""What every notebook of the course may import: data, training, checkpoints, results and pictures.

Students read this package; it imports nothing of the grader.
"""

from lab import checkpoints, environment, evaluation, latent, pictures, results
from lab.brief import train_briefly
from lab.checks import check
from lab.data import batches, binarize, classes, load
from lab.environment import budget, data_root, dataset, device
from lab.errors import CheckpointError, DataError, LabError, ResultsError, TrainingError
from lab.evaluation import evaluate, table
from lab.pictures import show
from lab.training import BUDGETS, Budget, History, fit

__all__ = [
    "BUDGETS",
    "Budget",
    "CheckpointError",
    "DataError",
    "History",
    "LabError",
    "ResultsError",
    "TrainingError",
    "batches",
    "binarize",
    "budget",
    "check",
    "checkpoints",
    "classes",
    "data_root",
    "dataset",
    "device",
    "environment",
    "evaluate",
    "evaluation",
    "fit",
    "latent",
    "load",
    "pictures",
    "results",
    "show",
    "table",
    "train_briefly",
]
