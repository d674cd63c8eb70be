"""Examinations beside each other on real Dask workers: what machines fail at is tried again, and blamed on nobody."""

import pytest

from autograder.course import ConfigError, Course
from autograder.examine import cluster
from autograder.examine.cluster import Where
from autograder.examine.job import Job

pytestmark = pytest.mark.slow
COURSE = Course(course_id="t", assignments=("vae",), dataset="glyphs", budget="quick")


@pytest.fixture
def job(tmp_path):
    """Return a function that makes a job whose file is this text."""

    def made(student, text="no archive"):
        path = tmp_path / student / "vae.job"
        path.parent.mkdir()
        path.write_text(text)
        return Job(student, "vae", "0" * 64, path, path.with_suffix(".json"))

    return made


def test_what_a_machine_fails_at_is_tried_again_and_named(job):
    """What fails is tried three times; then the reason is told, the others go on, and no file is left."""
    jobs, ended = [job("ada"), job("bob")], {}
    cluster.examine(COURSE, jobs, Where(workers=2), 2, lambda one, why: ended.setdefault(one.student, why))
    assert set(ended) == {"ada", "bob"}
    assert all("an error of the grader (BadZipFile: File is not a zip file)" in why for why in ended.values())
    assert [list(one.path.parent.iterdir()) for one in jobs] == [[], []]


def test_nothing_to_do_starts_no_worker(monkeypatch):
    """Without jobs there is no cluster."""
    monkeypatch.setattr(cluster, "_client", lambda *_: pytest.fail("a cluster was started"))
    cluster.examine(COURSE, [], Where(), 0, lambda one, why: None)


def test_scheduler_that_does_not_answer_is_one_clear_line(job, monkeypatch):
    """Where no scheduler is, the message names the address and what to start."""
    monkeypatch.setattr(cluster, "PATIENCE_S", 1)
    with pytest.raises(ConfigError, match=r"--scheduler tcp://127.0.0.1:9: no Dask scheduler answered.*dask worker"):
        cluster.examine(COURSE, [job("ada")], Where(scheduler="tcp://127.0.0.1:9"), 1, lambda one, why: None)
