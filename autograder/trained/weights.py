"""What a submitted checkpoint says about itself: the data set on which it was trained. Nothing else is believed, and nothing is loaded.

A checkpoint of another data set is no bad model: it is not judged, and the reason is told. Whoever writes a wrong name into the file
gains no point by it.
"""

import json
import struct
from collections.abc import Mapping

from autograder import catalogue
from autograder.course import Course
from lab import checkpoints
from lab.environment import DATASETS

HEADER_LIMIT = 2**20  # bytes of a file's header: names, shapes and what `lab.fit` says of the run


def dataset(content: bytes) -> str | None:
    """Return the name of the data set that a checkpoint says it was trained on; None where it names none of ours.

    Example:
        >>> dataset(b"no checkpoint") is None
        True
    """
    try:
        (length,) = struct.unpack("<Q", content[:8])
        if length > HEADER_LIMIT:
            return None
        said = json.loads(content[8 : 8 + length])["__metadata__"][checkpoints.METADATA_KEY]
        name = json.loads(said)["history"]["dataset"]
    except (struct.error, ValueError, KeyError, TypeError, RecursionError):
        return None
    return name if name in DATASETS else None


def foreign(files: Mapping[str, bytes], model: str, course: Course) -> str:
    """Return why a trained model cannot be judged: every checkpoint of its name is of another data set; empty where one may be right.

    Args:
        files: a submission's checkpoints, {path: content}.
        model: the notebook's variable that holds the model.
        course: names the data set.
    """
    trained = catalogue.models()[model]
    begin = f"{trained.checkpoints[0]}_k{trained.num_samples}_epochs"  # the rest of the name is the run's
    found = {path: dataset(content) for path, content in files.items() if path.rpartition("/")[2].startswith(begin)}
    others = {path: said for path, said in found.items() if said not in (None, course.dataset)}
    if not others or len(others) < len(found):
        return ""
    path, said = next(iter(others.items()))
    return (
        f"{path} was trained on the data set {said}, and this course has {course.dataset}. Nothing is judged by it. "
        f"Train with the course's data set (COURSE_DATASET={course.dataset}), and hand in the new file"
    )
