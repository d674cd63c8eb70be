"""The lab's training loop: optimizer, schedule, best weights, early stopping, resumption, errors."""

import dataclasses
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lab import checkpoints, training
from lab.data import batches
from lab.errors import CheckpointError, TrainingError
from lab.training import Budget, fit

BUDGET = Budget(epochs=4, batch_size=16, learning_rate=1e-2, patience=None, warmup_steps=2)
IMAGES = torch.randint(0, 256, (50, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
VALIDATION = torch.randint(0, 256, (20, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


class Tiny(nn.Module):
    """A variational autoencoder of 16 pixels with BatchNorm and noise, so that every kind of state matters."""

    def __init__(self, latent_dim=2):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Linear(8, latent_dim))
        self.decoder = nn.Linear(latent_dim, 16)

    def forward(self, x):
        mu = self.encoder(x)
        logits = self.decoder(mu + torch.randn_like(mu))
        reconstruction = (x.flatten(1) * logits - F.softplus(logits)).sum(-1)
        return (0.5 * mu.square().sum(-1) - reconstruction).mean()


class Scripted(nn.Module):
    """A model whose validation losses are given, and whose weight counts the steps."""

    def __init__(self, losses):
        super().__init__()
        self.losses = losses
        self.weight = nn.Parameter(torch.zeros(()))
        self.validations = 0

    def forward(self, x):
        self.validations += 1
        return torch.tensor(self.losses[self.validations - 1])


def train_step(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss.item()


def count_step(model, optimizer, x):
    with torch.no_grad():
        model.weight += 1
    return 1.0


def model(seed=0, latent_dim=2):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Tiny(latent_dim)


def run(folder, module=None, step=train_step, **changes):
    """Fit with the arguments of most tests."""
    arguments = {"name": "vae", "images": IMAGES, "validation": VALIDATION, "budget": BUDGET, "folder": folder}
    module = model() if module is None else module
    return module, fit(module, step, **(arguments | changes))


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.fixture(autouse=True)
def glyphs(monkeypatch):
    monkeypatch.setenv("COURSE_DATASET", "glyphs")


def test_fit_trains_and_reports(tmp_path, capfd):
    """A model gets better, is left in evaluation mode, and its history says what was done; stderr stays empty."""
    trained, history = run(tmp_path)
    assert history.validation[-1] < history.validation[0]
    assert history.train[-1] < history.train[0]
    assert (history.epochs, len(history.train), len(history.validation)) == (4, 4, 4)
    assert (history.dataset, history.binarization, history.device) == ("glyphs", "stochastic", "cpu")
    assert history.torch == torch.__version__
    assert history.seconds > 0
    assert not any(module.training for module in trained.modules())
    out, err = capfd.readouterr()
    assert "epoch 4" in out
    assert err == ""


def test_fit_is_reproducible_and_leaves_the_global_generator_alone(tmp_path):
    """Two runs of one seed give the same bits, another seed gives others, and later random numbers are as before."""
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    first, _ = run(tmp_path / "a")
    assert torch.equal(torch.rand(3), expected)
    torch.manual_seed(12)
    assert same(first, run(tmp_path / "b")[0])
    assert not same(first, run(tmp_path / "c", seed=1)[0])


def spread(module, x):
    """Watch something that every epoch changes, and draw random numbers while doing so."""
    return {"spread": module.encoder(x).std(-1) + 0 * torch.rand(len(x))}


def test_fit_keeps_what_is_watched_and_trains_as_without(tmp_path):
    """The means over the validation images are in the history and in the checkpoint, and no bit of the training changes."""
    trained, history = run(tmp_path / "a", watch=spread)
    assert (list(history.terms), len(history.terms["spread"])) == (["spread"], 4)
    x = next(iter(batches(VALIDATION, 20, how="fixed", shuffle=False)))
    last, _ = run(tmp_path / "b")
    assert same(trained, last)
    assert history.best_epoch == 4
    assert history.terms["spread"][-1] == pytest.approx(last.encoder(x).std(-1).mean().item())
    _, loaded = run(tmp_path / "a")
    assert loaded == history


def test_error_of_what_is_watched_ends_the_watching_alone(tmp_path, capsys):
    """It is told once, the training goes on, and the history has no half of it."""

    def breaks(module, x, calls=[]):  # noqa: B006 (counts)
        calls.append(x)
        return {"KL": torch.zeros(len(x))} if len(calls) < 3 else {"KL": torch.zeros(())}

    trained, history = run(tmp_path / "a", watch=breaks)
    assert (history.terms, history.epochs) == ({}, 4)
    assert same(trained, run(tmp_path / "b")[0])
    said = capsys.readouterr().out
    assert said.count("watch: ValueError: KL: expected shape (20,), got (). Training goes on without it.") == 1


def test_checkpoint_of_an_earlier_lab_is_loaded(tmp_path):
    """A history that lacks what is watched has none of it."""
    trained, history = run(tmp_path)
    (path,) = tmp_path.iterdir()
    tensors, metadata = checkpoints.read(path)
    del metadata["history"]["terms"]
    checkpoints.write(path, tensors, metadata)
    assert run(tmp_path)[1] == history


def test_fit_gives_the_step_adam_with_the_schedule(tmp_path):
    """The step gets Adam with eps 1e-4 and a learning rate that rises in the warm-up and falls to two per cent."""
    rates, optimizers = [], set()

    def spy(module, optimizer, x):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizers.add((type(optimizer), optimizer.param_groups[0]["eps"], optimizer.param_groups[0]["fused"]))
        return train_step(module, optimizer, x)

    run(tmp_path, step=spy)
    assert optimizers == {(torch.optim.Adam, 1e-4, True)}
    assert len(rates) == 4 * 4  # 50 images in batches of 16: four steps an epoch
    assert rates[:2] == pytest.approx([0.5e-2, 1e-2])
    assert rates[-1] == pytest.approx(2e-4)
    assert rates[1:] == sorted(rates[1:], reverse=True)


def test_fit_gives_the_step_every_image_binarised_anew(tmp_path):
    """An epoch has 16, 16, 16 and 2 binary images, and epochs differ."""
    seen = []

    def spy(module, optimizer, x):
        seen.append(x)
        return train_step(module, optimizer, x)

    run(tmp_path, step=spy)
    assert [len(x) for x in seen] == [16, 16, 16, 2] * 4
    assert set(torch.cat(seen).unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(seen[0], seen[4])


def test_fit_validates_in_evaluation_mode_with_one_noise(tmp_path):
    """Validation runs in evaluation mode without gradient, and equal weights have equal losses in every epoch."""
    modes = set()

    class Watched(Tiny):
        def forward(self, x):
            modes.add((self.training, self.encoder[2].training, torch.is_grad_enabled()))
            return super().forward(x)

    _, history = run(tmp_path, Watched(), step=lambda module, optimizer, x: 1.0)
    assert modes == {(False, False, False)}
    assert len(set(history.validation)) == 1


def test_fit_draws_new_noise_in_every_epoch(tmp_path):
    """Validation does not set the noise of the next epoch's training back."""
    noise = []
    run(tmp_path, step=lambda module, optimizer, x: noise.append(torch.rand(()).item()) or 1.0)
    assert len(set(noise)) == len(noise) == 16


def test_fit_keeps_the_best_weights(tmp_path):
    """The weights of the best epoch are in the model and in the file, not those of the last."""
    trained, history = run(tmp_path, Scripted([5.0, 3.0, 4.0, 6.0]), count_step)
    assert (history.best_epoch, history.epochs) == (2, 4)
    assert trained.weight.item() == 2 * 4
    loaded = Scripted([])
    checkpoints.load(tmp_path / "vae_k1_epochs4_seed0.safetensors", loaded)
    assert loaded.weight.item() == 2 * 4


def test_fit_stops_after_the_patience(tmp_path):
    """Training stops after `patience` epochs without a better loss."""
    budget = dataclasses.replace(BUDGET, epochs=9, patience=2)
    _, history = run(tmp_path, Scripted([5.0, 3.0, 4.0, 3.5, 1.0, 1.0]), count_step, budget=budget)
    assert (history.best_epoch, history.epochs, history.validation) == (2, 4, [5.0, 3.0, 4.0, 3.5])


def test_fit_weighs_batches_by_their_size(tmp_path):
    """The training loss is the mean over images, not over batches."""
    _, history = run(tmp_path, Scripted([1.0] * 4), lambda module, optimizer, x: float(len(x)))
    assert history.train[0] == pytest.approx((16 * 16 * 3 + 2 * 2) / 50)


def test_fit_loads_a_finished_run(tmp_path, capsys):
    """A second call trains nothing, even without images, and returns the same weights and history."""
    first, history = run(tmp_path)
    capsys.readouterr()
    second, loaded = run(tmp_path, model(seed=5), step=None, images=None, validation=None)
    assert same(first, second)
    assert loaded == history
    assert not second.training
    assert "Delete the file to train again" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["vae_k1_epochs4_seed0.safetensors"]


@pytest.mark.parametrize("after", [1, 6, 13], ids=["first epoch", "second epoch", "last epoch"])
def test_fit_resumes_to_the_same_bits(tmp_path, capsys, after):
    """A run that is interrupted in any epoch ends as one that was not: weights, buffers and history."""
    uninterrupted, expected = run(tmp_path / "whole")
    steps = 0

    def interrupted(module, optimizer, x):
        nonlocal steps
        steps += 1
        if steps > after:
            raise KeyboardInterrupt
        return train_step(module, optimizer, x)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", step=interrupted)
    capsys.readouterr()
    torch.manual_seed(99)
    resumed, history = run(tmp_path / "parts", model(seed=7) if after > 4 else model())
    assert same(resumed, uninterrupted)
    assert dataclasses.replace(history, seconds=0) == dataclasses.replace(expected, seconds=0)
    assert ("going on after epoch" in capsys.readouterr().out) == (after > 4)
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["vae_k1_epochs4_seed0.safetensors"]


@pytest.mark.parametrize(
    ("losses", "best_epoch"), [([3.0, 5.0, 4.0, 1.0], 4), ([1.0, 5.0, 4.0, 3.0], 1)], ids=["last", "first"]
)
def test_fit_resumes_from_the_last_weights_and_keeps_the_best(tmp_path, losses, best_epoch):
    """After an interruption training goes on from the last epoch's weights, and an earlier best is not forgotten."""
    steps = 0

    def interrupted(module, optimizer, x):
        nonlocal steps
        steps += 1
        if steps > 9:  # two epochs of four steps are whole
            raise KeyboardInterrupt
        return count_step(module, optimizer, x)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Scripted(losses), interrupted)
    resumed, history = run(tmp_path, Scripted(losses[2:]), count_step)
    assert (resumed.weight.item(), history.best_epoch, history.validation) == (4 * best_epoch, best_epoch, losses)


def test_fit_finishes_a_run_that_was_stopped_at_its_end(tmp_path, monkeypatch):
    """A run that ends between its last epoch and its checkpoint is finished by the next call, in evaluation mode."""
    uninterrupted, _ = run(tmp_path / "whole")

    def crash(*args):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save", crash)
        with pytest.raises(OSError, match="disk full"):
            run(tmp_path / "parts")
    finished, history = run(tmp_path / "parts", step=None)
    assert same(finished, uninterrupted)
    assert history.epochs == 4
    assert not finished.training


def interrupt(folder, **changes):
    """Leave a run that was interrupted in its second epoch."""
    steps = iter(range(5))

    def step(module, optimizer, x):
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return train_step(module, optimizer, x)

    with pytest.raises(KeyboardInterrupt):
        run(folder, step=step, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": dataclasses.replace(BUDGET, batch_size=8)}, "plan was .*'batch_size': 16.* now .*'batch_size': 8"),
        ({"images": IMAGES[:40]}, "images was 50, and now 40"),
        ({"module": model(latent_dim=3)}, "another model"),
    ],
    ids=["budget", "images", "architecture"],
)
def test_fit_refuses_to_go_on_with_another_run(tmp_path, changes, message):
    """An interrupted run of another budget, data or architecture is named, with the remedy."""
    interrupt(tmp_path)
    with pytest.raises(CheckpointError, match=rf"(?s)vae_k1_epochs4_seed0.unfinished.*{message}.*Delete or rename"):
        run(tmp_path, **changes)


def test_fit_refuses_a_finished_run_of_another_model(tmp_path):
    """A finished checkpoint of another latent dimension is named, with the remedy."""
    run(tmp_path)
    with pytest.raises(CheckpointError, match="(?s)seed0.safetensors.*'encoder.3.weight' has shape.*Delete or rename"):
        run(tmp_path, model(latent_dim=3))


def test_fit_refuses_a_finished_run_of_another_data_set(tmp_path, monkeypatch):
    """A checkpoint trained on glyphs is not taken for one of MNIST."""
    run(tmp_path)
    monkeypatch.setenv("COURSE_DATASET", "mnist")
    with pytest.raises(
        CheckpointError, match="trained on the data set glyphs, and here the data set is mnist .*COURSE_DATASET=glyphs"
    ):
        run(tmp_path)


def test_fit_refuses_a_checkpoint_without_history(tmp_path):
    """A file of that name which `fit` did not write is left alone."""
    checkpoints.save(tmp_path / "vae_k1_epochs4_seed0.safetensors", model(), {})
    with pytest.raises(CheckpointError, match="holds no history"):
        run(tmp_path)


def test_fit_stops_at_a_loss_that_is_no_number(tmp_path):
    """NaN is reported with its epoch and batch, and nothing is left that would lead there again."""
    losses = iter([1.0] * 5 + [float("nan")])
    with pytest.raises(TrainingError, match="train_step in epoch 2, batch 2: the loss is nan"):
        run(tmp_path, step=lambda module, optimizer, x: next(losses))
    assert list(tmp_path.iterdir()) == []


def test_fit_stops_at_a_validation_loss_that_is_no_number(tmp_path):
    """An infinite validation loss is reported with its epoch."""
    with pytest.raises(TrainingError, match="the validation loss after epoch 2: the loss is inf"):
        run(tmp_path, Scripted([1.0, float("inf")]), count_step)


def test_fit_explains_a_loss_of_the_wrong_kind(tmp_path):
    """A step that returns no float, and a model that returns one loss an image, are told what is expected."""
    with pytest.raises(TypeError, match=r"expected the loss as a Python float, got Tensor. Return loss.item\(\)"):
        run(tmp_path, step=lambda module, optimizer, x: torch.ones(()))
    with pytest.raises(TypeError, match="got NoneType"):
        run(tmp_path, step=lambda module, optimizer, x: None)
    with pytest.raises(ValueError, match=r"expected one number, the mean loss, got shape \(2,\)"):
        run(tmp_path, Scripted([[1.0, 2.0]]), count_step)


def test_fit_takes_the_budget_from_the_environment(tmp_path, monkeypatch):
    """COURSE_BUDGET chooses among the named budgets; other names are refused."""
    monkeypatch.setenv("COURSE_BUDGET", "quick")
    monkeypatch.setitem(training.BUDGETS, "quick", dataclasses.replace(BUDGET, epochs=1))
    _, history = run(tmp_path, budget=None)
    assert history.epochs == 1
    with pytest.raises(ValueError, match="budget is 'endless', expected one of quick, standard, full"):
        run(tmp_path, budget="endless")


def test_checkpoints_are_written_without_pickle(tmp_path, monkeypatch):
    """Neither the finished nor the interrupted run's file is made or read by pickle."""
    for module in ("pickle", "torch.serialization"):
        for function in ("load", "loads", "dump", "dumps", "save"):
            if hasattr(sys.modules[module], function):
                monkeypatch.delattr(sys.modules[module], function)
    interrupt(tmp_path)
    run(tmp_path)


def test_learning_rate_factor_rises_and_falls():
    """The factor rises linearly to one, then falls along half a cosine to two per cent."""
    factors = [training.learning_rate_factor(step, 100, 10) for step in range(100)]
    assert factors[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert factors[54] == pytest.approx((1 + 0.02) / 2)  # half way along the cosine
    assert factors[-1] == pytest.approx(0.02)
    assert factors[9:] == sorted(factors[9:], reverse=True)
