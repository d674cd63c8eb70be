"""The page of a class: one HTML file that needs no network, from the counts of `overview`; and the same as a table for spreadsheets."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from autograder.reporting.alike import Alike
from autograder.reporting.overview import Exercise, Overview
from autograder.text import one_line

TEMPLATE = Path(__file__).with_name("class.html.jinja")
BINS = 10
COLOUR, BAND = "#0b5fa5", "#d8d8d8"
SVG: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "class", "font.family": "sans-serif"}


NOTHING: dict[Any, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))  # of what matplotlib tells of itself


@dataclass(frozen=True)
class Picture:
    """A drawing as SVG, and what it shows in words."""

    svg: Markup
    words: str


def page(found: Overview, similar: Sequence[Alike], reference: Mapping[str, tuple[float, float]], when: str) -> str:
    """Return the page.

    Args:
        found: the counts.
        similar: students whose answers are alike.
        reference: by model, the lowest and the highest bound of the reference runs, nats per image.
        when: it was made, in words.
    """
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        found=found,
        similar=similar,
        when=when,
        scores=_scores(found) if found.graded else None,
        exercises=_exercises(found.exercises) if found.graded else None,
        bounds={model: _bounds(model, values, reference.get(model)) for model, values in found.bounds.items()},
        reference=reference,
    )


def table(found: Overview) -> str:
    """Return CSV: a row a student, a column an exercise; blank where there is no score."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    cells = [exercise.name for exercise in found.exercises]
    rows.writerow(["student", "score", "points", *cells, "why"])
    for report in found.reports:
        marks = [report.marks[cell].score if cell in report.marks else None for cell in cells]
        total = f"{report.score:g}" if report.graded else ""
        shown = ["" if score is None else f"{score:g}" for score in marks]
        rows.writerow(
            map(_plain, [one_line(report.student), total, f"{report.points:g}", *shown, one_line(report.line())])
        )
    return text.getvalue()


def _plain(value: str) -> str:
    """Return a value that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@")) else value


def _scores(found: Overview) -> Picture:
    scores = [report.score for report in found.graded]
    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    axis = figure.subplots()
    counts, edges, _ = axis.hist(scores, bins=BINS, range=(0, found.points), color=COLOUR, edgecolor="white")
    axis.set(xlabel="automatic points", ylabel="submissions", title=f"Scores of {len(scores)} submissions")
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    words = "; ".join(
        f"{low:g} to {high:g} points: {int(n)}" for low, high, n in zip(edges, edges[1:], counts, strict=False)
    )
    return _drawn(figure, f"Histogram of the scores. {words}.")


def _exercises(exercises: Sequence[Exercise]) -> Picture:
    figure = Figure(figsize=(6.4, 0.6 + 0.3 * len(exercises)), layout="constrained")
    axis = figure.subplots()
    names = [exercise.name for exercise in exercises]
    axis.barh(names, [exercise.mean for exercise in exercises], color=COLOUR)
    axis.set(xlim=(0, 1), xlabel="mean share of the points", title="What was earned in each exercise")
    axis.invert_yaxis()
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    words = "; ".join(f"{exercise.name}: {exercise.mean:.0%}" for exercise in exercises)
    return _drawn(figure, f"Mean share of the points by exercise. {words}.")


def _bounds(model: str, values: Mapping[str, float], reference: tuple[float, float] | None) -> Picture:
    figure = Figure(figsize=(6.4, 1.5), layout="constrained")
    axis = figure.subplots()
    if reference:
        axis.axvspan(*reference, color=BAND, label="reference runs")
    rows = [(i % 5) / 5 for i in range(len(values))]  # so that equal ones are told apart
    axis.plot(sorted(values.values()), rows, "o", color=COLOUR, markerfacecolor="none", label="submissions")
    axis.set(xlabel="bound of log p(x), nats per image", title=model, yticks=[], ylim=(-0.4, 1.2))
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    low, high = min(values.values()), max(values.values())
    words = f"Bounds of {len(values)} trained models {model}, from {low:.2f} to {high:.2f} nats per image"
    return _drawn(
        figure, words + (f"; the reference runs from {reference[0]:.2f} to {reference[1]:.2f}." if reference else ".")
    )


def _drawn(figure: Figure, words: str) -> Picture:
    text = io.StringIO()
    with mpl.rc_context(SVG):
        figure.savefig(text, format="svg", metadata=NOTHING)
    return Picture(Markup(text.getvalue()[text.getvalue().index("<svg") :]), words)
