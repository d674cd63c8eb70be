"""Figures with titles, units and a text alternative.

Every function returns a matplotlib Figure that no window or notebook shows by itself; `show` displays it.
"""

import io
from collections.abc import Callable, Mapping, Sequence

import PIL.Image
import torch
from IPython.display import Image, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lab.training import History

PIXELS_PER_INCH = 100  # of a page
SHARPNESS = 2  # pixels drawn along each side of one of a page
NUM_COLOURS = 64  # of a picture: shades of one colour, and the edges of letters
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
GRID = 161  # points along each side of a density's grid
CONTOUR_GRID = 81  # the same, of contours, which a decoder of images is asked for more than once


def reconstructions(x: torch.Tensor, probabilities: torch.Tensor) -> Figure:
    """Return a figure of images above the Bernoulli means that were decoded from them.

    Args:
        x: images, values in [0, 1], shape (N, 1, 28, 28); ten are enough.
        probabilities: Bernoulli means, the same shape.
    Raises:
        ValueError: when the shapes differ or are not those of images.
    """
    x, probabilities = grey_levels("x", x), grey_levels("probabilities", probabilities)
    if x.shape != probabilities.shape:
        raise ValueError(
            f"reconstructions(x, probabilities): expected one shape, got {tuple(x.shape)} and "
            f"{tuple(probabilities.shape)}"
        )
    figure = Figure(figsize=(max(4.0, 0.8 * len(x)), 2.3), dpi=PIXELS_PER_INCH, layout="constrained")
    axes = figure.subplots(2, len(x), squeeze=False)
    for column, pair in enumerate(zip(x, probabilities, strict=True)):
        for row, image in enumerate(pair):
            draw_image(axes[row, column], image)
    axes[0, 0].set_ylabel("image")
    axes[1, 0].set_ylabel("mean")
    figure.suptitle("Images and their reconstructions (Bernoulli means)")
    return figure


def samples(images: torch.Tensor, columns: int = 10) -> Figure:
    """Return a figure of images in a grid.

    Args:
        images: values in [0, 1], shape (N, 1, 28, 28).
        columns: images in a row.
    Raises:
        ValueError: when the shape is not that of images.
    """
    images = grey_levels("images", images)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(max(4.0, 0.7 * columns), 0.7 * rows + 0.5), dpi=PIXELS_PER_INCH, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(images) :]:
        axis.set_axis_off()
    for axis, image in zip(axes, images, strict=False):
        draw_image(axis, image)
    figure.suptitle(f"{len(images)} samples from the model")
    return figure


def autoencoder() -> Figure:
    """Return a drawing of a variational autoencoder: its networks, the letters and shapes of what passes, the bound's terms."""
    figure = Figure(figsize=(9.6, 4.0), dpi=PIXELS_PER_INCH)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, 96), ylim=(0, 40))
    axis.set_axis_off()
    values = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": "black"}
    network = {"boxstyle": "square,pad=0.6", "facecolor": "#cfe3f5", "edgecolor": "tab:blue", "linewidth": 2}
    term = {"boxstyle": "round,pad=0.4", "facecolor": "#fdebd2", "edgecolor": "tab:orange", "linestyle": "--"}
    for x, y, text, look in (
        (7, 24, "image x\n(B, 1, 28, 28)", values),
        (23, 24, "encoder\nq(z | x)", network),
        (38, 28, "mu\n(B, D)", values),
        (38, 20, "log_var\n(B, D)", values),
        (54, 24, "code z =\nmu + sigma · eps", values),
        (54, 35, "eps ~ N(0, I)\n(B, D) or (K, B, D)", values),
        (71, 24, "decoder\np(x | z)", network),
        (87, 24, "logits\n(B, 1, 28, 28) or\n(K, B, 1, 28, 28)", values),
        (54, 14.8, "prior p(z)", network),
        (38, 8, "KL\nq(z | x) against the prior", term),
        (71, 8, "reconstruction, log p(x | z)\nthe image's pixels under the logits", term),
    ):
        axis.text(x, y, text, ha="center", va="center", fontsize=10, bbox=look)
    solid = {"arrowstyle": "-|>", "color": "black", "shrinkA": 0, "shrinkB": 0}
    dashed = solid | {"color": "tab:orange", "linestyle": "--", "linewidth": 1.5}
    sampling = solid | {"color": "tab:blue", "linestyle": ":", "linewidth": 2}
    for start, end, look in (
        ((12.4, 24), (18.9, 24), solid),
        ((27.2, 25.5), (35, 28), solid),
        ((27.2, 22.5), (34.4, 20.5), solid),
        ((41, 28), (46.8, 25.5), solid),
        ((41.6, 20.5), (46.8, 22.5), solid),
        ((54, 32.4), (54, 26.7), solid),
        ((61, 24), (66.8, 24), solid),
        ((75.2, 24), (80.6, 24), solid),
        ((54, 16.8), (54, 21.3), sampling),
        ((38, 17.3), (38, 11), dashed),
        ((49.6, 13.6), (45.5, 11), dashed),
        ((86, 20.2), (80, 11), dashed),
    ):
        axis.annotate("", xy=end, xytext=start, arrowprops=look)
    axis.plot((7, 7, 71), (20.8, 2, 2), color="tab:orange", linestyle="--", linewidth=1.5)
    axis.annotate("", xy=(71, 5), xytext=(71, 2), arrowprops=dashed)
    axis.text(55.2, 18.6, "to invent images", fontsize=9, color="tab:blue", va="center")
    return figure


