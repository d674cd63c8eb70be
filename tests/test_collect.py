"""`nbgrader zip_collect` of what learning platforms give, with the configuration of the kit."""

import os
import shutil
import subprocess
import sys
import time
import zipfile
from types import SimpleNamespace

import pytest

from autograder.door import collect
from tests.conftest import CHOICES, ROOT

CHECKPOINT = "vae_k1_epochs6_seed0.safetensors"
CANVAS = {
    "doejane_10482_775200_vae-1.ipynb": "doejane/vae/vae.ipynb",
    f"doejane_10482_775201_{CHECKPOINT}": f"doejane/vae/{CHECKPOINT}",
    "roejohn_LATE_10533_775200_vae.ipynb": None,  # handed in again
    "roejohn_LATE_10533_775202_vae-1-2.ipynb": "roejohn/vae/vae.ipynb",
    "roejohn_LATE_10533_775203_vae_k1_epochs6_seed0-2.safetensors": f"roejohn/vae/{CHECKPOINT}",
    "roejohn_LATE_10533_775204_plot-1.png": "roejohn/vae/plot-1.png",
    "lee_11_5_vae.ipynb": "lee_11/vae/vae.ipynb",  # two persons of one name
    "lee_12_6_vae.ipynb": "lee_12/vae/vae.ipynb",
    "o'brien-smith_13_7_vae.ipynb": "o'brien-smith/vae/vae.ipynb",
    "poe_14_8_essay.docx": None,
}
MOODLE = {
    "Jane Doe_20311_assignsubmission_file_vae.ipynb": "Jane Doe/vae/vae.ipynb",
    f"Jane Doe_20311_assignsubmission_file_{CHECKPOINT}": f"Jane Doe/vae/{CHECKPOINT}",
    "Zoë Roe_20312_assignsubmission_file_/vae.ipynb": "Zoë Roe/vae/vae.ipynb",
    f"Zoë Roe_20312_assignsubmission_file_/checkpoints/{CHECKPOINT}": f"Zoë Roe/vae/checkpoints/{CHECKPOINT}",
    "Zoë Roe_20312_assignsubmission_file_/__MACOSX/._vae.ipynb": None,
}
BLACKBOARD = {
    "vae_ada_attempt_2026-01-30-15-00-00_vae.ipynb": None,
    "vae_ada_attempt_2026-01-31-09-30-00_vae.ipynb": "ada/vae/vae.ipynb",
    f"vae_ada_attempt_2026-01-31-09-30-00_{CHECKPOINT}": f"ada/vae/{CHECKPOINT}",
}


def collected(folder, names):
    """Collect a zip of files of these names, each with its name for content, in a course, and return what was printed."""
    shutil.copytree(ROOT / "release" / "vae", folder / "release" / "vae")
    for name in ("course_config.py", "nbgrader_config.py"):
        shutil.copy(ROOT / name, folder / name)
    archive = folder / "downloaded" / "vae" / "archive"
    archive.mkdir(parents=True)
    with zipfile.ZipFile(archive / "submissions.zip", "w") as out:
        for name in names:
            out.writestr(zipfile.ZipInfo(name, (2026, 1, 29, 12, 0, 0)), name)
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "zip_collect", "vae"],
        cwd=folder,
        env=os.environ | CHOICES | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("names", [CANVAS, MOODLE, BLACKBOARD], ids=["canvas", "moodle", "blackboard"])
def test_archive_becomes_submissions_with_checkpoints_and_times(tmp_path, names):
    """Notebooks and checkpoints come to their students under their own names and with their own times; what is older stays out."""
    collected(tmp_path, names)
    submitted = tmp_path / "submitted"
    found = {
        str(p.relative_to(submitted)): p for p in submitted.rglob("*") if p.is_file() and p.name != "timestamp.txt"
    }
    assert {path: file.read_text() for path, file in found.items()} == {to: name for name, to in names.items() if to}
    changed = time.mktime((2026, 1, 29, 12, 0, 0, 0, 0, -1))
    assert {file.stat().st_mtime for file in found.values()} == {changed}
    times = {path.parts[-3]: path.read_text() for path in submitted.rglob("timestamp.txt")}
    assert times == ({"ada": "2026-01-31 09:30:00"} if names is BLACKBOARD else {})


def test_time_that_is_still_to_come_is_not_kept(tmp_path):
    """An archive of another time zone, or of a wrong clock, makes no file that was changed in the future."""
    source, copied = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    source.touch()
    os.utime(source, (time.time() + 9999,) * 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collect, "_transfer", lambda app, data: shutil.copy(source, copied))
        data = {"src_files": [source], "dest_files": [copied], "timestamp": None}
        collect.transfer(SimpleNamespace(), {"ada": data})
    assert copied.stat().st_mtime <= time.time()
