"""The lab's evaluation: what is computed, what is not computed again, and the table."""

import re

import pytest
import torch
import yaml
from torch import nn

from lab import checkpoints, evaluation, results
from lab.errors import ResultsError

SETTING = {"dataset": "glyphs", "binarization": "fixed", "images": 100, "num_samples": 50}


def save(folder, name, k=1, seed=0, weight=1.0):
    """Write the checkpoint of a linear map with this weight and return its path."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, weight)
    path = folder / checkpoints.name(name, k, 6, seed)
    checkpoints.save(path, model, {})
    return path


class Counted:
    """A measure, the model's weight, that counts its calls."""

    def __init__(self, failing=()):
        self.calls, self.failing = [], failing

    def __call__(self, model):
        self.calls.append(model.weight.item())
        if self.calls[-1] in self.failing:
            raise KeyboardInterrupt
        return self.calls[-1]


@pytest.fixture
def evaluate(tmp_path):
    """Return a function that evaluates the checkpoints in the temporary folder."""

    def call(measures, build=lambda checkpoint: nn.Linear(1, 1, bias=False), **setting):
        return evaluation.evaluate(tmp_path, build, measures, tmp_path / "results.yaml", **(SETTING | setting))

    return call


def test_every_checkpoint_is_measured_with_its_weights(tmp_path, evaluate):
    """A record says what the run and the setting were, and holds what each measure gave for the filled model."""
    save(tmp_path, "iwae", k=5, seed=2, weight=3.0)
    save(tmp_path, "vae", weight=7.0)
    records = evaluate({"weight": Counted(), "pair": lambda model: {"one": 1, "half": 0.5}})
    assert list(records) == ["iwae_k5_epochs6_seed2", "vae_k1_epochs6_seed0"]
    record = records["iwae_k5_epochs6_seed2"]
    assert record | {"weights": None} == {
        "model": "iwae",
        "k": 5,
        "epochs": 6,
        "seed": 2,
        "weights": None,
        **SETTING,
        "weight": 3.0,
        "pair": {"one": 1, "half": 0.5},
    }
    assert results.load(tmp_path / "results.yaml") == records


def test_models_are_built_from_their_names_and_measured_in_evaluation_mode(tmp_path, evaluate):
    """build gets the checkpoint; the model it returns is in evaluation mode when it is measured."""
    save(tmp_path, "iwae", k=5)
    built = []

    def build(checkpoint):
        built.append((checkpoint.model, checkpoint.k))
        return nn.Linear(1, 1, bias=False).train()

    records = evaluate({"training": lambda model: int(model.training)}, build)
    assert built == [("iwae", 5)]
    assert records["iwae_k5_epochs6_seed0"]["training"] == 0


def test_second_call_computes_only_what_is_missing(tmp_path, evaluate):
    """Measures and checkpoints that came later are computed; nothing else is, and no model is built for nothing."""
    save(tmp_path, "vae", weight=1.0)
    first, second = Counted(), Counted()
    evaluate({"first": first})
    save(tmp_path, "vae", seed=1, weight=2.0)
    records = evaluate({"first": first, "second": second})
    assert (first.calls, second.calls) == ([1.0, 2.0], [1.0, 2.0])
    assert evaluate({"first": first, "second": second}, build=None) == records


def test_interrupted_call_goes_on_where_it_stopped(tmp_path, evaluate):
    """What was computed before an interruption is in the file and is not computed again."""
    save(tmp_path, "vae", weight=1.0)
    save(tmp_path, "vae", seed=1, weight=2.0)
    with pytest.raises(KeyboardInterrupt):
        evaluate({"weight": Counted(failing=(2.0,))})
    again = Counted()
    evaluate({"weight": again})
    assert again.calls == [2.0]


@pytest.mark.parametrize("change", ["weights", "setting"])
def test_outdated_records_are_computed_anew(tmp_path, evaluate, change):
    """After a new training, or with another setting, no number of before is left in the record."""
    save(tmp_path, "vae", weight=1.0)
    evaluate({"weight": Counted(), "other": Counted()})
    save(tmp_path, "vae", weight=2.0 if change == "weights" else 1.0)
    measure = Counted()
    evaluate({"weight": measure}, images=200 if change == "setting" else 100)
    assert measure.calls == [2.0 if change == "weights" else 1.0]
    (record,) = results.load(tmp_path / "results.yaml").values()
    assert "other" not in record


def test_results_of_other_runs_stay(tmp_path, evaluate):
    """Records of checkpoints that are gone, and other measures, stay in the file and are not returned."""
    path = save(tmp_path, "vae")
    evaluate({"weight": Counted()})
    path.unlink()
    save(tmp_path, "iwae")
    records = evaluate({"weight": Counted()})
    evaluate({"other": Counted()})
    assert list(records) == ["iwae_k1_epochs6_seed0"]
    assert list(results.load(tmp_path / "results.yaml")) == ["iwae_k1_epochs6_seed0", "vae_k1_epochs6_seed0"]
    assert "other" not in evaluate({"weight": Counted()})["iwae_k1_epochs6_seed0"]


