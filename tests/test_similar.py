"""Weights that students share are found, noise or not, and those trained apart are not."""

import math

import pytest
import safetensors.torch
import torch

from autograder.reporting import grades, shared
from autograder.reporting.report import Mark, Report, Sketch
from autograder.trained import similar


def weights(seed, noise=0.0, kind=torch.float32):
    """Return weights of a small model, of layers of very different scales, with relative noise on them."""
    drawn, other = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(99)
    made = {}
    for name, scale, shape in (("encoder.w", 0.01, (300, 40)), ("decoder.w", 10.0, (40, 300)), ("b", 1.0, (7,))):
        plain = scale * torch.randn(shape, generator=drawn)
        made[name] = (plain + noise * scale * torch.randn(shape, generator=other)).to(kind)
    return made


def report(student, assignment="vae", **files):
    """Return a stored report with sketches of these weights."""
    sketches = {name: similar.sketch(of) for name, of in files.items()}
    return Report(
        student=student,
        assignment=assignment,
        notebook="vae",
        weights=sketches,
        marks={"elbo": Mark(points=4, score=4)},
    )


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-3, 1e-2, 0.05])
def test_noise_hides_no_copy(noise):
    """Up to a twentieth of the weights' size in noise, a copy is known."""
    assert shared.near(similar.sketch(weights(1)), similar.sketch(weights(1, noise)))


def test_distance_of_sketches_is_that_of_weights():
    """The distance is the relative noise, within 6 standard errors of the projection."""
    apart = math.dist(similar.sketch(weights(1)).values, similar.sketch(weights(1, 0.2)).values)
    assert abs(apart / 0.2 - 1) < 6 / math.sqrt(2 * similar.SIZE)


def test_other_weights_are_not_near():
    """Another seed, noise as large as half the weights, and another architecture are not taken for a copy."""
    own = similar.sketch(weights(1))
    assert not shared.near(own, similar.sketch(weights(2)))
    assert not shared.near(own, similar.sketch(weights(1, 0.5)))
    assert not shared.near(own, own.model_copy(update={"layout": "another"}))


def test_scale_of_one_layer_drowns_no_other():
    """Where only the layer of small weights was trained anew, weights are not the same."""
    other = weights(1) | {"encoder.w": weights(2)["encoder.w"]}
    assert not shared.near(similar.sketch(weights(1)), similar.sketch(other))


def test_files_are_known_whatever_their_form():
    """Order of names, metadata, the file's name and a lower precision change nothing; what is no sound file has no sketch."""
    plain = safetensors.torch.save(weights(1))
    turned = safetensors.torch.save(dict(reversed(weights(1).items())), {"author": "me"})
    half = safetensors.torch.save(weights(1, kind=torch.bfloat16))
    files = {"checkpoints/a.safetensors": plain, "b.safetensors": turned, "c.safetensors": half, "d.py": plain}
    found = similar.sketches(files | {"e.safetensors": plain[:-1], "f.safetensors": b"\xff" * 99})
    assert found.keys() == {"a", "b", "c"}
    assert found["a"] == found["b"]
    assert shared.near(found["a"], found["c"])


def test_numbers_that_are_none_do_no_harm():
    """Infinities, NaN, integers, empty tensors and no tensors have a sketch of finite numbers."""
    odd = {
        "a": torch.tensor([math.inf, math.nan, 1e38]),
        "b": torch.tensor(2),
        "c": torch.zeros(0),
        "d": torch.zeros(3),
    }
    for tensors in (odd, {}):
        made = similar.sketch(tensors)
        assert all(map(math.isfinite, made.values))
        assert Sketch.model_validate_json(made.model_dump_json()) == made


def test_all_who_share_are_one_group():
    """Pairs become groups; one shared model of several is enough; the same weights of one student are none."""
    reports = [
        report("eve", vae_k1=weights(1, 0.08)),
        report("ada", vae_k1=weights(1), vae_k5=weights(5)),
        report("bob", vae_k1=weights(1, 0.01)),
        report("joe", vae_k1=weights(7), vae_k5=weights(5, 0.001)),
        report("lee", vae_k1=weights(8), vae_k5=weights(8)),
        report("kim", vae_k1=weights(9)),
        report("max", vae_k1=weights(9)),
        report("sam"),
    ]
    expected = [["ada", "bob", "eve", "joe"], ["kim", "max"]]
    assert shared.groups(reports) == shared.groups(reversed(reports)) == expected


def test_a_run_reads_each_report_once(tmp_path):
    """What is graded in a run is known in it; who is graded again shares no weights with the own earlier report."""
    report("ada", vae_k1=weights(1)).save(tmp_path)
    (tmp_path / "eve" / "vae").mkdir(parents=True)
    (tmp_path / "eve" / "vae" / "vae.json").write_text("{")
    seen = shared.Seen(tmp_path, "vae", "vae")
    assert seen.same(report("ada", vae_k1=weights(1, 0.01))) == []
    assert seen.same(report("bob", vae_k1=weights(1))) == ["ada"]
    assert seen.same(report("joe", vae_k1=weights(2))) == []
    assert seen.same(report("max", vae_k1=weights(1))) == ["ada", "bob"]
    assert seen.same(report("bob", vae_k1=weights(3))) == []
    assert seen.same(report("kim", vae_k1=weights(1))) == ["ada", "max"]
    assert seen.same(report("sam")) == []


def test_grades_name_each_group_once(tmp_path):
    """One line names all who share weights, the first who was graded, too; no pair is listed beside it."""
    for student, noise in (("ada", 0.0), ("bob", 0.01), ("eve", 0.02)):
        made = report(student, vae_k1=weights(1, noise))
        flags = [f"{shared.SAME} {other}" for other in shared.Seen(tmp_path, "vae", "vae").same(made)]
        made.model_copy(update={"flags": flags}).save(tmp_path)
    report("joe", vae_k1=weights(2)).save(tmp_path)
    assert [flag for flag in Report.load(tmp_path / "eve" / "vae" / "vae.json").flags] == [
        "the same weights as ada",
        "the same weights as bob",
    ]
    flagged = [line for line in grades.table(tmp_path, "vae").splitlines() if line.startswith("flagged")]
    assert flagged == ["flagged: ada, bob, eve: the same weights, or nearly"]
