"""The lab's pictures: titles, units, sizes and the text alternative."""

import pytest
import torch
from PIL import Image

from lab import pictures
from lab.training import History

HISTORY = History(
    train=[200.0, 150.0, 140.0],
    validation=[180.0, 149.0, 151.0],
    best_epoch=2,
    epochs=3,
    seconds=1.0,
    dataset="glyphs",
    binarization="stochastic",
    device="cpu",
    torch="2",
)


def shown(figure):
    """Return the images that a figure shows."""
    return [axis.images[0].get_array() for axis in figure.axes if axis.images]


@pytest.mark.parametrize("count", [1, 10])
def test_reconstructions_show_images_above_means(count):
    """The first row holds the images, the second the means, white 0 and black 1."""
    x, probabilities = torch.ones(count, 1, 28, 28), torch.full((count, 1, 28, 28), 0.25, requires_grad=True)
    figure = pictures.reconstructions(x, probabilities)
    means = [float(image.mean()) for image in shown(figure)]
    assert means == [1.0] * count + [0.25] * count
    assert "reconstructions" in figure.get_suptitle()


@pytest.mark.parametrize(("count", "cells"), [(1, 1), (10, 10), (13, 20)])
def test_samples_show_every_image(count, cells):
    """Every image is shown once; the last row may be short."""
    figure = pictures.samples(torch.zeros(count, 1, 28, 28))
    assert (len(shown(figure)), len(figure.axes)) == (count, cells)
    assert f"{count} samples" in figure.get_suptitle()


def test_pictures_refuse_other_shapes():
    """A tensor that is no batch of images is reported with its shape."""
    with pytest.raises(ValueError, match=r"images: expected images of shape \(N, 1, 28, 28\), got \(4, 784\)"):
        pictures.samples(torch.zeros(4, 784))
    with pytest.raises(ValueError, match="expected one shape"):
        pictures.reconstructions(torch.zeros(2, 1, 28, 28), torch.zeros(3, 1, 28, 28))


def test_learning_curve_has_units_and_the_best_epoch():
    """Axes carry units, both curves a name, and the best epoch is marked."""
    axis = pictures.learning_curve(HISTORY).axes[0]
    assert "nats per image" in axis.get_ylabel()
    assert axis.get_xlabel() == "epoch"
    assert "glyphs" in axis.get_title()
    lines = {line.get_label(): line for line in axis.get_lines()}
    assert list(lines["training (stochastic binarisation)"].get_ydata()) == HISTORY.train
    assert list(lines["validation (fixed binarisation)"].get_ydata()) == HISTORY.validation
    assert list(lines["best: 149.0 nats"].get_xdata()) == [2, 2]


def test_show_displays_a_png_with_its_alternative(monkeypatch, tmp_path):
    """show displays one PNG that carries the text, and clears the figure."""
    displayed = []
    monkeypatch.setattr(pictures, "display", displayed.append)
    figure = pictures.learning_curve(HISTORY)
    pictures.show(figure, "The loss falls.")
    (image,) = displayed
    assert image.alt == "The loss falls."
    (tmp_path / "shown.png").write_bytes(image.data)
    with Image.open(tmp_path / "shown.png") as png:
        assert png.size == (600, 350)
    assert figure.axes == []


def test_show_asks_for_the_alternative():
    """A figure without words is refused."""
    with pytest.raises(ValueError, match="alt is empty"):
        pictures.show(pictures.learning_curve(HISTORY), " ")
