"""One command measures every checkpoint in a folder, each measure once."""

import pytest
import torch

import lab
from autograder import __main__, catalogue
from autograder.suite.iwae import assignment as iwae
from autograder.trained import evaluate
from autograder.trained.reference import Run
from tests.conftest import CHOICES


def run_of(model, network, seed=0):
    """Return a reference run of a model."""
    return Run(catalogue.models()[model], network, seed)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder with untrained checkpoints of two models, and of one that nobody knows; few samples are drawn."""
    for name, value in (CHOICES | {"COURSE_DATA": "data"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(evaluate, "NUM_SAMPLES", 3)
    monkeypatch.setattr(iwae, "GRADIENT_RUNS", 2)
    for name, k in (("iwae", 5), ("vae", 1)):
        model = evaluate.runs_of(name, k)[0].build()
        for seed in (0, 1):
            lab.checkpoints.save(tmp_path / f"{name}_k{k}_epochs6_seed{seed}.safetensors", model, {})
    lab.checkpoints.save(tmp_path / "vae_k7_epochs6_seed0.safetensors", torch.nn.Linear(1, 1), {})
    return tmp_path


@pytest.fixture
def estimated(monkeypatch):
    """Count evaluations with many samples; the number after which one is interrupted can be set."""
    calls, estimate = {"made": 0, "allowed": 1000}, evaluate.estimate

    def counted(*arguments):
        if calls["made"] == calls["allowed"]:
            raise KeyboardInterrupt
        calls["made"] += 1
        return estimate(*arguments)

    monkeypatch.setattr(evaluate, "estimate", counted)
    return calls


def test_every_checkpoint_is_measured_once(folder, estimated, capsys):
    """An interrupted command goes on where it was: all in all nothing is measured twice, and the table has every model."""
    estimated["allowed"] = 5
    with pytest.raises(KeyboardInterrupt):
        __main__.main(["evaluate", str(folder)])
    assert len(lab.results.load(folder / "results.yaml")) == 3
    estimated["allowed"] = 1000
    assert __main__.main(["evaluate", str(folder)]) == 0
    assert estimated["made"] == 2 * 4
    said = capsys.readouterr().out
    assert "vae_k7_epochs6_seed0 is left out" in said
    rows = [line for line in said.splitlines() if line.startswith("|")]
    assert [row.split()[1:8:2] for row in rows[2:]] == [["iwae", "5", "6", "2"], ["vae", "1", "6", "2"]]
    __main__.main(["evaluate", str(folder)])
    assert estimated["made"] == 2 * 4


def test_measures_are_those_of_the_model(folder):
    """A record has likelihoods and errors on both binarisations, both counts of active units, and the gradient's noise."""
    assert __main__.main(["evaluate", str(folder), "--results", str(folder / "other.yaml")]) == 0
    records = lab.results.load(folder / "other.yaml")
    record = records["iwae_k5_epochs6_seed0"]
    assert record["stochastic"].keys() == record["thresholded"].keys()
    assert set(record["stochastic"]) == {"bound", "elbo", "reconstruction", "weighted_reconstruction"}
    assert record["stochastic"]["elbo"] < record["stochastic"]["bound"] < 0
    assert record["stochastic"]["bound"] != record["thresholded"]["bound"]
    assert set(record["active"]) == {"variance", "kl"}
    assert record["gradient"]["snr"] > 0
    assert record["gradient"] != records["vae_k1_epochs6_seed0"]["gradient"]
    assert (record["num_samples"], record["images"], record["dataset"]) == (3, 1000, "glyphs")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["nowhere"], "expected a folder of checkpoints"), (["."], "expected checkpoints, named as vae_k1")],
    ids=["no folder", "no checkpoint"],
)
def test_nothing_to_evaluate_is_said(folder, monkeypatch, capsys, arguments, message):
    """A folder that is not there, or has no checkpoint, ends the command with what was expected."""
    (folder / "empty").mkdir()
    monkeypatch.chdir(folder / "empty")
    assert __main__.main(["evaluate", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.fixture
def alone(folder):
    """Return a function that leaves the checkpoint of one run in the folder, under a name and with what it says of its data."""

    def leave(run, name, dataset=None):
        for path in folder.glob("*.safetensors"):
            path.unlink()
        said = {} if dataset is None else {"history": {"dataset": dataset}}
        lab.checkpoints.save(folder / f"{name}_epochs6_seed0.safetensors", run.build(), said)

    return leave


@pytest.mark.slow
@pytest.mark.parametrize(
    ("run", "name"),
    [
        (run_of("vae", "convolutional", 0), "vae_k1"),
        (run_of("vae_k1", "connected", 0), "vae_k1"),
        (run_of("vae", "convolutional", 0), "vae_standard_k1"),
        (run_of("vae", "convolutional", 0), "convolutional_k1"),
        (run_of("vae_mixture", "convolutional", 0), "vae_mixture_k1"),
        (run_of("vae_flow", "convolutional", 0), "vae_flow_k1"),
        (run_of("iwae_k5", "connected", 0), "iwae_k5"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.network}",
)
def test_checkpoint_of_every_assignment_is_measured(folder, alone, capsys, run, name):
    """Names are those that the notebooks give; of two networks of one name the weights say which it is."""
    alone(run, name, "glyphs")
    assert __main__.main(["evaluate", str(folder)]) == 0
    assert "left out" not in capsys.readouterr().out
    (record,) = lab.results.load(folder / "results.yaml").values()
    assert record["stochastic"]["bound"] < 0


def test_checkpoint_of_another_data_set_is_left_out(folder, alone, capsys):
    """It is no bad model: the command that measures it is named."""
    alone(run_of("vae", "convolutional", 0), "vae_k1", "fashion")
    assert __main__.main(["evaluate", str(folder)]) == 2
    assert (
        "trained on the data set fashion, and the course has glyphs: COURSE_DATASET=fashion" in capsys.readouterr().out
    )
