"""What a submission wrote, made safe to show: nothing of it runs, is fetched, or can be clicked in feedback and formgrader.

Both pages come from nbconvert's HTMLExporter, whose templates escape nothing by themselves. `Plain` rebuilds the notebook before a template sees
it, and the filters clean all HTML and markdown that a template puts into the page. `door.preprocessors` calls `plain` for what is stored. Not here: what a
submission may contain (`intake`), and how a report reads (`report`).

Links are shown as text: formgrader obeys any GET request that carries the grader's cookie (`?path=` runs a folder's nbgrader_config.py), so that a
link, or a picture from an address, would be a command.
"""

import html
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import nbformat
import nh3
from jinja2 import pass_context
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from pygments.token import STANDARD_TYPES

from autograder.course import Course
from autograder.reporting import mathematics
from autograder.text import writable

# in characters; mistune takes up to 1.3 s for a text of this length, and four times as long for one of twice the length
MAX_MARKDOWN = 20_000
MAX_PAGE_MARKDOWN = 400_000
MAX_PAGE_CODE = 1_000_000
MAX_PAGE_OUTPUTS = 2**22
MAX_TAGS = 10_000  # of one piece of HTML: nested tags, too, take quadratic time
MAX_ATTRIBUTES = 100  # of one tag: they take quadratic time
MAX_LINE = 1000  # of code that is coloured: a line of names with dots takes quadratic time, 1 s for 10,000 characters
BASE64 = ("image/png", "image/jpeg")
# the kinds of output; SVG becomes a picture, in which nothing runs and nothing is fetched
SHOWN = ("text/html", "text/markdown", "text/latex", "image/svg+xml", *BASE64, "text/plain")
CUT = "[cut: the page would be too long]"
UNKNOWN = "[This output is of no kind that can be shown.]"

PICTURE = re.compile(
    r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/=\s]+"
    r"|(\w[\w .-]*/)*\w[\w .-]*\.(png|jpe?g|gif)",  # of the submission: no address, no query, no way up
    re.IGNORECASE,
)
VALUES = {
    "src": PICTURE,
    "style": re.compile(r"text-align: ?(left|center|right);?"),  # how markdown aligns the columns of a table
    **dict.fromkeys(("width", "height", "start", "colspan", "rowspan"), re.compile(r"\d{1,4}")),
}
MATHEMATICAL = re.compile(r"[A-Za-z0-9.%+ -]{0,80}")  # lengths, and words that MathML knows
# a tag's begin, and one attribute as HTML's tokenizer finds it, with the spaces and strokes before it
TAG = re.compile(r"</?[A-Za-z][^\s/>]*+")
ATTRIBUTE = re.compile(r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"?|'[^']*+'?|[^\s>]*+))?""")
# commands that make links and set attributes; their arguments are typeset instead
TEX_COMMAND = re.compile(r"\\(href|style|class|cssId|require)(?![A-Za-z])")
DOLLARS = re.compile(r"(\$\$[^$]+\$\$|\$[^$]+\$)")
GRADE_ID = re.compile(r"[A-Za-z0-9_-]+")
TAGS = nh3.ALLOWED_TAGS - {"a", "wbr"} | {"input"} | mathematics.TAGS


def _value(tag: str, attribute: str, value: str) -> str | None:
    """Return the value of an allowed attribute, or None where it is not of the form it may have."""
    form = MATHEMATICAL if tag in mathematics.TAGS else VALUES.get(attribute)
    return value if form is None or form.fullmatch(value.strip()) else None


# no id and no name, which formgrader finds its score boxes by; of the classes, only those of highlighted code
_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes={
        "img": {"src", "alt", "width", "height"},
        "input": {"checked"},
        "ol": {"start"},
        **dict.fromkeys(("td", "th"), {"colspan", "rowspan", "style"}),
        **mathematics.ATTRIBUTES,
    },
    attribute_filter=_value,
    set_tag_attribute_values={
        "input": {"type": "checkbox", "disabled": ""},  # of task lists
        "table": {"class": "table table-condensed"},  # as both pages' stylesheet knows it, with space between columns
    },
    url_schemes={"data"},
    allowed_classes={"div": {"highlight"}, "span": set(STANDARD_TYPES.values()) - {""}},
)

_coloured = Highlight2HTML(pygments_lexer="ipython3")


def clean_html(text: object) -> str:
    """Return HTML of which only text, structure, tables and embedded pictures are left; takes the place of nbconvert's filter."""
    text = str(text)
    return _as_is(text) if _too_many(text) else inert_tex(_cleaner.clean(text))


