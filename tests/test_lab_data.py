"""The lab's data: splits, binarisation, batches, and files that are missing or corrupt."""

import math
import struct
import urllib.error

import pytest
import torch
import torchvision

from lab import data, glyphs
from lab.errors import DataError

GREY = torch.arange(256, dtype=torch.uint8).repeat(4).reshape(-1, 1, 16, 16)


@pytest.fixture
def offline(monkeypatch):
    """Make every download of torchvision fail as it does without a network."""

    def fail(*args, **kwargs):
        raise urllib.error.URLError("Network is unreachable")

    monkeypatch.setattr(torchvision.datasets.mnist, "download_and_extract_archive", fail)


def write_idx(path, *shape):
    """Write a file in the format of MNIST; image i has grey level i mod 251 everywhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">{1 + len(shape)}i", 0x0800 + len(shape), *shape)
    size = math.prod(shape[1:])
    path.write_bytes(header + b"".join(bytes([i % 251]) * size for i in range(shape[0])))


@pytest.fixture(scope="module")
def mnist_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for stem, count in (("train", 60_000), ("t10k", 10_000)):
        write_idx(root / "MNIST" / "raw" / f"{stem}-images-idx3-ubyte", count, 28, 28)
        write_idx(root / "MNIST" / "raw" / f"{stem}-labels-idx1-ubyte", count)
    return root


@pytest.mark.parametrize(
    ("split", "count", "first"), [("train", 50_000, 0), ("validation", 10_000, 50_000 % 251), ("test", 10_000, 0)]
)
def test_load_splits_mnist(mnist_root, offline, split, count, first):
    """The training file gives 50,000 and then 10,000 images, the test file 10,000, as bytes."""
    images = data.load(split, dataset="mnist", root=mnist_root, device="cpu")
    assert images.shape == (count, 1, 28, 28)
    assert images.dtype == torch.uint8
    assert images[0].unique().tolist() == [first]


def test_load_takes_defaults_from_the_environment(mnist_root, offline, monkeypatch):
    """Data set, folder and device come from the environment variables."""
    monkeypatch.setenv("COURSE_DATASET", "mnist")
    monkeypatch.setenv("COURSE_DATA", str(mnist_root))
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    assert data.load("test").shape == (10_000, 1, 28, 28)


@pytest.mark.parametrize(("dataset", "folder"), [("mnist", "MNIST"), ("fashion", "FashionMNIST")])
def test_load_explains_missing_files(tmp_path, offline, dataset, folder):
    """Without files and network the error names the folder and two ways out."""
    with pytest.raises(DataError, match="COURSE_DATASET=glyphs") as caught:
        data.load("train", dataset=dataset, root=tmp_path, device="cpu")
    assert str(tmp_path / folder) in str(caught.value)
    assert "COURSE_DATA" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\x00\x08\x03" + 100 * b"\x00", b"<html>not found</html>"],
    ids=["empty", "truncated", "another file"],
)
def test_load_explains_corrupt_files(tmp_path, offline, content):
    """A file that is no MNIST file gives the folder to delete, not a traceback of torchvision alone."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for stem in ("train", "t10k"):
        for kind in ("images-idx3", "labels-idx1"):
            (raw / f"{stem}-{kind}-ubyte").write_bytes(content)
    with pytest.raises(DataError, match="Delete .*MNIST"):
        data.load("train", dataset="mnist", root=tmp_path, device="cpu")


def test_load_refuses_files_of_another_size(tmp_path, offline):
    """A readable file with the wrong number of images is refused."""
    for stem in ("train", "t10k"):
        write_idx(tmp_path / "MNIST" / "raw" / f"{stem}-images-idx3-ubyte", 7, 28, 28)
        write_idx(tmp_path / "MNIST" / "raw" / f"{stem}-labels-idx1-ubyte", 7)
    with pytest.raises(DataError, match=r"expected \(60000, 28, 28\).*got \(7, 28, 28\)"):
        data.load("train", dataset="mnist", root=tmp_path, device="cpu")


def test_load_refuses_unknown_names(tmp_path):
    """An unknown split or data set is a ValueError with the choices."""
    with pytest.raises(ValueError, match="split is 'dev', expected one of train, validation, test"):
        data.load("dev", dataset="glyphs")
    with pytest.raises(ValueError, match="dataset is 'cifar', expected one of mnist, fashion, glyphs"):
        data.load("train", dataset="cifar")


