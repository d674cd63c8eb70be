"""What the kit's tests share: temporary courses, and a checkpoint that is trained once."""

import fcntl
import gc
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("COURSE_DATA", str(ROOT / "data"))  # all courses of the tests keep the drawn glyphs in one place
os.environ.setdefault("OMP_NUM_THREADS", "1")  # a worker of xdist for each core: more threads only wait for each other
CHOICES = {"COURSE_DATASET": "glyphs", "COURSE_BUDGET": "quick", "COURSE_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Look for no garbage while modules are imported and tests collected, nor among those later: they are many, and stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config, items):
    """Keep the tests of a module that runs real kernels in one process: they share what was graded once."""
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.xdist_group(item.module.__name__))
    yield
    grouped = [item for item in items if item.get_closest_marker("xdist_group")]
    if config.getoption("loadgroup", False) and not all("@" in item.nodeid for item in grouped):
        raise pytest.UsageError("xdist does not see the groups of tests: install what requirements.lock names")


@pytest.fixture(autouse=True)
def variables():
    """Whatever a command that a test runs in this process says about the course, or the PATH, is gone after the test."""
    before = dict(os.environ)
    yield
    for name in {name for name in before | os.environ if name.startswith("COURSE_") or name == "PATH"}:
        if name in before:
            os.environ[name] = before[name]
        else:
            del os.environ[name]


def pytest_terminal_summary(terminalreporter):
    """Show which hidden test is failed by which mistakes, and how many the hidden tests and the visible checks catch."""
    reports = [one for outcome in ("passed", "failed") for one in terminalreporter.getreports(outcome)]
    told = [(name, json.loads(value)) for one in reports for name, value in one.user_properties]
    if told:
        from tests.suites import Suite  # here, because the process that hands out the tests needs none of it before

        assignments = sorted({value["assignment"] for _, value in told})
        suites = [(Suite(name), [pair for pair in told if pair[1]["assignment"] == name]) for name in assignments]
        each = bool(os.environ.get("SUITES_EXERCISE"))
        for title, tables in (
            ("hidden tests and the mistakes that fail them", [suite.kill_matrix_table(own) for suite, own in suites]),
            ("mistakes and what catches them", [suite.columns(own, each) for suite, own in suites]),
        ):
            terminalreporter.section(title)
            terminalreporter.write_line("\n\n".join(filter(None, tables)))


class TemporaryCourse:
    """A course in a folder of its own, with this kit's sources, released."""

    def __init__(self, folder: Path):
        self.folder = folder
        shutil.copytree(ROOT / "source", folder / "source", ignore=shutil.ignore_patterns(".*", "checkpoints"))
        for name in ("course_config.py", "nbgrader_config.py"):
            shutil.copy(ROOT / name, folder / name)

    def run(self, *command: str, status: int | None = 0, **variables: str) -> str:
        """Run a command in the course and return what it printed."""
        environment = os.environ | CHOICES | {"PYTHONPATH": str(ROOT)} | variables
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1500,
        )
        assert status is None or done.returncode == status, done.stdout[-5000:]
        return done.stdout

    def nbgrader(self, *arguments: str, status: int | None = 0, **variables: str) -> str:
        """Run one of nbgrader's commands and return what it printed."""
        return self.run("nbgrader", *arguments, status=status, **variables)

    def notebook(self, kind: str) -> nbformat.NotebookNode:
        """Return the assignment's notebook of "source" or "release"."""
        return nbformat.read(self.folder / kind / "vae" / "vae.ipynb", as_version=4)

    def hand_in(self, student: str, notebook: nbformat.NotebookNode | bytes, checkpoint: Path | None = None) -> Path:
        """Put a submission into submitted/ and return the notebook's path."""
        path = self.folder / "submitted" / student / "vae" / "vae.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(notebook if isinstance(notebook, bytes) else nbformat.writes(notebook).encode())
        if checkpoint is not None:
            (path.parent / "checkpoints").mkdir()
            shutil.copy(checkpoint, path.parent / "checkpoints" / checkpoint.name)
        return path


@pytest.fixture
def course(tmp_path):
    """A temporary course, not yet released."""
    return TemporaryCourse(tmp_path / "course")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory, worker_id):
    """A folder of this test run that all its worker processes share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def once(shared_folder):
    """Return a function that makes something in the shared folder, once for all worker processes."""

    def make(name, maker):
        with open(shared_folder / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path = shared_folder / name
            if not (shared_folder / f"{name}.done").exists():
                shutil.rmtree(path, ignore_errors=True)
                path.mkdir()
                maker(path)
                (shared_folder / f"{name}.done").touch()
            return path

    return make


@pytest.fixture(scope="session")
def checkpoint(once):
    """The reference solution's checkpoint, trained on glyphs at the quick budget as its notebook does."""
    program = (
        "import torch, lab\n"
        "from autograder.catalogue import solution\n"
        "torch.set_num_threads(1)\n"
        "names = solution('vae')\n"
        "torch.manual_seed(0)\n"
        "vae = names['VAE'](latent_dim=50)\n"
        "lab.fit(vae, names['train_step'], name='vae', k=1, seed=0, images=lab.load('train'), validation=lab.load('validation'))\n"
    )

    def train(folder):
        environment = os.environ | CHOICES | {"PYTHONPATH": str(ROOT)}
        subprocess.run(
            [sys.executable, "-c", program], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL
        )

    (path,) = once("trained", train).glob("checkpoints/*.safetensors")
    return path
