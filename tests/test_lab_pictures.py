"""The lab's pictures: titles, units, sizes and the text alternative."""

import dataclasses
import io
import math

import numpy
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
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


def test_autoencoder_names_networks_shapes_and_terms():
    """The drawing has a box for each part, and none is cut off or lies over another."""
    figure = pictures.autoencoder()
    (axis,) = figure.axes
    boxes = [text for text in axis.texts if text.get_bbox_patch()]
    said = " ".join(text.get_text() for text in boxes)
    for part in (
        "image x",
        "encoder",
        "mu",
        "log_var",
        "eps",
        "code z",
        "decoder",
        "logits",
        "prior",
        "KL",
        "reconstruction",
    ):
        assert part in said
    FigureCanvasAgg(figure).draw()  # only then a box has its place
    places = [text.get_bbox_patch().get_window_extent() for text in boxes]
    for place in places:
        assert min(place.x0, place.y0, figure.bbox.x1 - place.x1, figure.bbox.y1 - place.y1) >= 0
        assert sum(place.overlaps(other) for other in places) == 1  # itself


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


def test_learning_curve_shows_the_two_terms():
    """A history with the KL gets a second panel: KL and minus reconstruction add up to the validation loss."""
    figure = pictures.learning_curve(dataclasses.replace(HISTORY, terms={"KL": [5.0, 19.0, 20.0]}))
    _, axis = figure.axes
    reconstruction, divergence = axis.get_lines()
    assert (list(reconstruction.get_ydata()), list(divergence.get_ydata())) == ([175, 130, 131], [5, 19, 20])
    assert "minus reconstruction, best epoch: 130.0 nats" in reconstruction.get_label()
    assert reconstruction.get_marker() != divergence.get_marker()
    assert ("nats" in axis.get_ylabel(), axis.get_xlabel()) == (True, "epoch")


def test_bound_leads_from_zero_to_one_line():
    """Reconstruction and KL lead down to the ELBO, the gap from there up to log p(x), the same for each group."""
    bars = {"wide": (-4.0, 0.0, 2.0), "near": (-1.0, 1.0, 0.0)}
    bars = {name: tuple(map(torch.tensor, terms)) for name, terms in bars.items()}
    figure = pictures.bound(bars, torch.linspace(-1, 1, 5), {"prior": torch.ones(5)}, title="Bounds")
    left, right = figure.axes
    ends = [(bar.get_y(), bar.get_y() + bar.get_height()) for bar in left.patches]
    assert ends == [(0, -4), (-4, -4), (-4, -2), (0, -1), (-1, -2), (-2, -2)]
    assert [text.get_text() for text in left.texts] == ["-4.000", "+0.000", "+2.000", "-1.000", "-1.000", "+0.000"]
    names = [text.get_text() for text in left.get_legend().get_texts()]
    assert names == ["log p(x) = -2.000", "reconstruction", "KL to the prior", "gap"]
    assert (left.get_ylabel(), right.get_xlabel(), right.get_lines()[0].get_label()) == ("nats", "code z", "prior")
    assert figure.get_suptitle() == "Bounds"


def test_bound_says_what_it_cannot_show():
    """Without bars there is an error."""
    with pytest.raises(ValueError, match="expected at least one group of bars, got none"):
        pictures.bound({}, torch.zeros(2), {}, title="Bounds")


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


def test_gaps_are_stacked_from_the_approximation_gap_on():
    """A bar's parts are means over images, the second on the first, and both are written above it."""
    bars = {
        "one": (torch.tensor([1.0, 3.0]), torch.tensor([0.5, 0.5], requires_grad=True)),
        "two": (torch.tensor([-0.25, -0.25]), torch.tensor([4.0, 4.0])),
    }
    axis = pictures.gaps(bars, "Two models").axes[0]
    parts = [(bar.get_y(), bar.get_height()) for bar in axis.patches]
    assert parts == [(0, 2.0), (2.0, 0.5), (0, -0.25), (0, 4.0)]
    assert [text.get_text() for text in axis.texts] == ["2.00 + 0.50", "-0.25 + 4.00"]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["one", "two"]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["approximation gap", "amortisation gap"]
    assert "nats" in axis.get_ylabel()
    assert axis.get_title() == "Two models"


def test_gaps_of_one_image_have_no_error_bar():
    """A single image has a bar and no standard error."""
    axis = pictures.gaps({"one": (torch.tensor([1.0]), torch.tensor([2.0]))}, "One image").axes[0]
    assert [len(axis.patches), len(axis.collections)] == [2, 0]


def test_gaps_say_what_they_cannot_show():
    """No bar, and gaps of different images, are reported."""
    with pytest.raises(ValueError, match="expected at least one bar"):
        pictures.gaps({}, "title")
    with pytest.raises(ValueError, match=r"'one': .* got shapes \(3,\) and \(2,\)"):
        pictures.gaps({"one": (torch.zeros(3), torch.zeros(2))}, "title")