def learning_curve(history: History) -> Figure:
    """Return a figure of the training and validation loss over epochs, with the best epoch marked.

    Where the history has the KL divergence of the validation images, a second panel shows the two terms of the loss: this KL,
    and the rest, which is minus the reconstruction term.
    """
    both = "KL" in history.terms
    figure = Figure(figsize=(9.6 if both else 6, 3.5), dpi=PIXELS_PER_INCH, layout="constrained")
    axis, *others = figure.subplots(1, 1 + both, squeeze=False)[0]
    epochs = range(1, history.epochs + 1)
    axis.plot(epochs, history.train, "o--", markersize=4, label=f"training ({history.binarization} binarisation)")
    axis.plot(epochs, history.validation, "s-", markersize=4, label="validation (fixed binarisation)")
    best = history.validation[history.best_epoch - 1]
    axis.axvline(history.best_epoch, color="grey", linestyle=":", label=f"best: {best:.1f} nats")
    axis.set(ylabel="negative ELBO (nats per image)", title=f"Learning curve on {history.dataset}")
    for other in others:
        divergence = history.terms["KL"]
        reconstruction = [loss - price for loss, price in zip(history.validation, divergence, strict=True)]
        for values, style, colour, name in (
            (reconstruction, "^-", "tab:green", "minus reconstruction"),
            (divergence, "v--", "tab:red", "KL to the prior"),
        ):
            other.plot(
                epochs,
                values,
                style,
                color=colour,
                markersize=4,
                label=f"{name}, best epoch: {values[history.best_epoch - 1]:.1f} nats",
            )
        other.set(ylabel="nats per image", title="Validation loss in its two terms")
        other.set_ylim(bottom=0)
    for panel in figure.axes:
        panel.set(xlabel="epoch")
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.legend()
    return figure


