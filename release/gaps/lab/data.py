"""Images as bytes on the device, and their binarisation a batch at a time.

A data set is one uint8 tensor; a batch is one index and one comparison with random bytes. No per-image transforms, no
worker processes. Labels come on request, to colour a picture: no model of the course is trained on them. Called by the
notebooks and by `lab.fit`.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import torch

from lab import environment
from lab.errors import DataError

SPLITS = ("train", "validation", "test")
BINARIZATIONS = ("stochastic", "threshold", "fixed")
TRAIN_SIZE = 50_000  # of the 60,000 images in the training file; the last 10,000 are the validation split
GLYPHS_SIZES = {"train": 6_000, "validation": 1_000, "test": 1_000}
FIXED_SEED = 784
DIGITS = tuple("0123456789")
CLASSES = {
    "mnist": DIGITS,
    "fashion": (
        *("T-shirt", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
    ),
    "glyphs": DIGITS,
}


def load(
    split: str,
    *,
    dataset: str | None = None,
    root: str | Path | None = None,
    device: torch.device | str | None = None,
    labels: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Return the images of a split as grey levels, and on request their classes.

    Args:
        split: "train" (50,000 images; glyphs 6,000), "validation" or "test" (10,000 each; glyphs 1,000).
        dataset: "mnist", "fashion" or "glyphs"; COURSE_DATASET where None.
        root: folder of the downloaded files; COURSE_DATA where None. Downloads what is missing, and keeps the glyphs there
            once they are drawn.
        device: where the images go; COURSE_DEVICE where None.
        labels: whether to return the classes, too.
    Returns:
        Grey levels 0 … 255, uint8, shape (N, 1, 28, 28). With labels the pair of these and the classes 0 … 9, int64,
        shape (N,); `classes` names them.
    Raises:
        ValueError: when split or dataset is unknown.
        DataError: when a file is missing and cannot be downloaded, or is corrupt; names the folder and the remedy.
    """
    dataset = environment.dataset() if dataset is None else dataset
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}, expected one of {', '.join(SPLITS)}")
    if dataset not in environment.DATASETS:
        raise ValueError(f"dataset is {dataset!r}, expected one of {', '.join(environment.DATASETS)}")
    root = environment.data_root() if root is None else Path(root)
    device = environment.device() if device is None else device
    if dataset == "glyphs":
        images, targets = _drawn(root / glyphs_file(split)), _drawn_labels(split) if labels else None
    else:
        images, targets = _load_file(split, dataset, root)
    return (images.to(device), targets.to(device)) if labels else images.to(device)


def classes(dataset: str | None = None) -> tuple[str, ...]:
    """Return the names of the classes, in the order of their numbers.

    Args:
        dataset: "mnist", "fashion" or "glyphs"; COURSE_DATASET where None.
    """
    return CLASSES[environment.dataset() if dataset is None else dataset]


def binarize(images: torch.Tensor, how: str = "stochastic", generator: torch.Generator | None = None) -> torch.Tensor:
    """Return binary images.

    Args:
        images: grey levels, uint8, any shape.
        how: "stochastic", each pixel is 1 with probability grey level / 255, drawn anew at each call;
            "threshold", 1 where the grey level is above 127;
            "fixed", stochastic with a seed of its own: the same draw for the same images, on every device.
        generator: source of the stochastic draw, on the images' device; torch's global one where None.
    Returns:
        Values in {0, 1}, float32, shape and device of the images.
    Raises:
        TypeError: when images are not bytes (binarised already, for example).
        ValueError: when how is unknown.
    Source: Salakhutdinov & Murray (2008), On the quantitative analysis of deep belief networks (stochastic pixels).
    """
    if images.dtype != torch.uint8:
        raise TypeError(
            f"binarize(images): expected grey levels of dtype uint8 as lab.load gives them, got {images.dtype}. "
            "Were the images binarised before?"
        )
    if how == "threshold":
        return (images > 127).float()
    if how == "stochastic":
        # A byte uniform on 0 … 254 is below v with probability v / 255 exactly: random floats are not needed.
        noise = torch.empty(images.shape, dtype=torch.uint8, device=images.device).random_(0, 255, generator=generator)
        return (noise < images).float()
    if how == "fixed":
        return binarize(images.cpu(), "stochastic", torch.Generator().manual_seed(FIXED_SEED)).to(images.device)
    raise ValueError(f"how is {how!r}, expected one of {', '.join(BINARIZATIONS)}")


