"""A small course with secrets in it, in which attacks and honest neighbours are graded.

All is looked at from outside the grader's process, so that a grader that was taken over, killed or stopped is seen, too.
"""

import json
import os
import secrets
import select
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import nbformat
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from autograder.publish import without_markers
from autograder.reporting.report import Report
from tests.attacks import watch
from tests.attacks.corpus import FOLDER, Attack
from tests.attacks.grader import Grader

ROOT = FOLDER.parent.parent
EXERCISES = ("reparameterize", "gaussian_log_prob", "kl_standard_normal")
CELLS = {  # of the assignment's notebook, by kind of course
    "small": (
        "imports",
        *(f"{test}{name}" for name in EXERCISES for test in ("", "test_")),
        "written_reparameterization",
    ),
    "trained": ("imports", "data", "encoder", "decoder", "elbo", "train_step", "settings", "train", "test_trained_vae"),
}
BASES = {"small": ("right", "blank"), "trained": ("trained", "untrained")}  # what is honest, what earns nothing
SECRETS = (
    *("the source", "a file of solutions", "the configuration", "the secret of the course", "a connection file"),
    *("the home of the grader", "the environment of the grader"),
    *(f"the {what} of a neighbour" for what in ("answer", "picture", "report", "name")),
)
VARIABLES = {
    "OMP_NUM_THREADS": "1",
    "COURSE_DATASET": "glyphs",
    "COURSE_BUDGET": "quick",
    "COURSE_DEVICE": "cpu",
    "COURSE_MEMORY_LIMIT_MIB": "1536",
    "COURSE_PROCESSES_LIMIT": "64",
    "COURSE_DISK_LIMIT_MIB": "64",
    "COURSE_FILES_LIMIT": "2000",
    "COURSE_OUTPUT_LIMIT_KIB": "64",
    "COURSE_NOTEBOOK_LIMIT_MIB": "4",
    "COURSE_CHECKPOINT_LIMIT_MIB": "16",
    "COURSE_MESSAGE_LIMIT_MIB": "64",
}
LONG = {"cell_timeout_s": 60, "call_timeout_s": 20, "submission_timeout_s": 120, "cpu_limit_s": 120}
SHORT = {"cell_timeout_s": 10, "call_timeout_s": 2, "submission_timeout_s": 120, "cpu_limit_s": 20}
GRACE_S = 60  # beyond the submission's time: stopping what cannot be interrupted, and a machine with other work
PLACES = (  # outside the course, where something may be left that others read or run later
    *("/tmp", "/var/tmp", "/dev/shm", "/run", "/etc", "/usr/local/bin", "/var/spool/cron", str(Path.home())),
    *map(str, (ROOT, ROOT / "autograder", ROOT / "lab", sysconfig.get_path("purelib"), Path(sys.executable).parent)),
)


class HarnessError(Exception):
    """The corpus cannot be graded here: nothing is said about any attack."""


# --- making a course -----------------------------------------------------------------------------------


