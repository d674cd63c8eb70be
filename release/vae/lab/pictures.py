"""Figures with titles, units and a text alternative.

Every function returns a matplotlib Figure that no window or notebook shows by itself; `show` displays it.
"""

import io
from collections.abc import Callable, Mapping

import torch
from IPython.display import Image, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lab.training import History

PIXELS_PER_INCH = 100
GRID = 161  # points along each side of a density's grid


def reconstructions(x: torch.Tensor, probabilities: torch.Tensor) -> Figure:
    """Return a figure of images above the Bernoulli means that were decoded from them.

    Args:
        x: images, values in [0, 1], shape (N, 1, 28, 28); ten are enough.
        probabilities: Bernoulli means, the same shape.
    Raises:
        ValueError: when the shapes differ or are not those of images.
    """
    x, probabilities = _grey("x", x), _grey("probabilities", probabilities)
    if x.shape != probabilities.shape:
        raise ValueError(
            f"reconstructions(x, probabilities): expected one shape, got {tuple(x.shape)} and "
            f"{tuple(probabilities.shape)}"
        )
    figure = Figure(figsize=(max(4.0, 0.8 * len(x)), 2.3), dpi=PIXELS_PER_INCH, layout="constrained")
    axes = figure.subplots(2, len(x), squeeze=False)
    for column, pair in enumerate(zip(x, probabilities, strict=True)):
        for row, image in enumerate(pair):
            _image(axes[row, column], image)
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
    images = _grey("images", images)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(max(4.0, 0.7 * columns), 0.7 * rows + 0.5), dpi=PIXELS_PER_INCH, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(images) :]:
        axis.set_axis_off()
    for axis, image in zip(axes, images, strict=False):
        _image(axis, image)
    figure.suptitle(f"{len(images)} samples from the model")
    return figure


def learning_curve(history: History) -> Figure:
    """Return a figure of the training and validation loss over epochs, with the best epoch marked."""
    figure = Figure(figsize=(6, 3.5), dpi=PIXELS_PER_INCH, layout="constrained")
    axis = figure.subplots()
    epochs = range(1, history.epochs + 1)
    axis.plot(epochs, history.train, marker=".", label=f"training ({history.binarization} binarisation)")
    axis.plot(epochs, history.validation, marker=".", label="validation (fixed binarisation)")
    best = history.validation[history.best_epoch - 1]
    axis.axvline(history.best_epoch, color="grey", linestyle=":", label=f"best: {best:.1f} nats")
    axis.set(xlabel="epoch", ylabel="negative ELBO (nats per image)", title=f"Learning curve on {history.dataset}")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend()
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
                    *_plane(label, points).T.numpy(), s=4, color=colour, alpha=alpha, linewidths=0, label=label
                )
        axis.set(title=title, xlabel="first latent dimension", xlim=extent[:2], ylim=extent[2:])
    axes[0].set_ylabel("second latent dimension")
    if axes[0].get_legend_handles_labels()[0]:
        axes[0].legend(markerscale=3, loc="lower right")
    figure.colorbar(image, ax=axes, label="density", shrink=0.8)
    return figure


def show(figure: Figure, alt: str) -> None:
    """Display a figure in a notebook.

    Args:
        figure: as the functions above return it.
        alt: what the figure shows, in words, for those who do not see it.
    Raises:
        ValueError: when alt is empty.
    """
    if not alt.strip():
        raise ValueError("show(figure, alt): alt is empty; say in words what the figure shows")
    png = io.BytesIO()
    figure.savefig(png, format="png")
    figure.clear()
    display(Image(png.getvalue(), alt=alt))


def _grey(argument: str, images: torch.Tensor) -> torch.Tensor:
    """Return the images as floats on the processor, shape (N, 28, 28)."""
    if images.dim() != 4 or images.shape[1] != 1 or not len(images):
        raise ValueError(f"{argument}: expected images of shape (N, 1, 28, 28), got {tuple(images.shape)}")
    return images.detach().float().cpu().squeeze(1)


def _plane(argument: str, points: torch.Tensor) -> torch.Tensor:
    """Return the points as floats on the processor, shape (N, 2)."""
    if points.dim() != 2 or points.shape[1] != 2:
        raise ValueError(f"{argument}: expected points of the plane, shape (N, 2), got {tuple(points.shape)}")
    return points.detach().float().cpu()


def _image(axis: Axes, image: torch.Tensor) -> None:
    axis.imshow(image.numpy(), cmap="gray_r", vmin=0, vmax=1)
    axis.set(xticks=[], yticks=[])