def test_curves_give_a_name_one_look_in_all_panels():
    """A name has the same colour, marker and stroke everywhere, and stands once in the legend."""
    panels = {"train": {"a": {1: 2.0, 3: 4.0}, "b": {1: 5.0}}, "validation": {"b": {1: 6.0}, "c": {2: 7.0}}}
    figure = pictures.curves(panels, "Over epochs", "epoch", "gap (nats)", log="x")
    first, second = figure.axes
    assert [list(line.get_ydata()) for line in first.get_lines()] == [[2.0, 4.0], [5.0]]
    lines = [axis.get_lines() for axis in figure.axes]
    looks = [[(one.get_color(), one.get_marker(), one.get_linestyle()) for one in few] for few in lines]
    assert looks[0][1] == looks[1][0]
    assert len({*looks[0], *looks[1]}) == 3
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b", "c"]
    assert [axis.get_title() for axis in figure.axes] == ["train", "validation"]
    assert (first.get_ylabel(), first.get_xlabel(), first.get_xscale()) == ("gap (nats)", "epoch", "symlog")
    assert [text.get_text() for text in first.get_xticklabels()] == ["1", "3"]
    assert first.get_ylim() == second.get_ylim()
    assert figure.get_suptitle() == "Over epochs"


def test_curves_say_what_they_cannot_show():
    """No panel, and a panel without lines, are reported."""
    for panels in ({}, {"train": {}}):
        with pytest.raises(ValueError, match="expected at least one panel, and a line in each"):
            pictures.curves(panels, "title", "epoch", "nats")


def test_contours_hold_the_mass_of_the_density():
    """The outer contour of a Gaussian holds 99 per cent: a circle of radius 3.03 around its mean."""
    figure = pictures.contours({"one": (lambda z: to_the_right(z) + 5, torch.zeros(7, 2))}, "A Gaussian", zoom=False)
    (axis,) = figure.axes
    points, lines = axis.collections
    assert len(points.get_offsets()) == 7
    outer = max(lines.get_paths(), key=lambda path: len(path.vertices)).vertices
    radii = [math.hypot(x - 2, y) for x, y in outer if x < 4]
    assert min(radii) == pytest.approx(math.sqrt(2 * math.log(100)), abs=0.1)
    assert len(lines.levels) == 3
    assert figure.get_suptitle() == "A Gaussian"
    assert axis.get_xlim() == pytest.approx((-4.5, 4.5))
    assert "latent dimension" in axis.get_ylabel()


def test_contours_zoom_to_where_something_is():
    """The window is a square around the density and the points, the same in all panels."""
    narrow = {"one": (lambda z: -50 * ((z - 1) ** 2).sum(-1), None), "two": (lambda z: -50 * (z**2).sum(-1), None)}
    first, second = pictures.contours(narrow, "two densities").axes
    (left, right), (bottom, top) = first.get_xlim(), first.get_ylim()
    assert -1 < left < -0.2
    assert 1.2 < right < 2
    assert right - left == pytest.approx(top - bottom)
    assert first.get_xlim() == second.get_xlim()


def test_contours_say_what_they_cannot_show():
    """No panel, log-densities that are no row of numbers, and points outside the plane, are reported."""
    with pytest.raises(ValueError, match="expected at least one panel"):
        pictures.contours({}, "title")
    with pytest.raises(ValueError, match=r"'one': expected log-densities of shape \(6561,\), got \(6561, 2\)"):
        pictures.contours({"one": (lambda z: z, None)}, "title")
    with pytest.raises(ValueError, match="'one': expected log-densities, got NaN"):
        pictures.contours({"one": (lambda z: z.sum(-1) * math.nan, None)}, "title")
    with pytest.raises(ValueError, match=r"one: expected points of the plane, shape \(N, 2\), got \(4, 3\)"):
        pictures.contours({"one": (to_the_right, torch.zeros(4, 3))}, "title")


@pytest.fixture
def displayed(monkeypatch):
    """What `show` has displayed."""
    shown = []
    monkeypatch.setattr(pictures, "display", shown.append)
    return shown


def test_show_displays_a_png_with_its_alternative(displayed):
    """show displays one PNG that carries the text, with two pixels for one of the page, and clears the figure."""
    figure = pictures.learning_curve(HISTORY)
    pictures.show(figure, "The loss falls.")
    (image,) = displayed
    assert (image.alt, image.width, image.height) == ("The loss falls.", 600, 350)
    with Image.open(io.BytesIO(image.data)) as png:
        assert png.size == (1200, 700)
    assert figure.axes == []


def test_shown_figures_are_light_and_look_as_drawn(displayed):
    """At most 64 colours in less than half the bytes, and no colour further off than an eye sees."""
    figure = Figure(figsize=(4, 3))
    axis = figure.add_axes((0, 0, 1, 1))
    ramp = numpy.linspace(0, 1, 400)
    colours = numpy.stack([*numpy.meshgrid(ramp, ramp[:300]), numpy.full((300, 400), 0.5)], -1)
    axis.imshow(colours * numpy.random.default_rng(0).uniform(0.9, 1, colours.shape), aspect="auto")
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=200)
    pictures.show(figure, "Colours.")
    (image,) = displayed
    assert len(image.data) < 0.5 * len(drawn.getvalue())
    was, now = (numpy.asarray(Image.open(file).convert("RGB")).astype(int) for file in (drawn, io.BytesIO(image.data)))
    assert was.shape == now.shape
    assert numpy.abs(was - now).mean() < 8


def test_show_asks_for_the_alternative():
    """A figure without words is refused."""
    with pytest.raises(ValueError, match="alt is empty"):
        pictures.show(pictures.learning_curve(HISTORY), " ")
