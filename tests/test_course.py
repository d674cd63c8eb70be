"""The course's configuration: what is allowed, where values come from, and what an error says."""

import os
import stat
from pathlib import Path

import pytest

from autograder.course import ROOT, ConfigError, Course, load


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    """Tests start without COURSE_* variables."""
    for name in list(os.environ):
        if name.upper().startswith("COURSE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def course_of(tmp_path):
    """Return a function that writes a course_config.py with these values and loads it."""

    def make(source=None, **values):
        values = {"course_id": "vae", "assignments": ("vae",)} | values
        text = ", ".join(f"{key}={value!r}" for key, value in values.items() if value is not ...)
        source = source or f"from autograder.course import Course\ncourse = Course({text})\n"
        (tmp_path / "course_config.py").write_text(source)
        return load(tmp_path)

    return make


def test_the_kits_own_configuration_is_valid():
    """course_config.py of the kit can be used as it is."""
    assert load().root == ROOT


def test_course_has_defaults_and_absolute_folders(course_of, tmp_path):
    """What is not set has a default; a relative data folder is the course's."""
    course = course_of()
    assert (course.dataset, course.budget, course.training, course.sandbox) == (
        "mnist",
        "standard",
        "weights",
        "bubblewrap",
    )
    assert (course.root, course.data) == (tmp_path, tmp_path / "data")
    assert course_of(data="/srv/data").data == Path("/srv/data")


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("course_id", "vae course", "expected a letter, then letters, digits, - and _"),
        ("course_id", "../vae", "expected a letter, then"),
        ("course_id", ..., "Field required"),
        ("assignments", (), "at least 1 item"),
        ("assignments", ("../vae",), "expected a letter, then"),
        ("dataset", "imagenet", "'mnist', 'fashion' or 'glyphs'"),
        ("budget", "huge", "'quick', 'standard' or 'full'"),
        ("device", "tpu", "'auto', 'cpu' or 'cuda'"),
        ("training", "trust", "'weights' or 'retrain'"),
        ("gate_margin_nats", -0.1, "greater than or equal to 0"),
        ("gate_margin_nats", "much", "valid number"),
        ("gate_width_nats", 0, "greater than 0"),
        ("gate_width_nats", float("1e400"), "finite number"),
        ("suspicious_nats", -1, "greater than 0"),
        ("cell_timeout_s", 0, "greater than 0"),
        ("call_timeout_s", 1.5, "valid integer"),
        ("submission_timeout_s", -1, "greater than 0"),
        ("memory_limit_mib", "8 GB", "valid integer"),
        ("notebook_limit_mib", 0, "greater than 0"),
        ("checkpoint_limit_mib", None, "valid integer"),
        ("message_limit_mib", 0, "greater than 0"),
        ("output_limit_kib", 0, "greater than 0"),
        ("gradebook", "gradebook.db", "expected the URL of a database, as sqlite:///gradebook.db"),
        ("sandbox", "docker", "'none'"),
        ("bugdet", "quick", "there is no such setting; did you mean budget"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_wrong_value_is_named_with_what_is_allowed(course_of, key, value, allowed):
    """An error is one line that names the file, the key, the value and what is allowed."""
    if value == float("inf"):
        with pytest.raises(ConfigError, match=f"course_config.py: {key} = inf: .*{allowed}"):
            course_of(
                f"from autograder.course import Course\ncourse = Course(course_id='v', assignments=('v',), {key}=1e400)"
            )
        return
    with pytest.raises(ConfigError) as caught:
        course_of(**{key: value})
    text = str(caught.value)
    assert all(line.startswith(f"course_config.py: {key}") for line in text.splitlines())
    assert allowed in text
    if value not in (..., ()):
        shown = value[0] if isinstance(value, tuple) else value
        assert f" = {shown!r}: " in text


def test_every_wrong_value_has_its_line(course_of):
    """Several mistakes are reported at once, a line each."""
    with pytest.raises(ConfigError) as caught:
        course_of(budget="huge", call_timeout_s=0, dataset="imagenet")
    assert [line.split(" = ")[0].split(": ")[1] for line in str(caught.value).splitlines()] == [
        "dataset",
        "budget",
        "call_timeout_s",
    ]


# --- environment -----------------------------------------------------------------------------------


def test_environment_overrides_the_file(course_of, monkeypatch, tmp_path):
    """A variable COURSE_<NAME> wins over the file for one command."""
    monkeypatch.setenv("COURSE_BUDGET", "quick")
    monkeypatch.setenv("COURSE_CALL_TIMEOUT_S", "3")
    monkeypatch.setenv("COURSE_DATA", "elsewhere")
    monkeypatch.setenv("COURSE_ASSIGNMENTS", '["vae", "iwae"]')
    course = course_of(budget="full", call_timeout_s=9)
    assert (course.budget, course.call_timeout_s, course.data) == ("quick", 3, tmp_path / "elsewhere")
    assert course.assignments == ("vae", "iwae")


def test_other_variables_have_no_say(course_of, monkeypatch):
    """A variable that names no key, or lacks the prefix, changes nothing."""
    monkeypatch.setenv("COURSE_COLOUR", "red")
    monkeypatch.setenv("BUDGET", "quick")
    assert course_of().budget == "standard"


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("budget", "huge", "'quick', 'standard' or 'full'"),
        ("cell_timeout_s", "soon", "valid integer"),
        ("dataset", "", "'mnist', 'fashion' or 'glyphs'"),
        ("assignments", "vae", "expected JSON, as '[\"vae\"]'"),
        ("assignments", '["../vae"]', "expected a letter, then"),
    ],
    ids=lambda value: value[:12],
)
def test_wrong_variable_is_named(course_of, monkeypatch, key, value, allowed):
    """A wrong value from the environment is blamed on the variable, not on the file."""
    monkeypatch.setenv(f"COURSE_{key.upper()}", value)
    with pytest.raises(ConfigError) as caught:
        course_of()
    text = str(caught.value)
    assert text.startswith(f"the environment variable COURSE_{key.upper()}: {key}")
    assert repr(value) in text
    assert allowed in text


