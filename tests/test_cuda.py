"""What runs on a GPU: data, training, resumption, evaluation, and a kernel of a submission. Skipped where there is none."""

import math

import pytest
import torch

import lab
from autograder import catalogue, doctor
from autograder.course import Course
from autograder.trained.estimate import estimate
from autograder.trained.reference import Run
from bench import likelihoods

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use"),
]
SHORT = lab.Budget(epochs=2, batch_size=100, learning_rate=1e-3, patience=None, warmup_steps=2)


def test_data_stay_on_the_gpu():
    """Images are bytes on the device, and so is every batch of pixels."""
    images = lab.load("train", dataset="glyphs", device="cuda")
    x = next(iter(lab.batches(images, 64, generator=torch.Generator("cuda").manual_seed(0))))
    assert (images.device.type, images.dtype, x.device.type) == ("cuda", torch.uint8, "cuda")
    assert set(x.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("name", ["vae", "vae_flow", "iwae_k5"])
def test_reference_models_train_on_the_gpu_and_are_measured_on_either(tmp_path, name):
    """A model trained there ends with the validation loss that it is measured with, and its checkpoint loads anywhere."""
    model = catalogue.models()[name]
    run = Run(model, next(iter(model.networks)), 0)
    splits = {split: lab.load(split, dataset="glyphs", device="cuda") for split in ("train", "validation")}
    settings = {"name": run.name, "k": run.model.num_samples, "seed": 0, "budget": SHORT, "folder": tmp_path}
    data = {"images": splits["train"], "validation": splits["validation"]}
    model = run.build("cuda")
    history = lab.fit(model, catalogue.solution("vae")["train_step"], **settings, **data)
    assert history.validation[-1] < history.validation[0]
    x = lab.binarize(lab.load("test", dataset="glyphs", device="cpu")[:20], "fixed")
    on_gpu = estimate(model.eval(), x.cuda(), 2000)
    again = run.build()
    lab.checkpoints.load(lab.checkpoints.find(tmp_path)[0].path, again)
    on_processor = estimate(again.eval(), x, 2000)
    # other noise: the mean of 20 images' bounds, each of which is off by a few tenths of a nat
    assert float(on_gpu.bound.mean()) == pytest.approx(float(on_processor.bound.mean()), abs=1.0)
    assert math.isfinite(float(on_gpu.weighted_reconstruction.mean()))


def test_likelihood_is_measured_on_the_gpu():
    """The benchmark runs there, and memory with many samples stays that with few, up to its blocks."""
    images = lab.binarize(lab.load("test", dataset="glyphs", device="cpu")[: likelihoods.BATCH], "fixed")
    found = likelihoods.compare(images, "cuda", pairs=1, scale=8)
    assert found.measurement.ours_s > 0
    assert found.ours_mib > 0


@pytest.mark.slow
def test_kernels_have_the_gpu(tmp_path):
    """The sandbox lets a submission's kernel compute there, or the doctor says that it does not."""
    course = Course(course_id="t", assignments=("vae",), dataset="glyphs").model_copy(update={"root": tmp_path})
    assert torch.cuda.get_device_name() == doctor._gpu(course)
