"""Figures of what a model does with its codes: where they lie, what is decoded from them, several models side by side.

Every function returns a matplotlib Figure that no window or notebook shows by itself; `lab.show` displays it. Other
figures are in `lab.pictures`.
"""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from lab.pictures import PIXELS_PER_INCH, draw_image, grey_levels, plane_points

# Ten that differ in lightness, too; the markers, digits, tell the classes apart without them.
CLASS_COLOURS = (
    *("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7"),
    *("#7f4f00", "#56b4e9", "#e69f00", "#6a3d9a", "#7f7f7f"),
)
CURVE_POINTS = 50  # a curve of more losses is shown as that many means
HUGE = 1e4  # beyond this a curve needs a logarithmic scale
FLAT_START = 0.1  # share of a curve that does not count for its scale: the first losses are far above all others


def codes(
    panels: Mapping[str, tuple[torch.Tensor, torch.Tensor]], names: Sequence[str], title: str, radius: float = 4.0
) -> Figure:
    """Return a figure of codes in the plane, side by side, over circles of 1, 2 and 3 standard deviations of N(0, I).

    The marker of a code is the number of its class, and has the colour of the class.

    Args:
        panels: the panel's title to the codes, shape (N, 2), and their classes 0 … 9, shape (N,).
        names: of the classes, for the legend.
        title: of the figure.
        radius: each panel shows at least the square from -radius to radius, and more where codes lie outside of it.
    Raises:
        ValueError: when there is no panel, or codes and classes have other shapes.
    """
    if not panels:
        raise ValueError("codes(panels, names, title): expected at least one panel, got none")
    figure = Figure(figsize=(max(5.5, 4.2 * len(panels) + 1.2), 4.6), dpi=PIXELS_PER_INCH, layout="constrained")
    for axis, (heading, (points, labels)) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        _codes(axis, heading, points, labels, size=32, radius=radius)
        axis.set(title=heading, xlabel="first latent dimension")
    figure.axes[0].set_ylabel("second latent dimension")
    figure.suptitle(title)
    handles = [
        Line2D([], [], marker=f"${number}$", color=CLASS_COLOURS[number], linestyle="", label=name)
        for number, name in enumerate(names)
    ]
    figure.legend(handles=handles, loc="outside right center", title="class")
    return figure


def grid(panels: Mapping[str, torch.Tensor], values: Sequence[float], title: str) -> Figure:
    """Return a figure of images decoded from a grid of codes in the plane, side by side.

    Args:
        panels: the panel's title to the images, shape (n, n, 1, 28, 28): the first axis is the first latent dimension,
            the second the second, both from the lowest value to the highest.
        values: of both dimensions, n of them.
        title: of the figure.
    Raises:
        ValueError: when there is no panel or the shape is another.
    """
    if not panels:
        raise ValueError("grid(panels, values, title): expected at least one panel, got none")
    count = len(values)
    figure = Figure(figsize=(max(5.0, 4.8 * len(panels)), 5.2), dpi=PIXELS_PER_INCH, layout="constrained")
    for axis, (heading, images) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        if images.dim() != 5 or images.shape[:3] != (count, count, 1):
            raise ValueError(
                f"grid: {heading!r}: expected images of shape ({count}, {count}, 1, 28, 28), got {tuple(images.shape)}"
            )
        # in the picture rows come from above, and the second dimension grows upwards
        tiles = _tiles(heading, images.transpose(0, 1).flip(0))
        side = tiles.shape[-1] // count
        axis.imshow(tiles.numpy(), cmap="gray_r", vmin=0, vmax=1)
        places = [side * (place + 0.5) for place in range(count)]
        axis.set_xticks(places, [f"{value:.1f}" for value in values], fontsize="small")
        axis.set_yticks(places, [f"{value:.1f}" for value in reversed(values)], fontsize="small")
        axis.tick_params(length=0)
        axis.set(title=heading, xlabel="first latent dimension")
    figure.axes[0].set_ylabel("second latent dimension")
    figure.suptitle(title)
    return figure