def test_glyphs_are_the_same_at_every_call():
    """Two calls give the same images, and torch's global generator is not used."""
    state = torch.get_rng_state()
    first = glyphs.render("test", 60)
    assert torch.equal(first, glyphs.render("test", 60))
    assert torch.equal(torch.get_rng_state(), state)


def test_glyphs_are_drawn_once(tmp_path, monkeypatch):
    """A second load reads what the first one kept; a torn file, and a folder that cannot be written, are drawn again."""
    drawn = []
    render = glyphs.render
    monkeypatch.setattr(glyphs, "render", lambda split: drawn.append(split) or render(split))
    first = data.load("test", dataset="glyphs", root=tmp_path, device="cpu")
    kept = tmp_path / data.glyphs_file("test")
    for change, times in (
        (lambda: None, 1),
        (lambda: kept.write_bytes(kept.read_bytes()[:-1]), 2),
        (lambda: (kept.unlink(), kept.mkdir()), 3),
    ):
        change()
        assert torch.equal(data.load("test", dataset="glyphs", root=tmp_path, device="cpu"), first)
        assert drawn == ["test"] * times
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


@pytest.mark.parametrize(("split", "first"), [("train", 0), ("validation", 50_000), ("test", 0)])
def test_load_gives_the_classes_of_mnist_on_request(mnist_root, offline, split, first):
    """With labels each image comes with the number that its file has for it; the images are the same as without."""
    images, labels = data.load(split, dataset="mnist", root=mnist_root, device="cpu", labels=True)
    assert torch.equal(images, data.load(split, dataset="mnist", root=mnist_root, device="cpu"))
    assert labels.dtype == torch.int64
    assert torch.equal(labels, (first + torch.arange(len(images))) % 251)


def test_labels_of_glyphs_are_the_digits_that_were_drawn(monkeypatch):
    """With each digit drawn as a square of a grey of its own, the middle of an image has the grey of its label."""

    def square(digit, font, stroke):
        canvas = torch.zeros(1, glyphs.CANVAS, glyphs.CANVAS)
        canvas[:, 8:-8, 8:-8] = (int(digit) + 1) / 10
        return canvas

    monkeypatch.setattr(glyphs, "_draw", square)
    monkeypatch.setattr(glyphs, "_drawn_digits", glyphs._drawn_digits.__wrapped__)
    middle = glyphs.render("validation")[:, 0, 13:15, 13:15].float().mean((1, 2)) / 255
    assert torch.equal((10 * middle).round().long() - 1, data._drawn_labels("validation"))


@pytest.mark.parametrize("split", ["validation", "test"])
def test_labels_of_glyphs_are_those_of_the_images(split):
    """An image is nearest to the mean image of its label in two of three cases; by chance it would be one in ten."""
    images, labels = data.load(split, dataset="glyphs", device="cpu", labels=True)
    assert torch.equal(images, data.load(split, dataset="glyphs", device="cpu"))
    assert len(labels) == len(images)
    assert sorted(labels.unique().tolist()) == list(range(10))
    rows = images.flatten(1).float()
    means = torch.stack([rows[labels == label].mean(0) for label in range(10)])
    assert (torch.cdist(rows, means).argmin(1) == labels).float().mean() > 0.67


@pytest.mark.parametrize("dataset", ["mnist", "fashion", "glyphs"])
def test_classes_have_ten_names(dataset, monkeypatch):
    """Every data set has ten classes; without an argument it is the course's data set."""
    names = data.classes(dataset)
    assert len(set(names)) == 10
    monkeypatch.setenv("COURSE_DATASET", dataset)
    assert data.classes() == names


def test_glyphs_splits_are_disjoint():
    """No image of one split is in another, and none is there twice."""
    splits = torch.cat([glyphs.render(split, 200) for split in data.SPLITS])
    assert len(splits.flatten(1).unique(dim=0)) == 600


