"""Which files of the course's data set a kernel sees, and under which names: none of the held-out images."""

import struct
from pathlib import Path

import lab
from autograder.course import ConfigError, Course
from lab.data import SPLITS, glyphs_file

SHOWN_TEST_IMAGES = 50_000  # the first of the training file's images that the sandbox shows as its test images
FOLDERS = {"mnist": "MNIST", "fashion": "FashionMNIST"}


def shown_data(course: Course, room: Path) -> dict[str, Path]:
    """Return the files of the course's data set that a kernel sees, by their paths below its data folder.

    The held-out images stay outside: a decoder that could read them would only need to be told which one is meant. In their
    place stand images of the validation split. The glyphs are no secret (a kernel without these files draws them): they are
    shown so that it need not.
    """
    if course.dataset not in FOLDERS:
        kept = {split: (course.data / glyphs_file(split)).resolve() for split in SPLITS}
        for split in SPLITS:
            if not kept[split].is_file():
                lab.load(split, dataset=course.dataset, root=course.data, device="cpu")
        return {str(glyphs_file(split)): file for split, file in kept.items() if file.is_file()}
    folder = course.data / FOLDERS[course.dataset] / "raw"
    found = {}
    for kind in ("train-images-idx3", "train-labels-idx1"):
        file = folder / f"{kind}-ubyte"
        name = file.name.replace("train", "t10k")
        head = 16 if "images" in kind else 8
        size = 28 * 28 if "images" in kind else 1
        try:
            with open(file, "rb") as train:
                magic, number = struct.unpack(">2i", train.read(8))
                rest = train.read(head - 8)
                train.seek(head + SHOWN_TEST_IMAGES * size)
                part = train.read()
        except (OSError, struct.error) as error:
            raise ConfigError(f"{file}: cannot be read ({error}); see `python -m autograder doctor`") from None
        (room / name).write_bytes(struct.pack(">2i", magic, number - SHOWN_TEST_IMAGES) + rest + part)
        for path in (file, room / name):
            found[f"{FOLDERS[course.dataset]}/raw/{path.name}"] = path.resolve()
    return found
