"""The lab's pictures: titles, units, sizes and the text alternative."""

import math

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


def to_the_right(z):
    """Return the log-density of N((2, 0), I) in the plane."""
    return -math.log(2 * math.pi) - ((z - torch.tensor([2.0, 0.0])) ** 2).sum(-1) / 2


def test_prior_density_is_largest_where_the_density_is():
    """The first coordinate runs to the right and the second upwards."""
    axis = pictures.prior_density({"prior": (to_the_right, None)}).axes[0]
    height, (left, right, bottom, top) = axis.images[0].get_array(), axis.images[0].get_extent()
    row, column = divmod(int(height.argmax()), height.shape[1])
    assert left + (right - left) * column / (height.shape[1] - 1) == pytest.approx(2, abs=0.03)
    assert bottom + (top - bottom) * row / (height.shape[0] - 1) == pytest.approx(0, abs=0.03)
    assert axis.images[0].origin == "lower"
    assert float(height.max()) == pytest.approx(1 / (2 * math.pi), rel=1e-3)


def test_prior_density_compares_panels_on_one_scale():
    """All panels have the colours of the highest density, a title and named axes."""
    figure = pictures.prior_density({"one": (to_the_right, None), "half": (lambda z: to_the_right(z) - 1, None)})
    first, second, bar = figure.axes
    assert first.images[0].get_clim() == second.images[0].get_clim()
    assert [axis.get_title() for axis in (first, second)] == ["one", "half"]
    assert "latent dimension" in first.get_xlabel()
    assert "latent dimension" in first.get_ylabel()
    assert bar.get_ylabel() == "density"


def test_prior_density_shows_codes_in_all_panels_and_samples_in_theirs():
    """The legend tells codes from samples; a panel without samples has the codes alone."""
    codes, samples = torch.zeros(5, 2), torch.ones(3, 2, requires_grad=True)
    figure = pictures.prior_density({"with": (to_the_right, samples), "without": (to_the_right, None)}, codes)
    counts = [[len(points.get_offsets()) for points in axis.collections] for axis in figure.axes[:2]]
    assert counts == [[5, 3], [5]]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["codes", "samples"]


def test_prior_density_says_what_it_cannot_show():
    """Log-densities that are no row of finite numbers, and points outside the plane, are reported."""
    with pytest.raises(ValueError, match=r"'one': expected log-densities of shape \(25921,\), got \(25921, 2\)"):
        pictures.prior_density({"one": (lambda z: z, None)})
    with pytest.raises(ValueError, match=r"codes: expected points of the plane, shape \(N, 2\), got \(4, 3\)"):
        pictures.prior_density({"one": (to_the_right, None)}, torch.zeros(4, 3))
    with pytest.raises(ValueError, match="'one': expected finite densities"):
        pictures.prior_density({"one": (lambda z: z.sum(-1) / 0, None)})
    with pytest.raises(ValueError, match="expected at least one panel"):
        pictures.prior_density({})


def test_bounds_are_differences_from_the_reference():
    """A curve has, over K, the mean of the differences and their standard error, which the images' spread does not enter."""
    reference = torch.tensor([-50.0, -150.0, -100.0], dtype=torch.float64)
    offsets = torch.tensor([-1.0, -2.0, -3.0], dtype=torch.float64)
    curve = {1: (reference + offsets).requires_grad_(), 50: reference + offsets / 10}
    axis = pictures.bounds({"vae_k1": curve}, reference, name="truth").axes[0]
    (container,) = axis.containers
    line, _, (bars,) = container
    assert list(line.get_xdata()) == [1, 50]
    assert list(line.get_ydata()) == pytest.approx([-2.0, -0.2])
    ends = [segment[:, 1].tolist() for segment in bars.get_segments()]
    error = 1 / math.sqrt(3)
    assert ends == [pytest.approx([-2 - error, -2 + error]), pytest.approx([-0.2 - error / 10, -0.2 + error / 10])]
    assert axis.get_xscale() == "log"
    assert "nats per image" in axis.get_ylabel()
    assert "truth" in axis.get_title()
    assert {text.get_text() for text in axis.get_legend().get_texts()} == {"truth", "vae_k1"}