def bound(
    bars: Mapping[str, tuple[torch.Tensor, torch.Tensor, torch.Tensor]],
    line: torch.Tensor,
    densities: Mapping[str, torch.Tensor],
    title: str,
) -> Figure:
    """Return a figure of bounds taken apart: down by reconstruction and KL to the ELBO, up by the gap to log p(x).

    Args:
        bars: the group's label to reconstruction, KL and gap in nats, scalars; each group ends at log p(x).
        line: codes of one dimension, shape (N,).
        densities: the curve's name to its heights at these codes, N numbers; shown beside the bars.
        title: of the figure.
    Raises:
        ValueError: when there is no group of bars.
    """
    if not bars:
        raise ValueError("bound(bars, ...): expected at least one group of bars, got none")
    figure = Figure(figsize=(9.6, 4.2), dpi=PIXELS_PER_INCH, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    looks = (("reconstruction", "tab:blue", ""), ("KL to the prior", "tab:orange", "//"), ("gap", "tab:grey", ".."))
    lowest = 0.0
    for place, terms in enumerate(bars.values()):
        reconstruction, divergence, gap = (float(term) for term in terms)
        bottom = reconstruction - divergence  # the ELBO
        lowest = min(lowest, bottom, reconstruction)
        steps = ((0.0, reconstruction), (reconstruction, -divergence), (bottom, gap))
        for shift, (start, height), (name, colour, hatch) in zip((-0.27, 0, 0.27), steps, looks, strict=True):
            left.bar(
                place + shift,
                height,
                width=0.25,
                bottom=start,
                color=colour,
                hatch=hatch,
                edgecolor="white",
                label=None if place else name,
            )
            left.annotate(
                f"{height + 0.0:+.3f}",  # adding zero takes the sign from a zero
                (place + shift, min(start, start + height)),
                xytext=(0, -2),
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=8,
            )
    end = bottom + gap
    left.axhline(0, color="black", linewidth=0.8)
    left.axhline(end, color="black", linestyle="--", linewidth=1, zorder=0, label=f"log p(x) = {end:.3f}")
    left.set_xticks(range(len(bars)), list(bars))
    left.set(ylabel="nats", ylim=(1.12 * lowest, 0.06 * abs(lowest)), title="Reconstruction - KL + gap = log p(x)")
    left.legend(fontsize="small", loc="lower right")
    for (name, heights), style in zip(densities.items(), ("-", "--", "-.", ":") * len(densities), strict=False):
        right.plot(line.numpy(), heights.detach().flatten().numpy(), linestyle=style, label=name)
    right.set(xlabel="code z", ylabel="probability density", title="Densities of the code", xlim=(-3, 4))
    right.legend(fontsize="small")
    figure.suptitle(title)
    return figure


def prior_density(
    priors: Mapping[str, tuple[Callable[[torch.Tensor], torch.Tensor], torch.Tensor | None]],
    codes: torch.Tensor | None = None,
    radius: float = 4.0,
) -> Figure:
    """Return a figure of densities of two-dimensional codes, side by side on one scale of colours, under points.

    Args:
        priors: the panel's title to the log-density, called once with points of shape (N, 2), and samples, shape (M, 2)
            or None.
        codes: points that every panel shows, shape (L, 2): of the aggregate posterior, say.
        radius: each panel shows the square from -radius to radius.
    Raises:
        ValueError: when there is no panel, when log-densities or points have another shape, or when a density is not finite.
    """
    if not priors:
        raise ValueError("prior_density(priors): expected at least one panel, got none")
    line = torch.linspace(-radius, radius, GRID)
    grid = torch.cartesian_prod(line, line)
    heights = {}
    for title, (log_prob, _) in priors.items():
        with torch.no_grad():
            height = log_prob(grid).exp()
        if height.shape != (len(grid),):
            raise ValueError(
                f"prior_density: {title!r}: expected log-densities of shape ({len(grid)},), got {tuple(height.shape)}"
            )
        if not bool(height.isfinite().all()):
            raise ValueError(
                f"prior_density: {title!r}: expected finite densities on the square, got NaN or infinite ones"
            )
        heights[title] = height.reshape(GRID, GRID).T.numpy()  # rows are the second coordinate
    figure = Figure(figsize=(max(4.2, 3.3 * len(priors)), 3.6), dpi=PIXELS_PER_INCH, layout="constrained")
    axes = figure.subplots(1, len(priors), squeeze=False, sharey=True)[0]
    top = max(float(height.max()) for height in heights.values())
    for axis, (title, (_, samples)) in zip(axes, priors.items(), strict=True):
        extent = (-radius, radius, -radius, radius)
        image = axis.imshow(heights[title], origin="lower", extent=extent, cmap="Blues", vmin=0, vmax=top)
        for label, points, colour, alpha in (("codes", codes, "black", 0.3), ("samples", samples, "tab:orange", 0.8)):
            if points is not None:
                axis.scatter(
                    *plane_points(label, points).T.numpy(), s=4, color=colour, alpha=alpha, linewidths=0, label=label
                )
        axis.set(title=title, xlabel="first latent dimension", xlim=extent[:2], ylim=extent[2:])
    axes[0].set_ylabel("second latent dimension")
    if axes[0].get_legend_handles_labels()[0]:
        axes[0].legend(markerscale=3, loc="lower right")
    figure.colorbar(image, ax=axes, label="density", shrink=0.8)
    return figure


def bounds(
    curves: Mapping[str, Mapping[int, torch.Tensor]], reference: torch.Tensor, name: str = "estimate of log p(x)"
) -> Figure:
    """Return a figure of bounds over the number of samples, less a reference, with standard errors over images.

    The reference is subtracted image by image: the error is that of the difference, and not of the images' spread.

    Args:
        curves: the curve's label to K to the bound of each image, shape (N,), N >= 2.
        reference: what is subtracted, shape (N,).
        name: of the reference.
    Raises:
        ValueError: when there is no curve, or when the bounds are not those of N images.
    """
    if not curves:
        raise ValueError("bounds(curves, reference): expected at least one curve, got none")
    figure = Figure(figsize=(6, 3.8), dpi=PIXELS_PER_INCH, layout="constrained")
    axis = figure.subplots()
    axis.axhline(0, color="grey", linestyle=":", label=name)
    for number, (label, curve) in enumerate(curves.items()):
        for k, values in curve.items():
            if values.shape != reference.shape or values.dim() != 1 or len(values) < 2:
                raise ValueError(
                    f"bounds: {label!r}, K = {k}: expected a bound for each of two or more images, as many as the "
                    f"reference has, got shapes {tuple(values.shape)} and {tuple(reference.shape)}"
                )
        differences = (
            torch.stack([values - reference for values in curve.values()]).detach().double().cpu()
        )  # (curve, N)
        errors = differences.std(1) / differences.shape[1] ** 0.5
        axis.errorbar(
            list(curve), differences.mean(1).numpy(), yerr=errors.numpy(), capsize=2, label=label, **look(number)
        )
    axis.set(
        title=f"Bound minus {name}",
        xlabel="samples per image K",
        ylabel="nats per image, ± standard error",
        xscale="log",
    )
    axis.legend()
    return figure


def kl_per_dimension(
    statistics: Mapping[str, torch.Tensor],
    threshold: float = 0.01,
    label: str = "KL from N(0, 1), mean over images (nats)",
) -> Figure:
    """Return a figure of what each latent dimension carries, in falling order, and how many are above the threshold.

    Args:
        statistics: the panel's title to the statistic of each dimension, shape (D,).
        threshold: above which a dimension is active.
        label: of the statistic, with its unit.
    Raises:
        ValueError: when there is no panel, or a statistic is not a row of numbers.
    """
    if not statistics:
        raise ValueError("kl_per_dimension(statistics): expected at least one panel, got none")
    figure = Figure(figsize=(max(4.2, 3.2 * len(statistics)), 3.4), dpi=PIXELS_PER_INCH, layout="constrained")
    axes = figure.subplots(1, len(statistics), squeeze=False, sharey=True)[0]
    for axis, (title, values) in zip(axes, statistics.items(), strict=True):
        if values.dim() != 1:
            raise ValueError(
                f"kl_per_dimension: {title!r}: expected one number a dimension, shape (D,), got {tuple(values.shape)}"
            )
        falling = values.detach().float().cpu().sort(descending=True).values
        active = int((falling > threshold).sum())
        axis.bar(range(1, len(falling) + 1), falling.numpy(), width=1.0)
        axis.axhline(threshold, color="tab:red", linestyle="--", label=f"threshold {threshold:g}: {active} active")
        axis.set(title=title, xlabel="latent dimension, sorted", yscale="log", xlim=(0.5, len(falling) + 0.5))
        axis.legend()
    floor = threshold / 100  # dead dimensions come arbitrarily near zero, which has no place on the axis
    axes[0].set(
        ylabel=label, ylim=(floor, 2 * max(threshold, *(float(values.max()) for values in statistics.values())))
    )
    return figure


def traversals(images: torch.Tensor, dims: Sequence[int], values: Sequence[float]) -> Figure:
    """Return a figure of a latent traversal: a row for each dimension, a column for each value that it was given.

    Args:
        images: Bernoulli means, shape (len(dims), len(values), 1, 28, 28).
        dims: the dimensions.
        values: the values.
    Raises:
        ValueError: when the shape is another.
    """
    if images.dim() != 5 or images.shape[:3] != (len(dims), len(values), 1):
        raise ValueError(
            f"traversals(images, dims, values): expected images of shape ({len(dims)}, {len(values)}, 1, 28, 28), "
            f"got {tuple(images.shape)}"
        )
    size = (max(4.0, 0.7 * len(values) + 0.8), 0.7 * len(dims) + 0.9)
    figure = Figure(figsize=size, dpi=PIXELS_PER_INCH, layout="constrained")
    axes = figure.subplots(len(dims), len(values), squeeze=False)
    for row, (dim, line) in enumerate(zip(dims, images, strict=True)):
        for column, image in enumerate(grey_levels("images", line)):
            draw_image(axes[row, column], image)
        axes[row, 0].set_ylabel(f"z{dim}", rotation=0, ha="right", va="center")
    for axis, value in zip(axes[-1], values, strict=True):
        axis.set_xlabel(f"{value:g}")
    figure.suptitle("One coordinate of the code replaced")
    figure.supxlabel("value of the coordinate")
    return figure


def rows(images: Mapping[str, torch.Tensor], title: str) -> Figure:
    """Return a figure of one row of images for each label, such as what several models make of the same images.

    Args:
        images: label to values in [0, 1], shape (N, 1, 28, 28), N the same in all rows.
        title: of the figure.
    Raises:
        ValueError: when there is no row, when shapes differ or are not those of images.
    """
    lines = {label: grey_levels(label, row) for label, row in images.items()}
    if len({line.shape for line in lines.values()}) != 1:
        shapes = ", ".join(f"{label} {tuple(images[label].shape)}" for label in lines) or "none"
        raise ValueError(f"rows(images, title): expected at least one row, and all of one shape, got {shapes}")
    count = len(next(iter(lines.values())))
    size = (max(4.0, 0.62 * count + 1.2), 0.62 * len(lines) + 0.5)
    figure = Figure(figsize=size, dpi=PIXELS_PER_INCH, layout="constrained")
    for axis, (label, line) in zip(figure.subplots(len(lines), squeeze=False)[:, 0], lines.items(), strict=True):
        draw_image(axis, torch.cat(list(line), dim=1))
        axis.set_ylabel(label, rotation=0, ha="right", va="center")
    figure.suptitle(title)
    return figure


def gaps(bars: Mapping[str, tuple[torch.Tensor, torch.Tensor]], title: str) -> Figure:
    """Return a figure of inference gaps as stacked bars: the approximation gap below, the amortisation gap on it.

    A bar is the mean over images; the error is that of the sum of both, over images. A gap below zero, the noise of a
    measurement, hangs below the axis.

    Args:
        bars: the bar's label to approximation gap and amortisation gap, each of shape (N,).
        title: of the figure.
    Raises:
        ValueError: when there is no bar, or the two gaps are not those of N images.
    """
    if not bars:
        raise ValueError("gaps(bars, title): expected at least one bar, got none")
    figure = Figure(figsize=(max(5.0, 1.25 * len(bars) + 1.6), 3.8), dpi=PIXELS_PER_INCH, layout="constrained")
    axis = figure.subplots()
    for place, (label, (approximation, amortization)) in enumerate(bars.items()):
        if approximation.shape != amortization.shape or approximation.dim() != 1 or not len(approximation):
            raise ValueError(
                f"gaps: {label!r}: expected two gaps for each of N images, "
                f"got shapes {tuple(approximation.shape)} and {tuple(amortization.shape)}"
            )
        below, above = (gap.detach().double().cpu() for gap in (approximation, amortization))
        low, high, total = below.mean().item(), above.mean().item(), below + above
        names = ("approximation gap", "amortisation gap") if place == 0 else (None, None)
        axis.bar(place, low, width=0.6, color="tab:blue", label=names[0])
        # on the first where both point upwards, else each from the axis
        base = low if low * high > 0 else 0.0
        axis.bar(place, high, width=0.6, bottom=base, color="tab:orange", hatch="//", edgecolor="white", label=names[1])
        if len(total) > 1:
            error = total.std().item() / len(total) ** 0.5
            axis.errorbar(place, total.mean().item(), yerr=error, color="black", capsize=4, linewidth=1)
        top = max(0.0, low, base + high) + (total.std().item() / len(total) ** 0.5 if len(total) > 1 else 0.0)
        # adding zero takes the sign from a zero
        axis.annotate(
            f"{low:.2f} + {round(high, 2) + 0.0:.2f}",
            (place, top),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    axis.axhline(0, color="black", linewidth=0.8)
    axis.set(title=title, ylabel="nats per image, ± standard error")
    axis.set_xticks(range(len(bars)), list(bars))
    axis.margins(y=0.25)
    axis.legend(fontsize="small", loc="upper right", ncols=2)
    return figure


def curves(
    panels: Mapping[str, Mapping[str, Mapping[float, float]]],
    title: str,
    xlabel: str,
    ylabel: str,
    log: str = "",
    share: bool = True,
) -> Figure:
    """Return a figure of lines in panels side by side, each line with a colour, a marker and a stroke of its own.

    A name has one look in all panels, and the legend shows each once. For what changes with the epochs or the steps:
    gaps, norms of gradients, bounds.

    Args:
        panels: the panel's title to the line's name to x to y.
        title: of the figure.
        xlabel: of all panels.
        ylabel: of all panels, with the unit.
        log: the axes with a logarithmic scale, "", "x", "y" or "xy"; x may be zero there, and has its ticks at the points.
        share: whether the panels have one scale of y.
    Raises:
        ValueError: when there is no panel, or one without lines.
    """
    if not panels or not all(panels.values()):
        raise ValueError("curves(panels, ...): expected at least one panel, and a line in each, got none")
    figure = Figure(figsize=(max(5.5, 2.2 * len(panels) + 0.8), 3.6), dpi=PIXELS_PER_INCH, layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=share)[0]
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    found = {}
    for axis, (heading, lines) in zip(axes, panels.items(), strict=True):
        for name, points in lines.items():
            (found[name],) = axis.plot(
                list(points),
                list(points.values()),
                **look(names.index(name)),
            )
        axis.set(title=heading, xlabel=xlabel)
        if "y" in log:
            axis.set_yscale("log")
        if "x" in log:
            places = sorted({x for points in lines.values() for x in points})
            # linear from zero to the first place above it, where there is a zero
            axis.set_xscale("symlog", linthresh=next((x for x in places if x > 0), 1))
            axis.set_xticks(places, [f"{x:g}" for x in places], rotation=90 if len(places) > 4 else 0)
            axis.minorticks_off()
    axes[0].set_ylabel(ylabel)
    figure.suptitle(title)
    figure.legend([found[name] for name in names], names, loc="outside lower center", ncols=min(5, len(names)))
    return figure


def look(number: int) -> dict[str, object]:
    """Return how the line of a number is drawn: a colour, a marker and a stroke of its own, as keywords of matplotlib's plot.

    The colours are those of Okabe and Ito (2008), which people with any colour vision tell apart.
    """
    return {
        "color": PALETTE[number % len(PALETTE)],
        "marker": "osD^vP*X"[number % 8],
        "linestyle": ("-", "--", "-.", ":")[number % 4],
        "markersize": 5,
    }


def contours(
    panels: Mapping[str, tuple[Callable[[torch.Tensor], torch.Tensor], torch.Tensor | None]],
    title: str,
    radius: float = 4.5,
    zoom: bool = True,
) -> Figure:
    """Return a figure of two-dimensional densities as contours under points, side by side in one window.

    The densities need no constant: the contours hold 50, 90 and 99 per cent of what lies in the window.

    Args:
        panels: the panel's title to the log-density up to a constant, called with points of shape (N, 2), and points to
            show, shape (M, 2), or None.
        title: of the figure.
        radius: the window is the square from -radius to radius;
        zoom: and is narrowed to where some density or most of the points are.
    Raises:
        ValueError: when there is no panel, when log-densities or points have another shape, or when a log-density is NaN.
    """
    if not panels:
        raise ValueError("contours(panels, title): expected at least one panel, got none")
    middle, reach = torch.zeros(2), radius
    if zoom:
        kept = []
        for name, (log_density, points) in panels.items():
            grid, height = _heights(name, log_density, middle, reach)
            flat = height.T.flatten()  # in the order of the points
            kept.append(grid[flat >= _levels(flat, (0.999,))[0]])
            if points is not None:
                kept.append(plane_points(name, points).quantile(torch.tensor([0.02, 0.98]), dim=0))
        kept = torch.cat(kept)
        low, high = kept.min(0).values, kept.max(0).values
        middle, reach = (low + high) / 2, 0.6 * float((high - low).max())
    figure = Figure(figsize=(max(4.2, 2.9 * len(panels)), 3.6), dpi=PIXELS_PER_INCH, layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axis, (name, (log_density, points)) in zip(axes, panels.items(), strict=True):
        grid, height = _heights(name, log_density, middle, reach)
        if points is not None:
            axis.scatter(*plane_points(name, points).T.numpy(), s=6, color="tab:orange", alpha=0.7, linewidths=0)
        levels = sorted(set(_levels(height.flatten(), (0.5, 0.9, 0.99))))
        side = int(len(grid) ** 0.5)
        first, second = (grid[:, i].view(side, side).T.numpy() for i in (0, 1))
        axis.contour(
            first,
            second,
            height.numpy(),
            levels=levels,
            colors="tab:blue",
            linestyles="solid",
            linewidths=(0.8, 1.2, 1.8),
        )
        axis.set(title=name, xlabel="first latent dimension", aspect="equal")
        axis.set(
            xlim=(float(middle[0]) - reach, float(middle[0]) + reach),
            ylim=(float(middle[1]) - reach, float(middle[1]) + reach),
        )
    axes[0].set_ylabel("second latent dimension")
    figure.suptitle(title)
    return figure


def show(figure: Figure, alt: str) -> None:
    """Display a figure in a notebook, sharp on a phone, too: with two pixels where a page has one.

    Args:
        figure: as the functions above return it.
        alt: what the figure shows, in words, for those who do not see it.
    Raises:
        ValueError: when alt is empty.
    """
    if not alt.strip():
        raise ValueError("show(figure, alt): alt is empty; say in words what the figure shows")
    drawn, png = io.BytesIO(), io.BytesIO()
    width, height = (figure.get_size_inches() * PIXELS_PER_INCH).round().astype(int).tolist()
    figure.savefig(drawn, format="png", dpi=SHARPNESS * PIXELS_PER_INCH)
    figure.clear()
    # what is drawn has few colours: a palette takes less than half the bytes, and no eye sees it
    picture = PIL.Image.open(drawn).convert("RGB").quantize(NUM_COLOURS, dither=PIL.Image.Dither.NONE)
    picture.save(png, format="PNG", optimize=True)
    display(Image(png.getvalue(), width=width, height=height, alt=alt))


def _heights(
    name: str, log_density: Callable[[torch.Tensor], torch.Tensor], middle: torch.Tensor, reach: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the points of a square grid, shape (N, 2), and a log-density there less its maximum, rows the second coordinate."""
    line = torch.linspace(-reach, reach, CONTOUR_GRID)
    grid = torch.cartesian_prod(line, line) + middle
    with torch.no_grad():
        height = log_density(grid)
    if height.shape != (len(grid),):
        raise ValueError(
            f"contours: {name!r}: expected log-densities of shape ({len(grid)},), got {tuple(height.shape)}"
        )
    if bool(height.isnan().any()):
        raise ValueError(f"contours: {name!r}: expected log-densities, got NaN among them")
    return grid, (height - height.max()).double().cpu().reshape(CONTOUR_GRID, CONTOUR_GRID).T


def _levels(height: torch.Tensor, parts: Sequence[float]) -> list[float]:
    """Return the log-densities above which these parts of the mass lie, shape of height (N,)."""
    falling = height.sort(descending=True).values
    mass = falling.exp().cumsum(0) / falling.exp().sum()
    return [float(falling[int((mass < part).sum().clamp_max(len(falling) - 1))]) for part in parts]


def grey_levels(argument: str, images: torch.Tensor) -> torch.Tensor:
    """Return the images as floats on the processor, shape (N, 28, 28)."""
    if images.dim() != 4 or images.shape[1] != 1 or not len(images):
        raise ValueError(f"{argument}: expected images of shape (N, 1, 28, 28), got {tuple(images.shape)}")
    return images.detach().float().cpu().squeeze(1)


def plane_points(argument: str, points: torch.Tensor) -> torch.Tensor:
    """Return the points as floats on the processor, shape (N, 2)."""
    if points.dim() != 2 or points.shape[1] != 2:
        raise ValueError(f"{argument}: expected points of the plane, shape (N, 2), got {tuple(points.shape)}")
    return points.detach().float().cpu()


def draw_image(axis: Axes, image: torch.Tensor) -> None:
    """Draw an image, values in [0, 1], shape (height, width), black where it is 1."""
    axis.imshow(image.numpy(), cmap="gray_r", vmin=0, vmax=1)
    axis.set(xticks=[], yticks=[])
