"""The lab's environment variables: defaults, choices and errors."""

from pathlib import Path

import pytest
import torch

from lab import environment

VARIABLES = ("COURSE_DATASET", "COURSE_DATA", "COURSE_BUDGET", "COURSE_DEVICE")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_environment_has_defaults():
    """Without variables a notebook trains on MNIST in ./data with the standard budget."""
    assert (environment.dataset(), environment.budget()) == ("mnist", "standard")
    assert environment.data_root() == Path("data")
    assert environment.device().type in ("cpu", "cuda")


def test_environment_reads_variables_at_each_call(monkeypatch):
    """A variable that changes takes effect at once."""
    monkeypatch.setenv("COURSE_DATASET", "glyphs")
    monkeypatch.setenv("COURSE_DATA", "elsewhere")
    monkeypatch.setenv("COURSE_BUDGET", "quick")
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    assert (environment.dataset(), environment.budget()) == ("glyphs", "quick")
    assert (environment.data_root(), environment.device()) == (Path("elsewhere"), torch.device("cpu"))


@pytest.mark.parametrize(
    ("variable", "read"),
    [
        ("COURSE_DATASET", environment.dataset),
        ("COURSE_BUDGET", environment.budget),
        ("COURSE_DEVICE", environment.device),
    ],
)
def test_environment_names_a_wrong_value(monkeypatch, variable, read):
    """A wrong value is reported with the variable, the value and what is allowed."""
    monkeypatch.setenv(variable, "imagenet")
    with pytest.raises(ValueError, match=rf"{variable} is 'imagenet', expected one of \w+, \w+"):
        read()


def test_device_is_refused_when_it_does_not_work(monkeypatch):
    """Asking for cuda without a GPU is an error that says what to set."""
    monkeypatch.setenv("COURSE_DEVICE", "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"COURSE_DEVICE is 'cuda'.*set it to 'auto' or 'cpu'"):
        environment.device()
    monkeypatch.setenv("COURSE_DEVICE", "auto")
    assert environment.device() == torch.device("cpu")


@pytest.fixture
def given(tmp_path, monkeypatch):
    """Return a function that writes the file that comes with a release."""

    def write(text):
        monkeypatch.setattr(environment, "COURSE", tmp_path / "course.json")
        environment.COURSE.write_text(text)

    return write


def test_course_is_what_the_release_says(given, monkeypatch):
    """The data set and budget that come with the release are the defaults; a variable wins over them."""
    given('{"dataset": "fashion", "budget": "full"}')
    assert (environment.dataset(), environment.budget()) == ("fashion", "full")
    monkeypatch.setenv("COURSE_DATASET", "glyphs")
    assert (environment.dataset(), environment.budget()) == ("glyphs", "full")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "lab/course.json says no dataset"),
        ('["mnist"]', "lab/course.json says no dataset"),
        ('{"budget": "full"}', "lab/course.json says no dataset"),
        ('{"dataset": "imagenet"}', "lab/course.json says that the dataset is 'imagenet', expected one of mnist, "),
        ('{"dataset": ["mnist"]}', "lab/course.json says that the dataset is .'mnist'., expected one of mnist, "),
    ],
    ids=["no JSON", "a list", "no data set", "another", "no word"],
)
def test_damaged_file_of_the_course_is_named(given, monkeypatch, text, message):
    """What is wrong with it is said with what to do, and a variable makes it unneeded."""
    given(text)
    with pytest.raises(ValueError, match=f"{message}.*put back the file that you were given"):
        environment.dataset()
    monkeypatch.setenv("COURSE_DATASET", "glyphs")
    assert environment.dataset() == "glyphs"