def code_to_html(source: str, language: str | None = None, metadata: object = None) -> str:
    """Return a code cell as HTML, coloured where its lines are not too long for that; takes the place of nbconvert's filter."""
    if _longest(source) > MAX_LINE:
        return f'<div class="highlight"><pre>{html.escape(source)}</pre></div>'
    return _coloured(source)


def latex_to_html(text: str) -> str:
    """Return an output of LaTeX as clean HTML: formulas between dollars are set, and everything else is text."""
    parts = [
        _formula(part, part.startswith("$$")) if part.startswith("$") else html.escape(part)
        for part in DOLLARS.split(text[:MAX_MARKDOWN])
    ]
    return clean_html("".join(parts) + CUT * (len(text) > MAX_MARKDOWN))


def inert_tex(text: str) -> str:
    r"""Return TeX in which nothing finds a link and no attribute: `\href{u}{t}` shows u and t."""
    return TEX_COMMAND.sub(r"\\mathrm", text)


@pass_context
def markdown_to_html(context, source: str, attachments: Mapping | None = None) -> str:
    """Return a markdown cell, output or comment as clean HTML; as it is, where it is too long or cannot be rendered.

    Args:
        attachments: pictures of the cell; by default, of the `cell` that nbconvert's templates have in their context.
    """
    resources = context.get("resources", {})
    resources["markdown_shown"] = resources.get("markdown_shown", 0) + len(source)
    if len(source) > MAX_MARKDOWN or resources["markdown_shown"] > MAX_PAGE_MARKDOWN:
        return _as_is(source)
    attached = dict(context.get("cell", {}).get("attachments") or {}) if attachments is None else dict(attachments)
    renderer = Renderer(escape=False, attachments=attached, exclude_anchor_links=True)
    try:
        made = str(MarkdownWithMath(renderer=renderer).render(source))
        return _as_is(source) if _too_many(made) else clean_html(made)
    except Exception:  # an attachment is missing, or quotes stand in quotes in quotes ...
        return _as_is(source)


def unchanged(text: str) -> str:
    """Return `text`; takes the place of nbconvert's strip_files_prefix, which would make new addresses of what is clean."""
    return text


class Renderer(IPythonRenderer):
    """nbconvert's renderer, with links as text, formulas as MathML, and only Python highlighted: some lexers hang on what is made for it."""

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """Return the text of a link, and its address where that is not the text."""
        return text if html.unescape(text) == url else f"{text} ({html.escape(url)})"

    def block_code(self, code: str, info: str | None = None) -> str:
        """Return a block of code."""
        python = info and info.strip() in ("python", "python3", "py") and _longest(code) <= MAX_LINE
        return super().block_code(code, info if python else None)

    def block_math(self, body: str) -> str:
        """Return a formula that stands alone."""
        return _formula(f"$${body}$$", block=True)

    def inline_math(self, body: str) -> str:
        """Return a formula within a line."""
        return _formula(f"${body}$")

    def latex_environment(self, name: str, body: str) -> str:
        """Return an environment of LaTeX that stands alone."""
        return _formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)


class Plain(Preprocessor):
    """Rebuilds a notebook for HTMLExporter's templates; one of its preprocessors, for feedback and for formgrader."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Return the notebook without metadata, with plain outputs, and the resources with escaped names."""
        for key in ("student", "first_name", "last_name", "notebook_path"):
            if resources.get(key):
                resources[key] = html.escape(str(resources[key]))
        plain(nb)
        nb.metadata = NotebookNode()
        left = MAX_PAGE_CODE
        for cell in nb.cells:
            nbgrader = cell.metadata.get("nbgrader", {})
            cell.metadata = NotebookNode()
            if GRADE_ID.fullmatch(nbgrader.get("grade_id", "")):
                cell.metadata["nbgrader"] = nbgrader
            if cell.cell_type == "raw":
                cell.source = _as_is(cell.source)
            elif cell.cell_type == "code":
                cell.source = cell.source if len(cell.source) <= left else f"{cell.source[:left]}\n# {CUT}"
                left = max(0, left - len(cell.source))
        return nb, resources


def plain(notebook: NotebookNode, paths: Mapping[str, str] | None = None) -> None:
    """Reduce a notebook's outputs to texts and pictures of the right types, of bounded size, without paths of the machine.

    Args:
        notebook: whose kernel, and so whose messages, were a submission's; changed in place.
        paths: as `machine_paths` gives them; by default, none are replaced.
    """
    left = MAX_PAGE_OUTPUTS
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.execution_count = _count(cell.get("execution_count"))
        outputs = []
        for output in cell.get("outputs", []):
            made = _plain_output(output, paths or {})
            left -= len(str(made))
            if left < 0:
                outputs.append(nbformat.v4.new_output("stream", name="stdout", text=CUT))
                break
            outputs.append(made)
        cell.outputs = outputs


