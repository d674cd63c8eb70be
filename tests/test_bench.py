"""The benchmarks: they run, print every row, and judge a measurement by its goals."""

import itertools
import json
import os
import random
import statistics
import textwrap
from types import SimpleNamespace

import nbformat
import pytest
import torch
import torch.nn.functional as F
import yaml

from autograder import catalogue
from autograder.course import ROOT
from autograder.sandbox import levels
from autograder.trained.estimate import estimate
from bench import __main__ as bench
from bench import annealing, likelihoods, measure, sandboxed, submission, training, warmup, whole_class


def work(**changes):
    """Return a work whose two ways do nothing."""
    idle = measure.Way(lambda: itertools.repeat(None), 10)
    arguments = {"name": "idle", "baseline": idle, "ours": idle, "goal": 2.0, "sgemm_goal": 0.5, "flop": 1e6}
    return measure.Work(**(arguments | changes))


def measurement(ratio, share, **changes):
    found = {"baseline_s": ratio, "ours_s": 1.0, "ratio": ratio, "low": ratio, "high": ratio, "sgemm_share": share}
    return measure.Measurement(work=work(**changes), ours_mib=None, **found)


def test_bench_prints_every_row(monkeypatch, capfd):
    """A quick run prints one row a work, with goal and verdict, explains what is missed, and keeps torch's threads."""
    monkeypatch.setenv("COURSE_DATASET", "glyphs")
    threads = torch.get_num_threads()
    bench.main(["--quick", "training"])
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("glyphs, 50000 images")
    for name, goal in (
        ("VAE, batch 128", "2.8"),
        ("IWAE K = 5, batch 128", "2.0"),
        ("IWAE K = 50, batch 20 | 128", "3.3"),
    ):
        (row,) = [line for line in lines[2:5] if line.startswith(name)]
        assert goal in row
        verdict = row.split()[-1]
        assert verdict in ("yes", "no")
        assert (f"{name}: a goal is missed." in lines) == (verdict == "no")
    assert torch.get_num_threads() == threads


def test_bench_prints_the_likelihood(monkeypatch, capfd):
    """A quick run prints one row for the processor, with every goal and the verdict."""
    monkeypatch.setenv("COURSE_DATASET", "glyphs")
    bench.main(["--quick", "likelihood"])
    (row,) = [line for line in capfd.readouterr().out.splitlines() if line.startswith("on cpu")]
    assert row.split()[-1] in ("yes", "no")
    assert {"4.3", "200", "20"} <= set(row.split())


def test_bench_prints_annealing(monkeypatch, capfd):
    """A quick run prints one row for the processor, with goal and verdict."""
    monkeypatch.setenv("COURSE_DATASET", "glyphs")
    bench.main(["--quick", "annealing"])
    (row,) = [line for line in capfd.readouterr().out.splitlines() if line.startswith("on cpu")]
    assert row.split()[-1] in ("yes", "no")
    assert f"{annealing.GOAL:.0f}" in row.split()


def test_bench_prints_what_warm_up_gains(monkeypatch, capfd):
    """A quick run prints a row with KL warm-up and one without, each with its seconds, and the goal's verdict."""
    monkeypatch.setenv("COURSE_DATASET", "glyphs")
    bench.main(["--quick", "warmup"])
    lines = capfd.readouterr().out.splitlines()
    (without,) = [line for line in lines if line.startswith("1 from the start")]
    (with_it,) = [line for line in lines if line.startswith("from 0 to 1")]
    assert with_it.split()[-1] == "no"
    assert without.count("never") == with_it.count("never") == 2


@pytest.mark.slow
def test_bench_prints_where_the_time_of_a_submission_goes(capfd):
    """Every part has a row, kernels of the notebook and of its decoder apart, and the shares are of one whole."""
    bench.main(["submission"])
    head, *rows = [line for line in capfd.readouterr().out.splitlines() if line.strip() and "batch/s" not in line]
    assert head.endswith("3 kernels")
    assert [row.split("  ")[0] for row in rows] == list(submission.PARTS)
    seconds = [float(row.split()[-3]) for row in rows]
    assert sum(seconds) == pytest.approx(float(head.split()[2]), abs=0.5)
    assert min(seconds[:6]) > 0.1


def test_price_of_a_code_rises_over_the_first_steps_alone():
    """Beta starts at 0, is 1 after the share of the steps that is said, and always 1 without warm-up."""
    assert [warmup.beta(step, 100, True) for step in (0, 20, 40, 99)] == [0, 0.5, 1, 1]
    assert warmup.beta(0, 100, False) == 1