def prepare(folder: Path, kind: str, level: str) -> None:
    """Make a course with secrets in it and around it, and grade an honest submission and one that earns nothing.

    Args:
        folder: where; a `Classroom` works on a copy.
        kind: "small", or "trained" for one with a trained model.
        level: of the sandbox.
    Raises:
        HarnessError: the two submissions do not get what they must.
    """
    course, home = folder / "course", folder / "home"
    known = {"kind": kind, "level": level, "decoys": {what: f"decoy{secrets.token_hex(12)}" for what in SECRETS}}
    decoys = known["decoys"]
    source = _source(kind)
    solution = next(cell for cell in source.cells if cell.metadata.get("nbgrader", {}).get("solution"))
    solution.source = solution.source.replace("### END", f"# {decoys['the source']}\n    ### END")
    key = {"key": decoys["a connection file"], "transport": "tcp", "ip": "127.0.0.1", "shell_port": 1}
    for path, text in {
        course / "source" / "vae" / "vae.ipynb": nbformat.writes(source),
        course / "solutions" / "vae.py": f"# {decoys['a file of solutions']}\n",
        course / "course_config.py": (ROOT / "course_config.py").read_text() + f"# {decoys['the configuration']}\n",
        course / "nbgrader_config.py": (ROOT / "nbgrader_config.py").read_text(),
        course / ".course_secret": decoys["the secret of the course"],
        home / ".ssh" / "id_ed25519": decoys["the home of the grader"],
        home / ".netrc": f"machine example.org password {decoys['the home of the grader']}\n",
        home / ".bashrc": "",
        home / ".local" / "share" / "jupyter" / "runtime" / "kernel-1.json": json.dumps(key),
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in ("temporary", "checkpoints"):
        (folder / name).mkdir()
    (folder / "known.json").write_text(json.dumps(known))
    _run(folder, "nbgrader", "generate_assignment", "vae")
    _run(folder, "nbgrader", "db", "student", "add", "ada", f"--last-name={decoys['the name of a neighbour']}")
    if kind == "trained":
        _run(folder, "tests.attacks.training", str(folder / "checkpoints"))
    honest, nothing = BASES[kind]
    for student, base in (("ada", honest), (nothing, nothing)):
        notebook = _base(folder, kind, base)
        place = _place(folder, student, base)
        if student == "ada":
            notebook.cells[-1].source += f"\n# {decoys['the answer of a neighbour']}"
            text = PngInfo()
            text.add_text("Comment", decoys["the picture of a neighbour"])
            Image.new("L", (2, 2)).save(place / "proof.png", pnginfo=text)
        nbformat.write(notebook, place / "vae.ipynb")
    grader = _grader(folder)
    reasons = grader.grade(_limits(LONG), LONG["submission_timeout_s"] + 2 * GRACE_S)
    grader.end()
    if reasons:
        raise HarnessError(f"{grader.log()[-3000:]}\nhonest submissions cannot be graded: {'; '.join(reasons)}")
    if not _report(folder, nothing).score < _report(folder, "ada").score:
        raise HarnessError(f"{_report(folder, 'ada').line()}: the scores do not tell right from wrong")
    told = _report(folder, "ada")
    told.model_copy(update={"notes": [decoys["the report of a neighbour"]]}).save(course / "reports")
    _run(folder, "nbgrader", "generate_feedback", "vae")  # her page shows what the report now says, and stays as it is


def _source(kind: str) -> nbformat.NotebookNode:
    notebook = nbformat.read(ROOT / "source" / "vae" / "vae.ipynb", as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id in CELLS[kind]]
    for cell in notebook.cells:
        if cell.id == "data":  # nothing is trained here: a few images will do
            cell.source = 'train_images = validation_images = lab.load("validation")'
    return notebook


def _base(folder: Path, kind: str, base: str) -> nbformat.NotebookNode:
    """Return the release, with the right answers in its cells unless it is to stay untouched."""
    notebook = nbformat.read(folder / "course" / "release" / "vae" / "vae.ipynb", as_version=4)
    answers = {cell.id: without_markers(cell.source) for cell in _source(kind).cells}
    for cell in notebook.cells:
        if base != "blank" and cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = answers[cell.id]
    return notebook


def _place(folder: Path, student: str, base: str) -> Path:
    """Make the folder that a student hands in, with a trained model where the base has one."""
    place = folder / "course" / "submitted" / student / "vae"
    place.mkdir(parents=True)
    if base == "trained":
        shutil.copytree(folder / "checkpoints", place / "checkpoints")
    return place


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", *command],
        cwd=folder / "course",
        env=_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise HarnessError(f"{done.stdout[-3000:]}\n{' '.join(command[:3])} ended with status {done.returncode}")


def _environment(folder: Path) -> dict[str, str]:
    known = json.loads((folder / "known.json").read_text())
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COURSE_")}
    own = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "temporary"), "PYTHONPATH": str(ROOT)}
    caches = ("MPLCONFIGDIR", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR")
    secret = {"GRADER_TOKEN": known["decoys"]["the environment of the grader"], "COURSE_SANDBOX": known["level"]}
    return inherited | VARIABLES | own | dict.fromkeys(caches, str(folder / "cache")) | secret


def _grader(folder: Path) -> Grader:
    return Grader(folder / "course", folder / "temporary", folder / "log", _environment(folder))


def _limits(limits: dict[str, int]) -> dict[str, str]:
    return {f"COURSE_{name.upper()}": str(value) for name, value in limits.items()}


def _report(folder: Path, student: str) -> Report:
    return Report.load(folder / "course" / "reports" / student / "vae" / "vae.json")


# --- grading in it -------------------------------------------------------------------------------------


class Classroom:
    """A copy of a prepared course, and the process that grades in it; use as a context manager.

    Args:
        template: folder made by `prepare`.
        folder: of this classroom; short, because the names of sockets are.
    """

    def __init__(self, template: Path, folder: Path):
        shutil.copytree(
            template, folder, ignore=shutil.ignore_patterns("pymp-*")
        )  # a socket of the grader's that made it
        self._template, self._folder, self._course = template, folder, folder / "course"
        known = json.loads((folder / "known.json").read_text())
        self._kind, self._finder = known["kind"], watch.Finder(known["decoys"])
        honest, nothing = BASES[self._kind]
        self._without = {honest: _report(folder, "ada").score, nothing: _report(folder, nothing).score}
        self._alone = _essence(_report(folder, "ada"))
        self._mark = f"attack-{secrets.token_hex(8)}"
        self._listeners, self._port = _listeners(self._mark)
        self._grader = _grader(folder)

    def __enter__(self) -> "Classroom":
        return self

    def __exit__(self, *_) -> None:
        self._grader.end()
        for one in self._listeners:
            one.close()
        self._marked()
        shutil.rmtree(self._folder, ignore_errors=True)

    def attack(self, attack: Attack) -> list[str]:
        """Grade an attack and return what it achieved; nothing where it was held."""
        student, limits = attack.student, SHORT if attack.family == "exhausting" else LONG
        self._hand_in(attack)
        before, rows = self._fingerprints(student), self._rows(student)
        started = time.monotonic()
        reasons = self._grade(limits)
        seconds, most = time.monotonic() - started, limits["submission_timeout_s"] + GRACE_S
        if seconds > most:
            reasons.append(f"took {seconds:.0f} s; at most {most} are allowed")
        reasons += self._judged(attack)
        after = self._fingerprints(student)
        changed = [path for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]
        reasons += [f"changed {path.relative_to(self._folder)}" for path in changed[:5]]
        if self._rows(student) != rows:
            reasons.append("changed what the gradebook says of others")
        written = [self._folder / "log", self._details, *watch.files(*self._own(student)), *changed]
        reasons += [f"passed on {what}" for what in self._finder.found(filter(watch.regular, written))]
        reasons += [f"left {path}" for path in self._marked()]
        if select.select(self._listeners, (), (), 0)[0]:
            reasons.append("reached somebody outside through a socket")
            for one in self._listeners:
                one.close()
            self._listeners, self._port = _listeners(self._mark)
        shutil.rmtree(self._course / "submitted" / student, ignore_errors=True)
        return reasons

    def neighbour(self) -> list[str]:
        """Grade an honest submission and return what is different from one that was graded before any attack."""
        if not (self._course / "submitted" / "bo").exists():
            honest = BASES[self._kind][0]
            nbformat.write(_base(self._folder, self._kind, honest), _place(self._folder, "bo", honest) / "vae.ipynb")
        reasons = self._grade(LONG, "--student=bo", "--force")
        if not reasons and _essence(_report(self._folder, "bo")) != self._alone:
            reasons.append(f"is graded otherwise: {_report(self._folder, 'bo').line()}")
        return reasons

    def restore(self) -> None:
        """Put course and home back as they were before the first attack."""
        for part in ("course", "home"):  # the folders themselves stay: the grader stands in one of them
            for path in (self._folder / part).iterdir():
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            shutil.copytree(self._template / part, self._folder / part, dirs_exist_ok=True)

    def log(self) -> str:
        """Return what the last grading printed."""
        return self._grader.log()

    def _hand_in(self, attack: Attack) -> None:
        place, notebook = (
            _place(self._folder, attack.student, attack.base),
            _base(self._folder, self._kind, attack.base),
        )
        if attack.submission is not None:
            attack.submission(place, notebook)
            return
        ids = [cell.id for cell in notebook.cells]
        where = {"": 0, "end": len(ids)} | (
            {"trained": ids.index("test_trained_vae")} if "test_trained_vae" in ids else {}
        )
        if attack.place in where:
            notebook.cells.insert(where[attack.place], nbformat.v4.new_code_cell(attack.code, id="attack"))
        else:
            next(cell for cell in notebook.cells if cell.id == attack.place).source = attack.code
        if "attacker" in attack.code:
            notebook.cells.insert(0, nbformat.v4.new_code_cell(self._knowledge(), id="attacker"))
        nbformat.write(notebook, place / "vae.ipynb")

    def _knowledge(self) -> str:
        """Return the code that makes the module `attacker` in a kernel."""
        known = {"COURSE": str(self._course), "HOME": str(self._folder / "home"), "KIT": str(ROOT)}
        known |= {"MARK": self._mark, "SIGNAL": self._mark, "PORT": self._port, "PLACES": PLACES}
        return (
            "import sys, types\n\nattacker = types.ModuleType('attacker')\n"
            f"exec({(FOLDER / 'attacker.py').read_text()!r}, attacker.__dict__)\n"
            f"attacker.__dict__.update({known | {'GRADER': self._grader.pid}!r})\nsys.modules['attacker'] = attacker\n"
        )

    def _grade(self, limits: dict[str, int], *options: str) -> list[str]:
        return self._grader.grade(_limits(limits), limits["submission_timeout_s"] + 2 * GRACE_S, *options)

    def _judged(self, attack: Attack) -> list[str]:
        try:
            report = _report(self._folder, attack.student)
        except (OSError, ValueError) as error:
            return [f"there is no report ({type(error).__name__})"]
        reasons = watch.judge(attack, report, self._without[attack.base])
        pages = sorted((self._course / "feedback" / attack.student).rglob("*.html"))
        reasons += [] if pages else ["there is no feedback page"]
        return reasons + [f"the feedback runs {what}" for page in pages for what in watch.active(page.read_text())]

    def _own(self, student: str) -> list[Path]:
        return [self._course / kind / student for kind in ("autograded", "feedback", "reports", "examined")]

    def _fingerprints(self, student: str) -> dict[Path, tuple]:
        own = self._own(student)
        return {
            path: watch.fingerprint(path)
            for path in watch.files(self._course, self._folder / "home")
            if not path.name.startswith("gradebook.db")
            and path != self._details
            and not any(map(path.is_relative_to, own))
        }

    @property
    def _details(self) -> Path:
        """What the grader says of every run, which changes with each."""
        return self._course / "reports" / "vae.log"

    def _rows(self, student: str) -> list:
        return watch.rows_of_others(self._course / "gradebook.db", student)

    def _marked(self) -> list[Path]:
        """Remove the files that an attack left where it could, and return where they were."""
        found = [Path(place, self._mark) for place in PLACES if Path(place, self._mark).exists()]
        for path in found:
            path.unlink()
        return found


def _essence(report: Report) -> list:
    """Return what of a report is the same for two students who hand in the same."""
    return [(outcome.test, outcome.status) for outcome in report.outcomes] + [report.marks, report.error]


def _listeners(name: str) -> tuple[list[socket.socket], int]:
    """Return sockets that somebody outside listens on, and the number of their port."""
    stream = socket.create_server(("127.0.0.1", 0))
    port = stream.getsockname()[1]
    datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagram.bind(("127.0.0.1", port))
    local = socket.socket(socket.AF_UNIX)
    local.bind(f"\0{name}")  # a name of the network namespace, not of a file
    local.listen()
    return [stream, datagram, local], port