# --- a broken file ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("course = Course(", "SyntaxError"),
        ("import no_such_module", "no_such_module"),
        ("x = 1", "no attribute 'course'"),
        ("course = {'course_id': 'vae'}", "`course` is dict; expected autograder.course.Course"),
        ("1 / 0", "ZeroDivisionError"),
    ],
    ids=["syntax", "import", "nothing", "type", "error"],
)
def test_broken_file_is_a_config_error(course_of, source, problem):
    """A file that does not run, or holds no course, is reported with its name and the reason."""
    with pytest.raises(ConfigError, match=f"^course_config.py: .*{problem}"):
        course_of(source)


def test_missing_file_is_a_config_error(tmp_path):
    """A folder without course_config.py is no course."""
    with pytest.raises(ConfigError, match="course_config.py: not found in"):
        load(tmp_path)


# --- the secret ------------------------------------------------------------------------------------


def test_secret_is_made_once_and_private(course_of, tmp_path):
    """Without a configured secret, one is made, kept for every later run, and readable by its owner alone."""
    first = course_of().key
    path = tmp_path / ".course_secret"
    assert len(first) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert course_of().key == path.read_text() == first
    assert [file.name for file in tmp_path.glob(".course_secret*")] == [".course_secret"]


def test_secret_of_another_process_wins(course_of, tmp_path, monkeypatch):
    """Where another process makes the file at the same moment, both use the same secret."""
    course, path = course_of(), tmp_path / ".course_secret"
    true_exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda self: self != path and true_exists(self))
    path.write_text("theirs")
    assert course.key == "theirs"


def test_empty_secret_file_is_refused(course_of, tmp_path):
    """Inputs are never drawn from an empty secret."""
    (tmp_path / ".course_secret").write_text("\n")
    with pytest.raises(ConfigError, match=r".course_secret: is empty; remove the file"):
        _ = course_of().key


def test_configured_secret_needs_no_file(course_of, tmp_path, monkeypatch):
    """A secret from the file or the environment is used as it is."""
    assert course_of(secret="of the course").key == "of the course"
    monkeypatch.setenv("COURSE_SECRET", "of the machine")
    assert course_of(secret="of the course").key == "of the machine"
    assert not (tmp_path / ".course_secret").exists()


def test_secret_is_never_shown(course_of):
    """Neither a printed configuration nor an error shows the secret."""
    assert "hush" not in repr(course_of(secret="hush")) + str(course_of(secret="hush"))
    for wrong in ({"budget": "huge"}, {"course_id": ...}):
        with pytest.raises(ConfigError) as caught:
            course_of(secret="hush", **wrong)
        assert "hush" not in str(caught.value)
    with pytest.raises(ConfigError, match="secret: Input should be a valid string") as caught:
        course_of(secret=987654)
    assert "987654" not in str(caught.value)


def test_course_cannot_be_changed():
    """A configuration that was read stays as it is."""
    course = Course(course_id="vae", assignments=("vae",))
    with pytest.raises(ValueError, match="frozen"):
        course.budget = "quick"
