"""Studies: which runs are made and kept, and what the page of reference runs says of them."""

import re
import statistics

import nbformat
import pytest

import lab
from autograder import catalogue, publish
from autograder.course import Course
from autograder.suite.gaps.study import tables
from autograder.trained import study

COURSE = Course(course_id="t", assignments=("vae", "gaps"), dataset="glyphs", budget="quick")


def gap(approximation, amortisation, error=0.1, **more):
    """Return the record of a model on held-out images."""
    bounds = {
        "log_p": -90.0,
        "elbo_local": -90.0 - approximation,
        "elbo_amortized": -90.0 - approximation - amortisation,
    }
    estimates = {"best_gaussian": -95.0, "iwae_encoder": -90.5, "iwae_local": -90.2, "ais": -91.0}
    gaps = {"approximation": approximation, "amortisation": amortisation, "images": 100}
    return bounds | estimates | gaps | {"approximation_error": error, "amortisation_error": error} | more


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """The seeds of the notebooks that were run; each leaves a record, and all are kept in a temporary folder."""
    found = []

    def executed(path, course, seed):
        found.append((path.stem, seed))
        return None, {f"{course.dataset} gaussian_test {course.budget} seed {seed}": gap(1.0, 2.0 + seed)}

    monkeypatch.setattr(study, "path_of", lambda assignment: tmp_path / f"{assignment}.yaml")
    monkeypatch.setattr(publish, "executed", executed)
    return found


def test_notebook_of_a_study_is_run_with_each_seed_once(runs, tmp_path):
    """Only an assignment that is a study runs; what is there already is not run again."""
    said = []
    study.run(COURSE, said.append)
    assert runs == [("gaps", seed) for seed in range(catalogue.of("gaps").study.seeds)]
    study.run(COURSE, said.append)
    assert len(runs) == 3
    assert said[-1] == "gaps, glyphs at quick, seed 2: is there already"
    assert "| gaussian | test | 3 |" in study.text()