@pytest.mark.parametrize("num_samples", [1, 5])
def test_what_is_trained_at_the_end_is_the_bound(num_samples):
    """With a weight of 1 the loss is that of the reference solutions, given the same noise; with 0 a code costs nothing."""
    torch.manual_seed(0)
    one = warmup.model("SiLU")
    x = torch.rand(6, 1, 28, 28).round()
    torch.manual_seed(1)
    ours = warmup.loss(one, x, num_samples, 1.0)
    torch.manual_seed(1)
    eps = torch.randn(num_samples, 6, warmup.LATENT)
    iwae = catalogue.solution("iwae")
    expected = (
        one.elbo(x, eps).mean() if num_samples == 1 else iwae["iwae_bound"](iwae["log_weights"](one, x, eps)).mean()
    )
    assert ours.item() == pytest.approx(-expected.item(), rel=1e-5)
    torch.manual_seed(1)
    assert warmup.loss(one, x, num_samples, 0.0) < ours


def test_time_until_a_level_is_that_of_the_first_epoch_there():
    """A level that is never reached has no time."""
    curve = warmup.Curve([1.0, 2.0, 3.0], [-99.0, -94.0, -96.0])
    assert (curve.until(-95), curve.until(-90)) == (2.0, None)


def test_pages_say_of_warm_up_what_was_recorded():
    """docs/measured.md has the record's table; the notebook's means, deviations, units and gains follow from the same record."""
    found = yaml.safe_load(warmup.RECORD.read_text())
    page = (ROOT / "docs" / "measured.md").read_text()
    assert textwrap.indent(warmup.table(found), "    ") in page
    cells = nbformat.read(ROOT / "source" / "vae" / "vae.ipynb", as_version=4).cells
    (text,) = [cell.source for cell in cells if "### Units that never wake" in cell.source]
    for warm, name in ((False, "$\\beta = 1$ from the start"), (True, "$\\beta$ from 0 to 1")):
        runs = [one for one in found if (one["network"], one["samples"], one["warm"]) == ("SiLU", 1, warm)]
        values = [[one[key] for one in runs] for key in ("elbo", "log_likelihood")]
        means = [f"−{-statistics.mean(one):.2f} ± {statistics.stdev(one):.2f}" for one in values]
        units = sorted({one["active"] for one in runs})
        span = f"{units[0]}" if len(units) == 1 else f"{units[0]}–{units[-1]}"
        assert f"| {name} | {means[0]} | {means[1]} | {span} |" in text
    gains = {
        (one["network"], one["seed"]): with_it["log_likelihood"] - one["log_likelihood"]
        for one, with_it in zip(found[::2], found[1::2], strict=True)
        if one["samples"] == 1
    }
    assert f"A gain of {statistics.mean(gains['SiLU', seed] for seed in range(3)):.1f} nats" in text
    assert "two seeds gained {:.1f} and {:.1f} nats".format(*(gains["tanh", seed] for seed in range(2))) in text