@pytest.mark.parametrize("kind", ["unreadable", "other"])
def test_checkpoint_that_cannot_be_used_does_not_stop_the_others(tmp_path, evaluate, capsys, kind):
    """A file that is no checkpoint, or of another architecture, is named with the reason and has no record."""
    if kind == "unreadable":
        (tmp_path / checkpoints.name("broken", 1, 6, 0)).write_bytes(b"junk")
    else:
        checkpoints.save(tmp_path / checkpoints.name("broken", 1, 6, 0), nn.Linear(2, 1), {})
    save(tmp_path, "vae")
    records = evaluate({"weight": Counted()})
    assert list(records) == list(results.load(tmp_path / "results.yaml")) == ["vae_k1_epochs6_seed0"]
    reason = "is not a readable checkpoint" if kind == "unreadable" else "holds the weights of another model"
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "broken_k1_epochs6_seed0 is left out" in line]
    assert reason in line


@pytest.mark.parametrize("value", [torch.ones(()), "1", True, None, {"part": {"deep": "text"}}])
def test_measure_that_is_no_number_is_refused(tmp_path, evaluate, value):
    """A tensor, a text or a truth value is reported with the measure's name."""
    save(tmp_path, "vae")
    with pytest.raises(TypeError, match="the measure 'mine.*: expected a number or a dict of numbers, got"):
        evaluate({"mine": lambda model: value})


def test_measure_cannot_take_the_name_of_another_entry(evaluate):
    """A measure named like an entry of the record is refused."""
    with pytest.raises(ValueError, match="a measure is named 'k'"):
        evaluate({"k": Counted()})


def test_evaluation_without_a_measure_is_refused(evaluate):
    """There is nothing to compute where no measure is given."""
    with pytest.raises(ValueError, match="expected at least one measure"):
        evaluate({})


def test_unreadable_results_are_not_overwritten(tmp_path, evaluate):
    """A file of results that is no YAML is reported and stays."""
    save(tmp_path, "vae")
    (tmp_path / "results.yaml").write_text("vae: [1, 2")
    with pytest.raises(ResultsError, match="rename it to begin anew"):
        evaluate({"weight": Counted()})
    assert (tmp_path / "results.yaml").read_text() == "vae: [1, 2"


def test_numbers_are_plain_yaml(tmp_path, evaluate):
    """Floats of numpy become YAML's own."""
    save(tmp_path, "vae")
    evaluate({"weight": lambda model: model.weight.detach().double().numpy().sum()})
    (record,) = yaml.safe_load((tmp_path / "results.yaml").read_text()).values()
    assert record["weight"] == 1.0


def record(model, k, seed, **measures):
    """Return a record."""
    return {"model": model, "k": k, "epochs": 6, "seed": seed, "weights": "0f", **SETTING, **measures}


def cells(table):
    """Return the rows of a Markdown table, the heading first, without the rule below it."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert all(re.fullmatch("-+:", cell) for cell in lines[1])
    return [lines[0], *lines[2:]]


def test_table_is_sorted_and_averages_over_seeds():
    """Rows go by model and K as a number; several seeds give mean ± standard deviation, a single one its value."""
    records = {
        "c": record("vae", 50, 0, likelihood=-87.0),
        "b": record("vae", 5, 1, likelihood=-90.0),
        "a": record("vae", 5, 0, likelihood=-88.0),
        "d": record("iwae", 5, 0, likelihood=-86.5),
    }
    assert cells(evaluation.table(records)) == [
        ["model", "K", "epochs", "seeds", "likelihood"],
        ["iwae", "5", "6", "1", "-86.50"],
        ["vae", "5", "6", "2", "-89.00 ± 1.41"],
        ["vae", "50", "6", "1", "-87.00"],
    ]


def test_table_rounds_mean_and_deviation_alike():
    """The standard deviation has as many decimals as its mean."""
    records = {
        "a": record("vae", 1, 0, likelihood=-88.0, active=20),
        "b": record("vae", 1, 1, likelihood=-88.5, active=20),
    }
    assert cells(evaluation.table(records))[1][4:] == ["-88.25 ± 0.35", "20.00 ± 0.00"]


def test_table_shows_parts_of_a_measure_and_small_numbers():
    """A number in a dict has the name of both; whole numbers stay whole, and small ones keep their digits."""
    records = {
        "a": record("vae", 1, 0, active_units={"kl": 12, "variance": 13}, variance=1.234e-5),
        "b": record("vae", 5, 0),
    }
    assert cells(evaluation.table(records)) == [
        ["model", "K", "epochs", "seeds", "active units kl", "active units variance", "variance"],
        ["vae", "1", "6", "1", "12", "13", "1.23e-05"],
        ["vae", "5", "6", "1", "", "", ""],
    ]


@pytest.mark.parametrize("name", SETTING)
def test_table_refuses_to_mix_settings(name):
    """Numbers of another data set, binarisation, number of images or samples are not put beside each other."""
    other = record("vae", 5, 0) | {name: "threshold" if isinstance(SETTING[name], str) else 7}
    with pytest.raises(ValueError, match="expected records of one data set.*got 2 settings"):
        evaluation.table({"a": record("vae", 1, 0), "b": other})


def test_table_of_nothing_is_refused():
    """Without a record there is no table."""
    with pytest.raises(ValueError, match="got 0 settings"):
        evaluation.table({})