def test_run_that_was_interrupted_is_made_again(runs, monkeypatch):
    """A run that raises leaves nothing that looks like its end, and the runs before it are kept."""
    finished = publish.executed

    def interrupted(path, course, seed):
        if seed == 1:
            raise KeyboardInterrupt
        return finished(path, course, seed)

    monkeypatch.setattr(publish, "executed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        study.run(COURSE, print)
    monkeypatch.setattr(publish, "executed", finished)
    study.run(COURSE, print)
    assert [seed for _, seed in runs] == [0, 1, 2]


@pytest.mark.slow
def test_setting_of_the_seed_reaches_the_notebook(tmp_path):
    """A notebook that is executed with a seed has it, and gives back the records that it left."""
    folder = tmp_path / "source" / "toy"
    folder.mkdir(parents=True)
    cells = [
        publish.nbformat.v4.new_code_cell("import lab", id="imports"),
        publish.nbformat.v4.new_code_cell("SEED = 0  # yours", id="settings"),
        publish.nbformat.v4.new_code_cell("lab.results.merge('results.yaml', 'a', {'seed': SEED})", id="more"),
    ]
    publish.nbformat.write(publish.nbformat.v4.new_notebook(cells=cells), folder / "toy.ipynb")
    notebook, records = publish.executed(folder / "toy.ipynb", COURSE, 7)
    assert records == {"a": {"seed": 7}}
    assert notebook.cells[1].source == "SEED = 7  # yours"


def test_larger_gap_is_named_where_it_is_beyond_the_noise():
    """A difference below two standard errors is no finding; the runs that agree are counted."""
    records = {f"mnist gaussian_test standard seed {seed}": gap(1.0, 2.0 + seed) for seed in range(2)}
    records |= {"mnist flow_test standard seed 0": gap(1.0, 1.1)}
    records |= {
        f"mnist contextual_flow_test standard seed {s}": gap(*g) for s, g in enumerate(((3.0, 1.0), (1.0, 1.1)))
    }
    page = tables(records)
    assert (
        "- gaussian, test: the amortisation gap is larger by 1.50 nats (standard error in a run 0.14), in 2 of 2 runs."
        in page
    )
    assert "- flow, test: no gap is clearly the larger one: they differ by 0.10 nats" in page
    assert "- contextual flow, test: the approximation gap is larger by 0.95 nats" in page
    assert "in 1 of 2 runs." in page


def test_page_has_every_experiment():
    """Gaps, AIS in both directions, small encoders, training and refitting: a table each, of the last watched epoch."""
    records = {"gaussian_test": gap(1.0, 2.0)}
    records |= {"sandwich_100": {"forward": -91.0, "reverse": -90.0, "difference": 1.0}}
    records |= {"width_5": {"approximation": 1.0, "amortisation": 90.0}}
    records |= {
        f"gaussian_{split}_{epoch}": {"approximation": 1.0, "amortisation": epoch, "ratio": 1.5}
        for split in ("training", "validation")
        for epoch in (2, 12)
    }
    records |= {"refit_10": {"A": {0: -200.0, 20: -190.0, 60: -195.0}, "B": {0: -201.0, 20: -199.0, 60: -198.0}}}
    page = tables({f"mnist {what} standard seed 0": record for what, record in records.items()})
    assert "| 100 | 1 | -91.00 | -90.00 | 1.00 |" in page
    assert "| Gaussian, width 5, refitted | 1 | 1.00 | 90.00 |" in page
    assert "| gaussian | 12 | 1 | 1.00 | 1.00 | 12.00 | 12.00 | 1.50 |" in page
    assert "| pixels flipped | set | runs | 0 steps | 20 steps | 60 steps |" in page
    assert "| 10 | A | 1 | -200.00 | -190.00 | -195.00 |" in page
    assert "### Published numbers" in page


def test_committed_records_hold_the_identity_and_the_order():
    """Of every committed record the gaps add up to the inference gap, and log p(x), L[q*] and L[q] fall, within their errors."""
    records = lab.results.load(study.path_of("gaps"))
    held_out = {key: record for key, record in records.items() if "elbo_local" in record}
    assert held_out
    for key, record in held_out.items():
        assert record["approximation"] + record["amortisation"] == pytest.approx(record["inference"], abs=1e-6), key
        assert record["log_p"] - record["elbo_amortized"] == pytest.approx(record["inference"], abs=1e-6), key
        assert record["approximation"] >= -2 * record["approximation_error"], key
        assert record["amortisation"] >= -2 * record["amortisation_error"], key
        assert record["log_p"] >= max(record[name] for name in ("iwae_encoder", "iwae_local", "ais")), key


def test_committed_runs_are_as_many_as_are_promised():
    """On MNIST at standard every seed has ended, and AIS leaves less than a quarter of a nat where it takes 1000 temperatures."""
    records = lab.results.load(study.path_of("gaps"))
    for seed in range(catalogue.of("gaps").study.seeds):
        assert f"mnist run standard seed {seed}" in records
        between = records[f"mnist sandwich_1000 standard seed {seed}"]
        assert -2 * between["difference_error"] < between["difference"] < 0.25


def test_numbers_in_the_notebook_are_those_of_the_records():
    """The tables of the reference's runs, and every decimal of the typical answers, follow from the committed records."""
    records = lab.results.load(study.path_of("gaps"))
    cells = {cell.id: cell.source for cell in nbformat.read(publish.notebook_of("gaps"), as_version=4).cells}

    def over_seeds(dataset, what, entry):
        values = [records[f"{dataset} {what} standard seed {seed}"][entry] for seed in range(3)]
        return statistics.mean(values), statistics.stdev(values)

    for dataset in ("mnist", "fashion"):
        for entry in ("log_p", "elbo_local", "best_gaussian", "elbo_amortized", "approximation", "amortisation"):
            families = ("gaussian", "flow", "contextual_flow")
            found = [over_seeds(dataset, f"{family}_validation", entry) for family in families]
            row = " | ".join(f"{mean:.2f} ± {spread:.2f}" for mean, spread in found).replace("-", "−")
            assert f"| {row} |" in cells["published_text"]
    known = {"0.2", "0.4"}  # between which standard errors lie
    for what in {key.split()[1] for key in records if key.startswith("mnist")} - {"run"}:
        first = records[f"mnist {what} standard seed 0"]
        for entry, value in first.items():
            if isinstance(value, dict):
                means = [
                    statistics.mean(records[f"mnist {what} standard seed {s}"][entry][x] for s in range(3))
                    for x in value
                ]
            else:
                means = [over_seeds("mnist", what, entry)[0]]
            known |= {text for mean in means for text in (f"{abs(mean):.1f}", f"{abs(mean):.2f}")}
    for family in ("flow", "contextual_flow"):
        apart = (over_seeds("mnist", f"{family}_validation", entry)[0] for entry in ("elbo_local", "best_gaussian"))
        known.add(f"{next(apart) - next(apart):.1f}")
    for cell in ("written_which", "written_when", "written_why"):
        assert [text for text in re.findall(r"\d+\.\d+", cells[cell]) if text not in known] == []