def batches(
    images: torch.Tensor,
    batch_size: int,
    *,
    how: str = "stochastic",
    generator: torch.Generator | None = None,
    shuffle: bool = True,
) -> Iterator[torch.Tensor]:
    """Yield every image once, binarised, in batches; the last one may be smaller.

    Args:
        images: grey levels, uint8, shape (N, 1, 28, 28).
        batch_size: images a batch, >= 1.
        how: as in `binarize`; "fixed" gives an image the same pixels in whatever batch it comes.
        generator: source of the order and the binarisation, on the images' device.
        shuffle: whether the order is random.
    Yields:
        Values in {0, 1}, float32, shape (B, 1, 28, 28), on the images' device.
    """
    if how == "fixed":
        images, how = binarize(images, "fixed").mul_(255).to(torch.uint8), "threshold"
    order = torch.randperm(len(images), generator=generator, device=images.device) if shuffle else None
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        yield binarize(images[rows] if order is None else images.index_select(0, order[rows]), how, generator)


def glyphs_file(split: str) -> Path:
    """Return where the glyphs of a split are kept below the data folder; another name for every way of drawing them."""
    made_by = Path(__file__).with_name("glyphs.py").read_bytes() + f"{torch.__version__} {version('pillow')}".encode()
    return Path("Glyphs") / hashlib.sha256(made_by).hexdigest()[:16] / f"{split}-images-ubyte"


def _drawn(file: Path) -> torch.Tensor:
    """Return the glyphs that a file keeps, uint8, shape (N, 1, 28, 28); draw them, and keep them, where there is no whole one."""
    split = file.name.removesuffix("-images-ubyte")
    with contextlib.suppress(OSError):
        kept = bytearray(file.read_bytes())
        if len(kept) == GLYPHS_SIZES[split] * 28 * 28:
            return torch.frombuffer(kept, dtype=torch.uint8).view(-1, 1, 28, 28)
    from lab import glyphs  # here, because fonts and transforms take two seconds to import

    images = glyphs.render(split)
    with contextlib.suppress(OSError):  # a full or write-protected disk: they are drawn again
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent) as folder:
            new = Path(folder) / file.name
            new.write_bytes(images.numpy().tobytes())
            os.replace(new, file)  # nobody reads half a file
    return images


def _drawn_labels(split: str) -> torch.Tensor:
    """Return the digits of the glyphs of a split, int64, shape (N,).

    They are found again from the seed, and not stored by `lab.glyphs`: the name of the kept images depends on each byte
    of that file (see `glyphs_file`), so that it stays as it is.
    """
    from lab import glyphs  # here, for the same reason as above

    generator = torch.Generator().manual_seed(glyphs.SEEDS[split])
    drawn = len(glyphs.FONTS) * len(DIGITS) * len(glyphs.STROKES)
    which = torch.randint(drawn, (GLYPHS_SIZES[split],), generator=generator)  # what `glyphs.render` draws first
    return which // len(glyphs.STROKES) % len(DIGITS)


def _load_file(split: str, dataset: str, root: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a split of MNIST or Fashion-MNIST, uint8, shape (N, 1, 28, 28), and its classes, int64, shape (N,)."""
    import torchvision  # here, because it takes a second to import

    reader = {"mnist": torchvision.datasets.MNIST, "fashion": torchvision.datasets.FashionMNIST}[dataset]
    folder = root / reader.__name__
    remedy = (
        f"Delete {folder} and run again with a network connection to download it, set COURSE_DATA to a folder that has "
        f"{reader.__name__}/raw, or set COURSE_DATASET=glyphs, which needs no download."
    )
    try:
        found = reader(root, train=split != "test", download=True)
        images, targets = found.data, found.targets
    except Exception as error:  # torchvision lets everything through, from URLError to AssertionError
        raise DataError(
            f"{dataset} could not be read from or downloaded to {folder} ({type(error).__name__}: {error}). {remedy}"
        ) from error
    expected = (10_000 if split == "test" else 60_000, 28, 28)
    if tuple(images.shape) != expected or images.dtype != torch.uint8:
        raise DataError(
            f"{dataset} in {folder}: expected {expected} bytes for the {split} split, got {tuple(images.shape)} "
            f"of {images.dtype}. {remedy}"
        )
    part = {"train": slice(None, TRAIN_SIZE), "validation": slice(TRAIN_SIZE, None), "test": slice(None)}[split]
    return images[part].unsqueeze(1).clone(), targets[part].clone()
