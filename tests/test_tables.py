"""The page of reference runs: its numbers, what it says of them, and that the committed one is current."""

import re
import statistics

import nbformat
import pytest

from autograder import catalogue
from autograder.trained import gates, tables

RECORD = {
    "epochs": 30,
    "active_units": 10,
    "gate_bound": -90.0,
    "log_likelihood": -91.0,
    "elbo": -95.0,
    "training_seconds": 61.4,
}


@pytest.fixture
def page(tmp_path):
    """Return a function from records, whose keys leave out data set and budget, to the page's lines."""

    def lines(records):
        path = tmp_path / "reference.yaml"
        for key, record in records.items():
            gates.results.merge(path, f"mnist/standard/{key}", RECORD | record)
        return tables.text(path).splitlines()

    return lines


def compared(likelihoods, **more):
    """Return the records of runs with these log-likelihoods, by model."""
    return {
        f"{model}/connected/seed{seed}": {"log_likelihood": value} | more
        for model, values in likelihoods.items()
        for seed, value in enumerate(values)
    }


def test_committed_page_is_current():
    """solutions/reference.md is what the command makes of solutions/reference.yaml, and README shows its first table."""
    text = tables.text()
    assert tables.PATH.read_text() == text
    first = text.split("## mnist at standard\n\n")[1].split("\n\n")[0]
    assert first in (tables.ROOT / "README.md").read_text()


def test_rows_have_mean_and_spread_over_seeds(page):
    """A model's row has as many seeds as it has records."""
    lines = page(
        {
            "vae/convolutional/seed0": {"gate_bound": -88.0, "active_units": 12},
            "vae/convolutional/seed1": {"gate_bound": -90.0, "training_seconds": 80.0},
            "vae/convolutional/seed2": {"gate_bound": -89.0},
            "vae_flow/convolutional/seed0": {},
        }
    )
    (row,) = [line for line in lines if line.startswith("| vae | convolutional")]
    assert row == "| vae | convolutional | 30 | 3 | -89.00 ± 1.00 | -91.00 ± 0.00 | -95.00 ± 0.00 | 10–12 | 61 |"
    assert "| vae_flow | convolutional | 30 | 1 | -90.00 | -91.00 | -95.00 | 10 | 61 |" in lines


def test_numbers_of_some_seeds_are_said_to_be():
    """A mean over fewer seeds than the row has is marked; none is an empty cell."""
    assert tables._mean([{"elbo": -1.0}, {}], "elbo") == "-1.00 (1 of them)"
    assert tables._mean([{}], "elbo") == ""


def test_vae_and_iwae_are_compared_in_negative_likelihood(page):
    """Each model of several samples has a row, with both binarisations, both rules, and the gradient's SNR."""
    more = {"log_likelihood_thresholded": -80.0, "active_units_kl": 9, "gradient_snr": 0.4}
    more |= {"reconstruction": 70.0, "weighted_reconstruction": 65.0}
    lines = page(compared({"iwae_k5": [-88.0, -89.0]}, **more))
    assert (
        "| IWAE | 5 | 2 | 88.50 ± 0.71 | 80.00 ± 0.00 | 70.00 ± 0.00 | 65.00 ± 0.00 | 10 | 9 | 0.40 ± 0.00 |" in lines
    )


@pytest.mark.parametrize(
    ("k1", "k5", "said", "every"),
    [
        ([-95.0, -94.0], [-90.0, -91.0], "4.00 nats better", "and every seed"),
        ([-95.0, -90.5], [-90.0, -91.0], "2.25 nats better", "not every seed"),
        ([-90.0, -91.0], [-95.0, -94.0], "4.00 nats worse", "not every seed"),
    ],
    ids=["beyond the spread", "within the spread", "worse"],
)
def test_verdict_says_whether_seeds_overlap(page, k1, k5, said, every):
    """A gain is said with the spread over seeds, and with whether any seed contradicts it."""
    (verdict,) = [line for line in page(compared({"vae_k1": k1, "iwae_k5": k5})) if line.startswith("- IWAE K = 5")]
    assert said in verdict
    assert every in verdict


def test_one_seed_gives_no_verdict(page):
    """Nothing is said about a difference of which the spread is unknown."""
    assert not [line for line in page(compared({"vae_k1": [-95.0], "iwae_k5": [-90.0]})) if line.startswith("- IWAE")]


