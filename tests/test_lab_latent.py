"""The lab's short training, and its figures of codes and of several models side by side."""

import math

import pytest
import torch
from torch import nn

from lab import latent, train_briefly

IMAGES = torch.full((40, 1, 28, 28), 128, dtype=torch.uint8)


class Brightness(nn.Module):
    """One logit for all pixels, with a loss in nats per image."""

    def __init__(self):
        super().__init__()
        self.logit = nn.Parameter(torch.randn(()))

    def forward(self, x):
        return nn.functional.binary_cross_entropy_with_logits(self.logit.expand_as(x), x, reduction="sum") / len(x)


def descend(model, optimizer, x):
    """Make one step of the optimizer."""
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss.item()


def test_train_briefly_follows_its_seed_alone():
    """One seed gives one model and the same losses; torch's global generator stays where it was; nothing is written."""
    state = torch.get_rng_state()
    (first, losses), (again, same) = (train_briefly(Brightness, descend, IMAGES, steps=5, seed=3) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert losses == same
    assert torch.equal(first.logit, again.logit)
    assert train_briefly(Brightness, descend, IMAGES, steps=5, seed=4)[1] != losses


def test_train_briefly_trains_on_binary_images_unless_asked():
    """Batches are binarised; `prepare` may make other inputs of the grey levels. The model ends in evaluation mode."""
    seen = []

    def step(model, optimizer, x):
        seen.append(x)
        return descend(model, optimizer, x)

    model, losses = train_briefly(Brightness, step, IMAGES, steps=400, batch_size=20, learning_rate=0.03)
    assert (len(losses), model.training) == (400, False)
    assert {x.shape for x in seen} == {(20, 1, 28, 28)}
    assert torch.stack(seen).unique().tolist() == [0, 1]
    # half of the pixels are 1, so the best that one logit can do is 784 ln 2 nats
    assert losses[-1] == pytest.approx(784 * math.log(2), abs=1)
    seen.clear()
    train_briefly(Brightness, step, IMAGES, steps=1, prepare=lambda images, how, generator: images / 255)
    assert seen[0].unique().item() == pytest.approx(128 / 255)


def test_train_briefly_ends_at_a_loss_that_is_no_number():
    """An infinite loss is the last one."""
    answers = iter([1.0, -math.inf, 2.0])
    _, losses = train_briefly(Brightness, lambda *_: next(answers), IMAGES, steps=3)
    assert losses == [1.0, -math.inf]


def test_codes_tell_classes_apart_without_colours():
    """A class has a marker and a colour of its own and a name in the legend; a panel reaches as far as its codes."""
    points = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(100) % 10
    names = [f"kind {label}" for label in range(10)]
    figure = latent.codes({"near": (points, labels), "far": (20 * points, labels)}, names, "Codes")
    near, far = figure.axes
    assert len({tuple(part.get_facecolor()[0]) for part in near.collections}) == 10
    assert len({part.get_paths()[0].vertices.tobytes() for part in near.collections}) == 10
    assert [circle.get_radius() for circle in near.patches] == [1, 2, 3]
    assert (near.get_xlim(), far.get_xlim()[1] >= 20 * points.abs().max()) == ((-4, 4), True)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == names
    assert len(set(latent.CLASS_COLOURS)) == 10
    with pytest.raises(ValueError, match="expected one class for each of 100 codes"):
        latent.codes({"near": (points, labels[:5])}, names, "Codes")


def test_grid_has_the_second_dimension_upwards():
    """The image of the lowest values stands below on the left, that of the highest second value above it."""
    images = torch.zeros(3, 3, 1, 28, 28)
    images[0, 2] = 1.0  # first dimension lowest, second highest
    figure = latent.grid({"model": images}, [-1.0, 0.0, 1.0], "Grid")
    picture = figure.axes[0].images[0].get_array()
    assert picture[:28, :28].min() == 1
    assert picture.sum() == 28 * 28
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["1.0", "0.0", "-1.0"]
    with pytest.raises(ValueError, match=r"expected images of shape \(2, 2, 1, 28, 28\)"):
        latent.grid({"model": images}, [0.0, 1.0], "Grid")


def test_board_draws_each_kind_of_panel():
    """Losses become a curve without its start, images a block, codes a scatter; a row carries its label."""
    losses = [500.0] * 10 + [200.0 - step for step in range(90)]
    row = {"loss": losses, "images": torch.ones(2, 3, 1, 28, 28), "codes": (torch.zeros(4, 2), torch.arange(4))}
    figure = latent.board({"A": row, "B": row}, "Models")
    curve, block, codes = figure.axes[:3]
    assert curve.get_ylabel() == "A"
    assert curve.get_ylim()[1] < 250
    assert block.images[0].get_array().shape == (56, 84)
    assert len(codes.collections) == 4
    assert [axis.get_title() for axis in figure.axes[:3]] == list(row)


@pytest.mark.parametrize("end", [-math.inf, math.nan])
def test_board_survives_a_loss_that_diverges(end, tmp_path):
    """A curve that falls beyond all bounds is drawn on a logarithmic scale as far as it is finite."""
    losses = [100.0] * 20 + [-(10.0 ** (power / 4)) for power in range(100)] + [end]
    figure = latent.board({"A": {"loss": losses}}, "Models")
    assert figure.axes[0].get_yscale() == "symlog"
    figure.savefig(tmp_path / "board.png")


def test_board_refuses_what_it_cannot_draw():
    """Rows of other columns and unknown panels are reported."""
    with pytest.raises(ValueError, match="the same columns"):
        latent.board({"A": {"x": [1.0]}, "B": {"y": [1.0]}}, "Models")
    with pytest.raises(ValueError, match="got int"):
        latent.board({"A": {"x": 3}}, "Models")