def machine_paths(course: Course) -> dict[str, str]:
    """Return the folders of this machine that students need not know, and the word that stands for each."""
    places = {
        tempfile.gettempdir(): "tmp",
        sys.base_prefix: "python",
        sys.prefix: "python",
        os.path.expanduser("~"): "home",
        str(course.root): "course",
    }
    spellings = {path: word for place, word in places.items() for path in (place, os.path.realpath(place))}
    return {path: word for path, word in spellings.items() if len(Path(path).parts) > 1}  # a home may be /


def without_paths(text: str, paths: Mapping[str, str]) -> str:
    """Return `text` with each of the folders in `paths` replaced by its word, the longest first.

    Example:
        >>> without_paths("/home/ada/course/lab/data.py", {"/home/ada": "home", "/home/ada/course": "course"})
        'course/lab/data.py'
    """
    if not paths:
        return text
    folders = "|".join(re.escape(path) for path in sorted(paths, key=len, reverse=True))
    # base64 may hold anything, a path as well
    pattern = rf"(?:{folders})(?!\w)|;base64,[A-Za-z0-9+/=\s]+"
    return re.sub(pattern, lambda match: paths.get(match.group(), match.group()), text)


def _plain_output(output: Mapping, paths: Mapping[str, str]) -> NotebookNode:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return nbformat.v4.new_output("stream", name=name, text=_text(output.get("text"), paths))
    if kind == "error":
        lines = output.get("traceback")
        lines = [_text(line, paths) for line in lines] if isinstance(lines, list) else []
        ename, evalue = (_text(output.get(key), paths) for key in ("ename", "evalue"))
        return nbformat.v4.new_output("error", ename=ename, evalue=evalue, traceback=lines)
    data, given = output.get("data"), output.get("metadata")
    data = data if isinstance(data, Mapping) else {}
    data = {mime: _text(data.get(mime), {} if mime in BASE64 else paths) for mime in SHOWN}
    data = {mime: text for mime, text in data.items() if text} or {"text/plain": UNKNOWN}
    if "text/latex" in data:
        data["text/latex"] = inert_tex(data["text/latex"])
    metadata = {mime: size for mime in data if (size := _size(given, mime))}
    if kind == "execute_result":
        count = _count(output.get("execution_count"))
        return nbformat.v4.new_output(kind, data, metadata=metadata, execution_count=count)
    return nbformat.v4.new_output("display_data", data, metadata=metadata)


def _size(metadata: object, mime: str) -> dict:
    """Return what may be said about a picture: its size, and a text for those who do not see it."""
    given = metadata.get(mime) if isinstance(metadata, Mapping) else None
    if not isinstance(given, Mapping):
        return {}
    kinds = {"width": int, "height": int, "alt": str}
    return {key: given[key] for key, kind in kinds.items() if type(given.get(key)) is kind}


def _count(given: object) -> int | None:
    return given if type(given) is int else None


def _text(given: object, paths: Mapping[str, str]) -> str:
    """Return a text that can be written to a file; the empty one for what is no text."""
    return without_paths(writable(given) if isinstance(given, str) else "", paths)


def _formula(tex: str, block: bool = False) -> str:
    """Return TeX between its dollars as MathML, or as it is where it cannot be converted."""
    return mathematics.mathml(inert_tex(tex.strip("$")), "block" if block else "inline") or html.escape(tex)


def _longest(source: str) -> int:
    """Return the length of the longest line."""
    return max(map(len, source.splitlines()), default=0)


def _too_many(text: str) -> bool:
    """Return whether HTML would take long to clean."""
    return text.count("<") > MAX_TAGS or _attributes(text) > MAX_ATTRIBUTES


def _attributes(text: str) -> int:
    """Return how many attributes a tag has, of all that may be tags the most; counting ends where they are too many.

    Whatever follows "<" and a letter may be a tag, also within a tag; text in which such tags overlap many times has too many, too.
    """
    most = passed = 0
    for tag in TAG.finditer(text):
        count, place = 0, tag.end()
        while count <= MAX_ATTRIBUTES and (found := ATTRIBUTE.match(text, place)):
            count, place = count + 1, found.end()
        most, passed = max(most, count), passed + place - tag.end()
        if most > MAX_ATTRIBUTES or passed > 10 * len(text):
            return MAX_ATTRIBUTES + 1
    return most


def _as_is(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>"