def board(rows: Mapping[str, Mapping[str, object]], title: str, height: float = 1.5) -> Figure:
    """Return a figure with a row for each model and a column for each way to look at it.

    A panel is what its value is: a list of numbers a curve over the steps; images of shape (r, c, 1, 28, 28) a block of
    r rows; a pair of codes, shape (N, 2), and classes, shape (N,), a picture as that of `codes`.

    Args:
        rows: the row's label, of several lines perhaps, to the column's heading to the panel; all rows have the same
            columns.
        title: of the figure.
        height: of a row, in inches.
    Raises:
        ValueError: when there is no row, when columns differ, or when a panel is none of these.
    """
    headings = [tuple(panels) for panels in rows.values()]
    if len(set(headings)) != 1 or not headings[0]:
        raise ValueError(f"board(rows, title): expected rows that have the same columns, got {headings or 'none'}")
    first = next(iter(rows.values()))
    # a block of images is as wide as its columns ask for
    widths = [
        panel.shape[1] / panel.shape[0] if isinstance(panel, torch.Tensor) and panel.dim() == 5 else 1.25
        for panel in first.values()
    ]
    size = (height * 0.88 * sum(widths) + 2.2, height * len(rows) + 0.7)
    figure = Figure(figsize=size, dpi=PIXELS_PER_INCH, layout="constrained")
    axes = figure.subplots(len(rows), len(widths), squeeze=False, width_ratios=widths)
    for line, (label, panels) in zip(axes, rows.items(), strict=True):
        for axis, (heading, panel) in zip(line, panels.items(), strict=True):
            _panel(axis, f"{label!r}, {heading!r}", panel)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", linespacing=1.4, labelpad=12)
    for axis, heading in zip(axes[0], headings[0], strict=True):
        axis.set_title(heading, fontsize="medium")
    figure.suptitle(title)
    return figure


def _panel(axis: Axes, name: str, panel: object) -> None:
    """Draw one panel of a board."""
    if isinstance(panel, torch.Tensor) and panel.dim() == 5:
        draw_image(axis, _tiles(name, panel))
    elif isinstance(panel, tuple):
        _codes(axis, name, *panel, size=11, radius=4.0)
        axis.tick_params(labelsize="x-small")
    elif isinstance(panel, list) and panel:
        _curve(axis, panel)
    else:
        raise ValueError(
            f"board: {name}: expected a list of numbers, images of shape (r, c, 1, 28, 28), or codes and classes, "
            f"got {type(panel).__name__}"
        )


def _curve(axis: Axes, losses: list[float]) -> None:
    """Draw losses over the steps, from the lowest to what they are after the start."""
    values = torch.tensor(losses, dtype=torch.float64)
    length = -(-len(values) // CURVE_POINTS)
    means = torch.stack([part.mean() for part in values.split(length)])
    places = [min(len(values), (place + 1) * length) for place in range(len(means))]
    axis.plot(places, means.numpy(), color="black", linewidth=1.2)
    later = means[int(FLAT_START * len(means)) :]
    later = later[later.isfinite()]
    if len(later) and later.abs().max() > HUGE:
        axis.set_yscale("symlog", linthresh=HUGE / 10)
        axis.yaxis.get_major_locator().set_params(numticks=4)
    elif len(later) and later.max() > later.min():
        margin = 0.08 * float(later.max() - later.min())
        axis.set_ylim(float(later.min()) - margin, float(later.max()) + margin)
    axis.set_xlim(0, len(losses))
    axis.tick_params(labelsize="x-small")


def _codes(axis: Axes, name: str, points: torch.Tensor, labels: torch.Tensor, size: float, radius: float) -> None:
    """Draw codes over the circles of the prior; a code's marker is the number of its class."""
    points, labels = plane_points(name, points), labels.detach().cpu()
    if labels.shape != points.shape[:1]:
        raise ValueError(f"{name}: expected one class for each of {len(points)} codes, got {tuple(labels.shape)}")
    for deviations, style in zip((1, 2, 3), ("-", "--", ":"), strict=True):
        axis.add_patch(Circle((0, 0), deviations, fill=False, linestyle=style, color="black", linewidth=1, zorder=3))
    for label in labels.unique().tolist():
        own = points[labels == label]
        axis.scatter(
            *own.T.numpy(),
            marker=f"${label}$",
            s=size,
            color=CLASS_COLOURS[label % len(CLASS_COLOURS)],
            linewidths=0,
            alpha=0.8,
        )
    reach = max(radius, 1.05 * float(points.abs().max()) if len(points) else 0.0)
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")


def _tiles(name: str, images: torch.Tensor) -> torch.Tensor:
    """Return images (r, c, 1, 28, 28) as one, shape (28 r, 28 c)."""
    rows = [grey_levels(name, row) for row in images]  # (c, 28, 28)
    return torch.cat([torch.cat(list(row), dim=1) for row in rows])