@pytest.mark.slow
def test_both_ways_anneal_alike():
    """On a decoder that ignores the code both ways give log p(x) exactly, and on another the same within their noise."""
    x = (torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    torch.manual_seed(0)
    logits = torch.randn(1, 28, 28)
    weight = torch.randn(2, 28 * 28) / 40
    ais = catalogue.solution("gaps")["ais_log_likelihood"]
    betas = torch.linspace(0, 1, 6).tolist()
    for slope, tolerance in ((0.0, 1e-3), (1.0, 0.1)):
        model = SimpleNamespace(
            decoder=lambda z, slope=slope: logits + slope * (z @ weight).unflatten(-1, (1, 28, 28)),
            prior=None,
            latent_dim=2,
        )
        found = annealing.plain(model, x, 100, betas, 2, 0.3), ais(model, x, 100, betas, 2, 0.3)
        torch.testing.assert_close(*found, rtol=0, atol=tolerance)


def test_both_ways_estimate_the_same():
    """With the same networks, bound and reconstruction errors of both ways agree, so that a ratio compares equal work."""
    torch.manual_seed(0)
    encoder, decoder = likelihoods._usual_networks("cpu")
    x = (torch.rand(4, 1, 28, 28) < 0.2).float()
    usual = likelihoods._all_at_once(x, 4000, encoder, decoder)()
    model = SimpleNamespace(encoder=lambda x: encoder(x.flatten(1)).chunk(2, -1), decoder=decoder[0], prior=None)
    ours = estimate(model, x, 4000)
    estimates = (ours.bound, ours.reconstruction, ours.weighted_reconstruction)
    # An untrained decoder: log weights have a standard deviation of a few nats, the means over 4000 one of 0.1.
    torch.testing.assert_close(torch.stack(estimates).sum(1).float(), torch.tensor(usual), rtol=0, atol=2.0)


@pytest.mark.parametrize(
    ("ratio", "ours", "fewer", "met"),
    [(4.3, 200, 180, True), (4.2, 20, 20, False), (9, 201, 200, False), (9, 41, 20, False), (4.3, None, None, True)],
    ids=["all", "slow", "much memory", "growing", "memory unknown"],
)
def test_likelihood_is_met_by_time_and_memory(ratio, ours, fewer, met):
    """The goals are a ratio, memory, and that memory does not grow with the samples."""
    time = measurement(ratio, 0.5, sgemm_goal=None, goal=likelihoods.GOAL)
    assert likelihoods.Likelihood(time, usual_mib=1000, ours_mib=ours, fewer_mib=fewer).met == met


def test_extra_memory_is_what_is_taken_beyond(monkeypatch):
    """Eighty MiB that are written to for a while are seen, whatever was freed before; nothing is nothing."""
    if measure.extra_mib(lambda: None, "cpu") is None:
        pytest.skip("this system does not tell a process's peak memory")
    torch.ones(20 * 2**20).sum()
    assert 75 < measure.extra_mib(lambda: torch.ones(20 * 2**20).sum(), "cpu") < 120
    assert measure.extra_mib(lambda: None, "cpu") < 20


@pytest.mark.parametrize(
    ("ratio", "share", "sgemm_goal", "met"),
    [(2.0, 0.5, 0.5, True), (1.9, 0.9, 0.5, False), (3.0, 0.4, 0.5, False), (3.0, 0.4, None, True)],
    ids=["both", "ratio missed", "share missed", "share not judged"],
)
def test_measurement_is_met_by_ratio_and_share(ratio, share, sgemm_goal, met):
    """A goal is met by the ratio and, where it is judged, the share of a matrix product's speed."""
    assert measurement(ratio, share, sgemm_goal=sgemm_goal).met == met


def test_measurement_limits_the_ratio():
    """At half of sgemm's speed, twice the ratio is the most that our matrix products allow."""
    assert measurement(2.0, 0.5).ratio_limit == 4.0


def test_measure_compares_the_time_of_an_image(monkeypatch):
    """Ten images in eight seconds against twenty in four are a ratio of four, whatever the batches."""
    clock = itertools.count(step=1e-3)  # every look at the clock takes a millisecond: a matrix product takes one
    elapsed = [0.0]
    monkeypatch.setattr(measure.time, "process_time", lambda: next(clock) + elapsed[0])

    def take(seconds):
        while True:
            elapsed[0] += seconds
            yield

    ways = {"baseline": measure.Way(lambda: take(8), 10), "ours": measure.Way(lambda: take(4), 20)}
    found = measure.measure(work(**ways, flop=1e8), pairs=3, steps=10, sgemm_size=100)
    assert (found.ratio, found.baseline_s, found.ours_s) == pytest.approx((4, 0.8, 0.2), rel=1e-3)
    # ours: 1e8 FLOP in 0.2 s; the product: 2 · 100³ FLOP in 1 ms
    assert found.sgemm_share == pytest.approx((1e8 / 0.2) / (2e6 / 1e-3), rel=1e-3)


def test_flop_per_image_counts_the_encoder_once():
    """With one more sample only the decoder is made once more, forward and twice backward."""
    decoder = 50 * 200 + 200 * 200 + 200 * 784
    assert training.flop_per_image(6) - training.flop_per_image(5) == 2 * 3 * decoder


@pytest.mark.parametrize("num_samples", [1, 5])
def test_both_ways_train_on_one_loss(num_samples):
    """The bounds of both ways agree, so that a ratio compares equal work."""
    torch.manual_seed(0)
    encoder = training.mlp(784, 200, 200, 100)
    decoder = training.mlp(50, 200, 200, 784)
    x = (torch.rand(3, 784) < 0.3).float()
    torch.manual_seed(1)
    ours = training._loss(encoder, decoder, x, num_samples)
    torch.manual_seed(1)
    mu, log_var = encoder(x).chunk(2, dim=1)
    z = mu + torch.randn(num_samples, 3, 50) * torch.exp(0.5 * log_var)
    theta = torch.sigmoid(decoder(z))
    usual = training._summed_loss(x, theta, mu, log_var, z) / 3
    if num_samples > 1:
        usual = training._averaged_bound(x, theta, mu, log_var, z)
        parts = [x.expand(num_samples, -1, -1), theta, mu.expand_as(z), log_var.expand_as(z), z]
        log_w = torch.stack([training._log_weight(*(part[k] for part in parts)) for k in range(num_samples)])
        torch.testing.assert_close(-(log_w.logsumexp(0) - torch.tensor(5.0).log()).mean(), usual)
    torch.testing.assert_close(ours, usual)


def test_bernoulli_log_prob_is_exact_and_differentiable():
    """Value and gradient agree with the definition in float64, and are finite at huge logits."""
    x = torch.tensor([[0.0, 1.0, 0.0, 1.0]], dtype=torch.float64)
    logits = torch.randn(3, 1, 4, dtype=torch.float64, requires_grad=True)
    log_prob = training._BernoulliLogProb.apply
    torch.testing.assert_close(log_prob(x, logits), (x * logits - F.softplus(logits)).sum(-1))
    assert torch.autograd.gradcheck(lambda logits: log_prob(x, logits), logits)
    assert log_prob(x, torch.full((1, 1, 4), 1e4, dtype=torch.float64)).tolist() == [[-2e4]]


def test_overhead_is_the_median_of_pairs(monkeypatch):
    """Each level is compared with the plain process of the same turn, and the goal judges the median."""
    monkeypatch.setattr(levels, "unusable", lambda level: None if level != "landlock" else "no")
    times = {"none": iter([9.0, 1.0, 2.0, 4.0]), "bubblewrap": iter([1.05, 2.2, 8.0])}
    found = sandboxed.overheads(3, lambda level: (next(times[level]), 7.0))
    assert [one.level for one in found] == ["bubblewrap", "none"]
    assert (found[0].seconds, found[0].processor, found[0].ratio, found[0].low, found[0].high) == (
        2.2,
        7.0,
        1.1,
        1.05,
        2.0,
    )
    assert found[0].met
    assert (found[1].ratio, found[1].met) == (1.0, True)


def test_overhead_beyond_the_goal_is_not_met():
    """A tenth more is allowed."""
    assert not sandboxed.Overhead("bubblewrap", 1.0, 1.0, 1.11, 1.0, 1.2).met


def test_unknown_benchmark_is_refused(capsys):
    """What is asked for must exist."""
    with pytest.raises(SystemExit):
        bench.main(["speed"])
    assert "unknown: speed" in capsys.readouterr().err


# --- a whole class ----------------------------------------------------------------------------------


def test_class_that_lies_there_is_taken_as_it_is(monkeypatch, tmp_path):
    """Another run on the same folder grades the same bytes, although a model trained anew says another time."""
    monkeypatch.setattr(whole_class, "handed_over", lambda variant: {"checkpoints/a.safetensors": os.urandom(8)})
    first = whole_class.once(tmp_path / "class", 3, 0)
    assert first["right-00"].keys() == {"vae.ipynb", "checkpoints/a.safetensors"}
    assert whole_class.once(tmp_path / "class", 3, 0) == first
    assert whole_class.once(tmp_path / "other", 3, 0) != first


def test_class_has_every_kind_in_its_share(monkeypatch):
    """A third is right, a third has a mistake of its own, and nobody's notebook has a study, which is not run while grading."""
    monkeypatch.setattr(whole_class, "handed_over", lambda variant: {"checkpoints/a.safetensors": variant.encode()})
    handed_in = whole_class.compose(24, random.Random(0))
    kinds = [student.split("-")[0] for student in handed_in]
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == {
        "crashing": 2,
        "hanging": 2,
        "malformed": 2,
        "right": 8,
        "untouched": 2,
        "wrong": 8,
    }
    for student, files in handed_in.items():
        text = files["vae.ipynb"]
        if student.startswith("malformed"):
            with pytest.raises(ValueError, match="Unterminated|Expecting"):
                json.loads(text)
            continue
        cells = json.loads(text)["cells"]
        assert not [cell for cell in cells if cell["id"].endswith("_study")]
        assert (len(files) == 1) == student.startswith("untouched")
        assert ("string_at" in text.decode()) == student.startswith("crashing")
    answers = [files["vae.ipynb"] for student, files in handed_in.items() if student.startswith("wrong")]
    assert len(set(answers)) == 8


def test_reports_differ_where_more_than_times_do(tmp_path):
    """Times are no difference; a score, a sentence or a flag is, and is named with its student."""

    def course(name, **changes):
        report = {
            "student": "ada",
            "seconds": random.random(),
            "flags": [],
            "outcomes": [{"seconds": random.random(), "credit": 1}],
        }
        path = tmp_path / name / "reports" / "ada" / "vae" / "vae.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(report | changes))
        return whole_class.Course(tmp_path / name)

    one = course("one")
    assert whole_class.differences(one, course("two")) == []
    assert whole_class.differences(one, course("three", flags=["copied"], outcomes=[])) == ["ada: flags, outcomes"]


@pytest.mark.parametrize(("ways", "said"), [(["quick"], "unknown: quick"), (["again"], "which is not there")])
def test_way_that_cannot_be_gone_is_one_line(capsys, ways, said):
    """Nothing is made for a way that there is not, or that needs another one first."""
    with pytest.raises(SystemExit) as end:
        whole_class.main(ways)
    assert end.value.code == 2
    assert said in capsys.readouterr().err
