"""The pages for people: their links lead somewhere, and the commands, options and keys that they name exist."""

import contextlib
import functools
import io
import re
import shlex
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from nbgrader.apps.dbapp import DbApp, DbAssignmentApp, DbStudentApp
from nbgrader.apps.nbgraderapp import NbGraderApp
from pydantic_core import PydanticUndefined

from autograder import __main__, doctor
from autograder.course import Course

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
NESTED = {"db": DbApp, "db student": DbStudentApp, "db assignment": DbAssignmentApp}  # of nbgrader's commands
DRAWN = " $│▼▲├└─▶◀"  # what may stand before a command in a picture made of text
KEYS = Course.model_fields


class Code(NamedTuple):
    """Code on a page; `shell` where each line is a command."""

    text: str
    shell: bool


@functools.cache
def tokens(page: Path) -> list[Token]:
    """Return a page's blocks and, after each, what stands in it."""
    found = []
    for block in MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8")):
        found += [block, *(block.children or ())]
    return found


def code_of(page: Path) -> list[Code]:
    """Return the code on a page."""
    return [
        Code(token.content, token.type == "code_inline" or token.info == "sh")
        for token in tokens(page)
        if token.type in ("code_inline", "fence", "code_block")
    ]


def anchors(page: Path) -> set[str]:
    """Return what links to a page's headings end in: small letters, without signs, a hyphen for each space."""
    every = tokens(page)
    titles = [after.content for token, after in zip(every, every[1:], strict=False) if token.type == "heading_open"]
    plain = [unicodedata.normalize("NFC", title.replace("`", "")).lower() for title in titles]
    return {re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-") for title in plain}


def commands(code: Code) -> Iterator[list[str]]:
    """Yield the commands in code, each as its words: in a shell's all, elsewhere what begins a line."""
    for line in code.text.splitlines():
        line = re.sub(r"\s#.*", "", line.lstrip(DRAWN))
        if not code.shell:
            line = re.split(r"\s{3,}", line)[0]
        try:
            words = shlex.split(line)
        except ValueError:  # an apostrophe
            words = line.split()
        for part in " ".join(map(shlex.quote, words)).replace("'&&'", "\0").replace("'|'", "\0").split("\0"):
            command = shlex.split(part)
            while command and re.fullmatch(r"[A-Z_]+=.*", command[0]):
                command = command[1:]
            if command:
                yield command


@functools.cache
def options_of(command: str) -> set[str]:
    """Return the options of one of our commands."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        __main__.main([command, "--help"])
    return set(re.findall(r"--[a-z-]+", said.getvalue()))


def problem(words: list[str]) -> str:
    """Return what is wrong with a command that a page names; empty where nothing is, or it is none of ours."""
    if words[:3] == ["python", "-m", "autograder"]:
        known, named, options = set(__main__.COMMANDS), words[3:4], options_of
    elif words[0] == "nbgrader":
        depth = next((n for n in (2, 1) if " ".join(words[1 : n + 1]) in NESTED), 0)
        app = NESTED.get(" ".join(words[1 : depth + 1]), NbGraderApp)
        known, named, options = set(app.subcommands), words[depth + 1 : depth + 2], nbgraders_options(app)
    elif words[0] == "make":
        text = (ROOT / "Makefile").read_text()
        for word in words[1:]:
            name, is_variable, _ = word.partition("=")
            there = f"$({name})" in text if is_variable else re.search(rf"^{re.escape(word)}:.*##", text, re.MULTILINE)
            if not there:
                return f"make has no {word}"
        return ""
    else:
        return ""
    for name in named:
        if name not in known:
            return f"no such command: {name}"
        for word in words:
            option = word.partition("=")[0]
            if option.startswith("--") and option not in options(name):
                return f"{name} has no {option}"
    return ""


def nbgraders_options(app: type):
    """Return a function that gives the options of one of the commands of a program of nbgrader."""

    def options(name: str) -> set[str]:
        one = app.subcommands[name][0]
        return {f"--{option}" for option in (*one.flags, *one.aliases)}

    return options


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page):
    """Every command that a page names is there, with the options that it is shown with."""
    found = [" ".join(words) for code in code_of(page) for words in commands(code) if problem(words)]
    assert found == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("python -m autograder grad vae", "no such command: grad"),
        ("python -m autograder grades vae --force", "grades has no --force"),
        ("nbgrader autograd vae", "no such command: autograd"),
        ("  │  COURSE_BUDGET=quick nbgrader autograde vae --workers=3", "autograde has no --workers"),
        ("nbgrader db student import students.csv --to x", "import has no --to"),
        ("make demo && make nothing  # a remark", "make has no nothing"),
        ("make suites B=iwae", "make has no B=iwae"),
    ],
)
def test_wrong_commands_are_seen(line, said):
    """What does not exist is found, wherever it stands in a line."""
    assert [problem(words) for words in commands(Code(line, shell=True)) if problem(words)] == [said]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Every relative link leads to a file, and where it names a heading, to that heading; those of docs/ stay in docs/."""
    broken = []
    for link in (str(token.attrs["href"]) for token in tokens(page) if token.type == "link_open"):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, heading = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        inside = target.is_relative_to(DOCS) or page.parent != DOCS
        if not target.exists() or not inside or (heading and heading not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_keys_exist(page):
    """Every key of course_config.py that a page sets, there or by a variable, is one."""
    texts = [code.text for code in code_of(page)]
    inline = [token.content for token in tokens(page) if token.type == "code_inline"]
    named = {found[1] for text in inline if (found := re.fullmatch(r"([a-z_]+) ?= ?[^=].*", text))}
    named |= {name.lower() for text in texts for name in re.findall(r"\bCOURSE_([A-Z_]+)\b", text)}
    assert named - KEYS.keys() == set()


def test_every_key_is_described():
    """adapting.md has a row for every key, and no other; a default that it names is the default."""
    text = (DOCS / "adapting.md").read_text(encoding="utf-8")
    described = {}
    for table in re.findall(r"^\| key \|.*\n(?:\|.*\n)+", text, re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
        for key, value, *_ in rows:
            described[key.strip("`")] = value if head[1] == "default" else None
    assert described.keys() == KEYS.keys()
    defaults = {key: default for key, default in described.items() if default is not None}
    assert len(defaults) > 15
    for key, default in defaults.items():
        assert KEYS[key].default is not PydanticUndefined
        value = KEYS[key].default
        shown = value.as_posix() if isinstance(value, Path) else repr(value).replace("'", '"')
        assert default.strip("`").replace(" ", "") == shown, key


def test_pages_ask_nothing_of_other_machines():
    """No page holds HTML, a picture from elsewhere, or a diagram that a script from elsewhere draws."""
    for page in PAGES:
        for token in tokens(page):
            assert token.type not in ("html_block", "html_inline"), (page, token.content)
            assert token.type != "image" or "//" not in str(token.attrs["src"]), page
            assert token.type != "fence" or token.info in ("sh", "text", "python", ""), (page, token.info)
    assert yaml.safe_load((ROOT / "mkdocs.yml").read_text())["theme"]["font"] is False


def test_every_page_is_in_the_navigation():
    """The site's navigation names every page once."""

    def pages(entry) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        return [name for each in (entry.values() if isinstance(entry, dict) else entry) for name in pages(each)]

    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    assert sorted(pages(nav)) == sorted(page.name for page in DOCS.glob("*.md"))


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "first-hour.md"], ids=lambda page: page.stem)
def test_page_shows_every_line_of_doctor(page):
    """What a page prints of doctor names all that it looks at, in its order."""
    (shown,) = [code.text for code in code_of(page) if re.match(r"ok +python ", code.text)]
    named = [line.split()[1] for line in shown.splitlines()]
    assert named == [name for name, _ in doctor.checks(Course(course_id="c", assignments=("vae",)))]