def test_notebook_shows_the_same_numbers():
    """What students read of the reference's runs on MNIST is what reference.yaml holds."""
    records = gates.results.load(gates.REFERENCE)
    notebook = nbformat.read(tables.ROOT / "source" / "iwae" / "iwae.ipynb", as_version=4)
    (text,) = [cell.source for cell in notebook.cells if cell.id == "published_text"]
    for model in catalogue.of("iwae").comparison.objectives:
        runs = [record for key, record in records.items() if key.startswith(f"mnist/standard/{model}/")]
        values = [-run["log_likelihood"] for run in runs]
        units = tables._range(run["active_units"] for run in runs)
        assert f" {statistics.mean(values):.1f} ± {statistics.stdev(values):.1f} ({units}) |" in text


def of_runs(start, key):
    """Return one number of each of the reference's runs whose name begins so, where it was measured."""
    records = gates.results.load(gates.REFERENCE)
    return [run[key] for name, run in records.items() if name.startswith(f"{start}/") and run.get(key) is not None]


def cell_of(assignment, name):
    """Return the text of a cell of the source notebook."""
    notebook = nbformat.read(tables.ROOT / "source" / assignment / f"{assignment}.ipynb", as_version=4)
    (text,) = [cell.source for cell in notebook.cells if cell.id == name]
    return text


def test_what_priors_are_said_to_gain_is_what_the_reference_gained():
    """The ranges of the ELBO in `priors` are those of the reference's runs on MNIST, what seeds and priors change those on glyphs."""
    text, models = " ".join(cell_of("priors", "trained_prior_text").split()), ("vae", "vae_mixture", "vae_flow")
    for model in models:
        values = of_runs(f"mnist/standard/{model}/convolutional", "elbo")
        assert len(values) == 5
        assert re.search(f"{min(values):.1f} to {max(values):.1f}".replace("-", "−"), text)
    runs = {model: of_runs(f"glyphs/quick/{model}/convolutional", "gate_elbo") for model in models}
    spreads, mean = [max(one) - min(one) for one in runs.values()], {m: statistics.mean(one) for m, one in runs.items()}
    ahead = mean["vae"] - mean["vae_flow"], mean["vae"] - mean["vae_mixture"]
    assert f"ahead of the flow by {ahead[0]:.1f} nats and of the mixture by {ahead[1]:.1f} in" in text
    assert f"whose seeds differ by {min(spreads):.0f} to {max(spreads):.0f} nats" in text


def test_typical_answer_of_iwae_says_what_the_reference_measured():
    """Every decimal of the mark scheme, and the order that it claims, follow from the reference's runs on glyphs."""
    text = cell_of("iwae", "written_table")
    runs = {
        name: of_runs(f"glyphs/quick/{name}/connected", "log_likelihood") for name in ("vae_k1", "vae_k5", "vae_k50")
    }
    runs |= {name: of_runs(f"glyphs/quick/{name}/connected", "log_likelihood") for name in ("iwae_k5", "iwae_k50")}
    mean = {name: statistics.mean(values) for name, values in runs.items()}
    assert {len(values) for values in runs.values()} == {3}
    for samples in (5, 50):
        assert min(runs[f"iwae_k{samples}"]) > max(runs[f"vae_k{samples}"])
    elbo = [statistics.mean(of_runs(f"glyphs/quick/{name}/connected", "elbo")) for name in ("iwae_k50", "vae_k50")]
    told = [mean["iwae_k5"] - mean["vae_k5"], mean["iwae_k5"], mean["vae_k5"]]
    told += [mean["iwae_k50"] - mean["vae_k50"], mean["iwae_k50"], mean["vae_k50"]]
    told += [min(runs["vae_k50"]), max(runs["vae_k50"]), mean["vae_k50"] - mean["vae_k1"], *elbo]
    (answer,) = re.findall(r"A typical answer.*?The published", text, re.DOTALL)
    assert re.findall(r"−?[0-9]+\.[0-9]", answer) == [f"{value:.1f}".replace("-", "−") for value in told]
    units = of_runs("glyphs/quick/vae_k50/connected", "active_units")[:3]
    assert f"`vae_k50` {min(units)} to {max(units)}" in " ".join(answer.split())
    assert set(of_runs("glyphs/quick/iwae_k50/connected", "active_units")) == {50}