def test_glyphs_are_grey_digits_inside_the_frame():
    """Images are bytes with empty borders, ink of about MNIST's amount, and antialiased edges."""
    images = data.load("validation", dataset="glyphs", device="cpu")
    assert images.shape == (1_000, 1, 28, 28)
    assert images.dtype == torch.uint8
    border = torch.cat([images[..., 0, :], images[..., -1, :], images[..., 0], images[..., -1]])
    assert border.float().mean() < 1
    ink = images.float().flatten(1).mean(1) / 255
    assert ink.min() > 0.02
    assert ink.max() < 0.4
    assert 0.1 < ((images > 0) & (images < 255)).float().mean() < 0.4


@pytest.mark.parametrize("how", data.BINARIZATIONS)
def test_binarize_gives_zeros_and_ones(how):
    """Every way gives float zeros and ones; black stays black and white stays white."""
    x = data.binarize(GREY, how)
    assert x.dtype == torch.float32
    assert x.shape == GREY.shape
    assert set(x.unique().tolist()) == {0.0, 1.0}
    assert x[GREY == 0].max() == 0
    assert x[GREY == 255].min() == 1


@pytest.mark.parametrize("how", ["stochastic", "fixed"])
def test_binarize_draws_with_the_grey_level_as_probability(how):
    """Each grey level v is 1 with probability v / 255."""
    draws = 4_000
    images = torch.arange(256, dtype=torch.uint8).repeat(draws, 1)
    p = torch.arange(256) / 255
    z = (data.binarize(images, how, torch.Generator().manual_seed(5)).mean(0) - p) / (p * (1 - p) / draws).sqrt()
    # 254 binomial frequencies with a seed fixed here; by chance one in 60 seeds is beyond 4 standard errors.
    assert z[1:255].abs().max() < 4
    assert z[1:255].square().mean() == pytest.approx(1, abs=0.4)


def test_binarize_thresholds_between_127_and_128():
    """The threshold is at half of 255."""
    assert data.binarize(torch.tensor([127, 128], dtype=torch.uint8), "threshold").tolist() == [0, 1]


def test_binarize_draws_anew_unless_fixed():
    """Stochastic draws differ from call to call and follow their generator; the fixed draw never changes."""
    assert not torch.equal(data.binarize(GREY), data.binarize(GREY))
    first, second = (data.binarize(GREY, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    state = torch.get_rng_state()
    assert torch.equal(data.binarize(GREY, "fixed"), data.binarize(GREY, "fixed"))
    assert torch.equal(torch.get_rng_state(), state)


def test_binarize_refuses_what_is_binary_already():
    """Floats are refused, with the likely reason."""
    with pytest.raises(TypeError, match=r"expected grey levels of dtype uint8.*got torch.float32.*binarised before"):
        data.binarize(data.binarize(GREY))
    with pytest.raises(ValueError, match="how is 'round', expected one of stochastic, threshold, fixed"):
        data.binarize(GREY, "round")


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"), [(10, 4, [4, 4, 2]), (4, 4, [4]), (1, 8, [1]), (3, 1, [1] * 3)]
)
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_hold_every_image_once(count, batch_size, sizes, shuffle):
    """Every image comes once, the last batch may be smaller."""
    images = torch.zeros(count, 1, 4, 4, dtype=torch.uint8)
    images.flatten(1)[torch.arange(count), torch.arange(count)] = 255  # image i has pixel i white
    found = list(data.batches(images, batch_size, shuffle=shuffle))
    assert [len(x) for x in found] == sizes
    order = torch.cat(found).flatten(1).argmax(1).tolist()
    assert sorted(order) == list(range(count))
    assert shuffle or order == list(range(count))


def test_batches_follow_their_generator():
    """One seed gives one order and one binarisation; the next epoch gives others."""

    def epochs(seed):
        generator = torch.Generator().manual_seed(seed)
        return [torch.cat(list(data.batches(GREY, 3, generator=generator))) for _ in range(2)]

    first, again = epochs(1), epochs(1)
    assert all(map(torch.equal, first, again))
    assert not torch.equal(first[0], first[1])


def test_batches_keep_the_fixed_draw_of_an_image():
    """With fixed binarisation, order and batch size don't change an image's pixels."""
    whole = data.binarize(GREY, "fixed")
    assert torch.equal(torch.cat(list(data.batches(GREY, 3, how="fixed", shuffle=False))), whole)
    shuffled = torch.cat(list(data.batches(GREY, 3, how="fixed")))
    assert sorted(map(tuple, shuffled.flatten(1).tolist())) == sorted(map(tuple, whole.flatten(1).tolist()))
