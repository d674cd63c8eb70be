"""The lab's results file: merging, concurrency, and a file that is broken."""

import concurrent.futures
import os
import subprocess
import sys

import pytest
import torch

from lab import results
from lab.errors import ResultsError


def test_merge_keeps_other_entries(tmp_path):
    """A record is added under its key; other keys and other entries of the key stay."""
    path = tmp_path / "new" / "results.yaml"
    results.merge(path, "vae", {"elbo": -90.5, "seconds": 3})
    results.merge(path, "iwae", {"elbo": -89.0, "ks": [1, 5]})
    returned = results.merge(path, "vae", {"kl": 25.0, "elbo": -90.0})
    expected = {"vae": {"elbo": -90.0, "seconds": 3, "kl": 25.0}, "iwae": {"elbo": -89.0, "ks": [1, 5]}}
    assert returned == expected == results.load(path)


def test_merge_can_replace_a_record(tmp_path):
    """With replace the key's other entries are dropped, and other keys stay."""
    path = tmp_path / "results.yaml"
    results.merge(path, "vae", {"elbo": -90.5, "seconds": 3})
    results.merge(path, "iwae", {"elbo": -89.0})
    results.merge(path, "vae", {"elbo": -90.0}, replace=True)
    assert results.load(path) == {"vae": {"elbo": -90.0}, "iwae": {"elbo": -89.0}}


def test_load_without_a_file_is_empty(tmp_path):
    """Before the first result, and with an empty file, there are no results."""
    assert results.load(tmp_path / "results.yaml") == {}
    (tmp_path / "results.yaml").touch()
    assert results.load(tmp_path / "results.yaml") == {}


@pytest.mark.parametrize(
    "content", ["vae: [1, 2", "- a list", "vae: 3", "\udcff"], ids=["syntax", "list", "number", "bytes"]
)
def test_merge_leaves_a_broken_file_as_it_is(tmp_path, content):
    """A file that is no mapping of records is reported and not overwritten."""
    path = tmp_path / "results.yaml"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    before = path.read_bytes()
    with pytest.raises(ResultsError, match=r"(?s)results.yaml.*rename it to begin anew"):
        results.merge(path, "vae", {"elbo": -90.0})
    assert path.read_bytes() == before


def test_merge_refuses_what_yaml_cannot_hold(tmp_path):
    """A tensor in a record is refused and the file stays."""
    path = tmp_path / "results.yaml"
    results.merge(path, "vae", {"elbo": -90.0})
    with pytest.raises(TypeError, match="the record of 'vae' has a value that YAML cannot hold"):
        results.merge(path, "vae", {"kl": torch.ones(1)})
    assert results.load(path) == {"vae": {"elbo": -90.0}}


def test_merge_survives_a_crash_while_writing(tmp_path, monkeypatch):
    """A crash before the file is replaced leaves the old results, whole."""
    path = tmp_path / "results.yaml"
    results.merge(path, "vae", {"elbo": -90.0})
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *args: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            results.merge(path, "vae", {"elbo": -1.0})
    assert results.load(path) == {"vae": {"elbo": -90.0}}
    assert {p.name for p in tmp_path.iterdir()} == {"results.yaml", ".results.yaml.lock"}


def test_merge_loses_nothing_under_concurrency(tmp_path):
    """Writers at the same time keep each other's records: the lock belongs to the opened file, not to the process."""
    path = tmp_path / "results.yaml"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: results.merge(path, f"run {i}", {"elbo": -float(i)}), range(80)))
    assert results.load(path) == {f"run {i}": {"elbo": -float(i)} for i in range(80)}


def test_lab_works_where_fcntl_is_missing(tmp_path):
    """Windows has no fcntl: `import lab` and a merge work there, and the record is in the file."""
    code = (
        "import sys\nsys.modules['fcntl'] = None\n"  # importing it is an ImportError
        "import lab\nfrom lab import results\nresults.merge(sys.argv[1], 'vae', {'elbo': -90.0})\n"
    )
    path = tmp_path / "results.yaml"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert results.load(path) == {"vae": {"elbo": -90.0}}