def test_bounds_say_what_they_cannot_show():
    """No curve, or bounds of other images than the reference's, are reported."""
    with pytest.raises(ValueError, match="expected at least one curve"):
        pictures.bounds({}, torch.zeros(3))
    with pytest.raises(ValueError, match=r"'vae', K = 5: .* got shapes \(4,\) and \(3,\)"):
        pictures.bounds({"vae": {1: torch.zeros(3), 5: torch.zeros(4)}}, torch.zeros(3))
    with pytest.raises(ValueError, match="two or more images"):
        pictures.bounds({"vae": {1: torch.zeros(1)}}, torch.zeros(1))


def test_kl_per_dimension_counts_what_is_above_the_threshold():
    """Bars fall from left to right; the legend has the threshold and the number of dimensions above it."""
    statistics = {"vae": torch.tensor([0.5, 2.0, 0.0]), "iwae": torch.tensor([0.01, 0.02, 0.03])}
    figure = pictures.kl_per_dimension(statistics)
    first, second = figure.axes
    assert [bar.get_height() for bar in first.patches] == [2.0, 0.5, 0.0]
    assert [axis.get_title() for axis in figure.axes] == ["vae", "iwae"]
    labels = [axis.get_legend().get_texts()[0].get_text() for axis in figure.axes]
    assert labels == ["threshold 0.01: 2 active", "threshold 0.01: 2 active"]
    assert "nats" in first.get_ylabel()
    assert first.get_ylim() == second.get_ylim()
    assert first.get_ylim()[1] > 2.0


def test_kl_per_dimension_says_what_it_cannot_show():
    """No panel, or a statistic of images and dimensions, are reported."""
    with pytest.raises(ValueError, match="expected at least one panel"):
        pictures.kl_per_dimension({})
    with pytest.raises(ValueError, match=r"'vae': expected one number a dimension, shape \(D,\), got \(4, 2\)"):
        pictures.kl_per_dimension({"vae": torch.zeros(4, 2)})


def test_traversals_have_a_row_for_each_dimension():
    """Images stand in the rows of their dimensions and the columns of their values, which are named."""
    images = torch.linspace(0, 1, 6).reshape(2, 3, 1, 1, 1).expand(2, 3, 1, 28, 28)
    figure = pictures.traversals(images, [7, 0], [-1.5, 0.0, 1.5])
    assert [float(image.mean()) for image in shown(figure)] == pytest.approx(torch.linspace(0, 1, 6).tolist())
    assert [figure.axes[i].get_ylabel() for i in (0, 3)] == ["z7", "z0"]
    assert [axis.get_xlabel() for axis in figure.axes[3:]] == ["-1.5", "0", "1.5"]
    with pytest.raises(ValueError, match=r"expected images of shape \(3, 2, 1, 28, 28\), got \(2, 3, 1, 28, 28\)"):
        pictures.traversals(images, [7, 0, 1], [0.0, 1.0])


def test_rows_show_the_images_of_each_label_side_by_side():
    """A row holds the images of one label from left to right."""
    images = {
        "images": torch.zeros(2, 1, 28, 28),
        "means": torch.stack([torch.full((1, 28, 28), g) for g in (0.25, 1.0)]),
    }
    figure = pictures.rows(images, "Two models")
    first, second = shown(figure)
    assert first.shape == second.shape == (28, 56)
    assert [float(second[:, :28].mean()), float(second[:, 28:].mean())] == [0.25, 1.0]
    assert [axis.get_ylabel() for axis in figure.axes] == ["images", "means"]
    assert figure.get_suptitle() == "Two models"


def test_rows_say_what_they_cannot_show():
    """Rows of different lengths, and no row, are reported."""
    with pytest.raises(ValueError, match=r"got a \(2, 1, 28, 28\), b \(3, 1, 28, 28\)"):
        pictures.rows({"a": torch.zeros(2, 1, 28, 28), "b": torch.zeros(3, 1, 28, 28)}, "title")
    with pytest.raises(ValueError, match="expected at least one row, and all of one shape, got none"):
        pictures.rows({}, "title")


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
