"""The course's configuration: what can be set, in which unit, within which bounds. `course_config.py` holds the values.

Read at the doors (nbgrader_config.py, the command line) and passed down. Errors name the key, the value and what is allowed.
"""

import contextlib
import difflib
import importlib.util
import os
import secrets
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

ROOT = Path(__file__).resolve().parent.parent

EXAMPLES = {"assignments": '["vae"]', "due": '{"vae": "2026-10-30 23:59"}'}
NAME = "expected a letter, then letters, digits, - and _, 64 characters at most"
DATABASE = "expected the URL of a database, as sqlite:///gradebook.db or postgresql://user@host/gradebook"
Positive = Annotated[int, Field(gt=0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]


class ConfigError(Exception):
    """The configuration, or what it points to, cannot be used; the text is one line per problem."""


class Course(BaseSettings):
    """All that an instructor decides about a course."""

    model_config = SettingsConfigDict(env_prefix="COURSE_", extra="forbid", frozen=True, hide_input_in_errors=True)

    course_id: Name
    secret: SecretStr = Field(
        SecretStr(""), description="inputs of hidden tests are drawn from it; empty: a file .course_secret, made once"
    )
    assignments: tuple[Name, ...] = Field(min_length=1)
    dataset: Literal["mnist", "fashion", "glyphs"] = "mnist"
    data: Path = Field(Path("data"), description="folder of torchvision's data files")
    budget: Literal["quick", "standard", "full"] = "standard"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    training: Literal["weights", "retrain"] = "weights"
    gate_margin_nats: float = Field(
        1.5, ge=0, allow_inf_nan=False, description="full marks down to this far below the reference, at least"
    )
    gate_width_nats: float = Field(6.0, gt=0, allow_inf_nan=False, description="from full marks to none, linearly")
    suspicious_nats: float = Field(5.0, gt=0, description="a result better than every reference by more is flagged")
    cell_timeout_s: Positive = Field(900, description="processor seconds of one cell; on the clock six times as much")
    call_timeout_s: Positive = Field(10, description="processor seconds of one call; on the clock six times as much")
    submission_timeout_s: Positive = Field(
        3600, description="on the clock, all kernels together; what is not reached is not graded"
    )
    cpu_limit_s: Positive = Field(7200, description="processor seconds of one kernel and all it starts")
    # with less than the least, torch's own libraries are read from disk again and again
    memory_limit_mib: int = Field(8192, ge=1536, description="of one kernel and all it starts")
    processes_limit: Positive = Field(256, description="processes and threads of one kernel")
    disk_limit_mib: Positive = Field(1024, description="files that one kernel may hold at a time")
    files_limit: Positive = Field(20_000, description="number of these files")
    notebook_limit_mib: Positive = 16
    checkpoint_limit_mib: Positive = 256
    message_limit_mib: Positive = 256
    output_limit_kib: Positive = 256
    submission_time: Literal["checked", "collected"] = Field(
        "checked", description="collected: timestamp.txt counts even where the notebook was changed after it"
    )
    due: dict[Name, datetime] = Field(
        {}, description="when each assignment is due, in `time_zone` where no other stands there"
    )
    time_zone: str = Field("UTC", description="of the due dates, by its name, as Europe/Berlin")
    late_share_per_day: float = Field(
        0.0, ge=0, le=1, description="of an assignment's points that each day begun after the due date costs"
    )
    late_grace_minutes: int = Field(0, ge=0, description="so much later is not late")
    roster: Path = Field(Path("roster.csv"), description="who takes the course; see autograder/roster.py")
    show_mark_schemes: bool = Field(False, description="whether feedback shows the mark schemes of written answers")
    gradebook: str = Field("sqlite:///gradebook.db", pattern=r"^[a-z0-9+]+://")
    sandbox: Literal["bubblewrap", "landlock", "none"] = Field(
        "bubblewrap", description="isolation of the kernel that runs a submission"
    )

    @classmethod
    def settings_customise_sources(
        cls, settings_cls, init_settings, env_settings, dotenv_settings, file_secret_settings
    ):
        """Let COURSE_* variables win over course_config.py."""
        return env_settings, init_settings

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            near = difflib.get_close_matches(name, available_timezones(), n=3)
            raise ValueError(f"no time zone is called so{': did you mean ' + ', '.join(near) if near else ''}")
        return name

    def due_utc(self, assignment: str) -> datetime | None:
        """Return when an assignment is due, in UTC and without a zone, as nbgrader keeps it; None where nothing is said."""
        due = self.due.get(assignment)
        if due is None:
            return None
        local = due if due.tzinfo else due.replace(tzinfo=ZoneInfo(self.time_zone))
        return local.astimezone(UTC).replace(tzinfo=None)

    def due_of_nothing(self) -> str:
        """Return the names with a due date that are no assignment of the course, nor one that lies in source/; a command may be for a part."""
        names = [
            name for name in self.due if name not in self.assignments and not (self.root / "source" / name).is_dir()
        ]
        return ", ".join(names)

    root: Path = Field(ROOT, description="the course's folder; set by `load`")

    @property
    def key(self) -> str:
        """The secret: the configured one, or that of .course_secret, which is made where it is missing.

        Raises:
            ConfigError: .course_secret is empty.
        """
        if self.secret.get_secret_value():
            return self.secret.get_secret_value()
        path = self.root / ".course_secret"
        if not path.exists():
            # written whole before it gets its name: another process never reads half of it
            descriptor, partial = tempfile.mkstemp(dir=self.root, prefix=".course_secret")
            with open(descriptor, "w") as file:
                file.write(secrets.token_hex(16))
            with contextlib.suppress(FileExistsError):
                os.link(partial, path)
            os.unlink(partial)
        if not (text := path.read_text().strip()):
            raise ConfigError(".course_secret: is empty; remove the file, or write a long random text into it.")
        return text


def load(root: Path | None = None) -> Course:
    """Return the configuration of the course in `root`; by default, that of the folder this package stands in.

    Raises:
        ConfigError: course_config.py is missing, broken, or holds a wrong value.
    """
    root = ROOT if root is None else root.resolve()
    path = root / "course_config.py"
    if not path.is_file():
        raise ConfigError(f"course_config.py: not found in {root}; a course's folder holds one.")
    spec = importlib.util.spec_from_file_location("course_config", path)
    assert spec is not None, path  # Python knows how to load a .py file
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        course = module.course
    except ValidationError as error:
        raise ConfigError("\n".join(_problem(problem) for problem in error.errors())) from None
    except SettingsError as error:  # of a value that is no plain word
        key = next(key for key in EXAMPLES if f'"{key}"' in str(error))
        variable = f"COURSE_{key.upper()}"
        message = f"the environment variable {variable}: {key} = {os.environ.get(variable)!r}: expected JSON"
        raise ConfigError(f"{message}, as '{EXAMPLES[key]}'.") from None
    except Exception as error:
        raise ConfigError(f"course_config.py: {type(error).__name__}: {error}") from None
    if not isinstance(course, Course):
        raise ConfigError(f"course_config.py: `course` is {type(course).__name__}; expected autograder.course.Course.")
    return course.model_copy(update={"root": root, "data": root / course.data})  # an absolute folder stays as it is


def _problem(problem: ErrorDetails) -> str:
    key = ".".join(map(str, problem["loc"])) or "course"
    variable = f"COURSE_{key.split('.')[0].upper()}"
    where = f"the environment variable {variable}" if variable in os.environ else "course_config.py"
    value = os.environ.get(variable, problem.get("input"))
    hidden = key == "secret" or problem["type"] == "missing"  # of a missing key, the value is that of all others
    shown = "" if hidden else f" = {value!r}"
    return f"{where}: {key}{shown}: {_in_words(key, problem)}."


def _in_words(key: str, problem: ErrorDetails) -> str:
    """Return what is wrong with a value, where pydantic has no plain words for it."""
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, Course.model_fields, n=1)
        return f"there is no such setting; did you mean {near[0]}" if near else "there is no such setting"
    if problem["type"] == "string_pattern_mismatch":
        return DATABASE if key == "gradebook" else NAME
    if problem["type"] == "value_error":
        return problem["msg"].removeprefix("Value error, ")
    return problem["msg"]
