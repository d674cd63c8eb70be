"""What a submission wrote, in the pages that nbgrader's templates make of it: what is shown, and that nothing of it runs.

`PROBES` are cells that run a script or fetch an address on the stock pages; test_browser opens the same ones in a browser.
"""

import base64
import copy
import html
import os
import re
import tempfile
import time
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from nbgrader import server_extensions
from nbgrader.nbgraderformat import SCHEMA_VERSION
from traitlets.config import Config

from autograder.course import Course
from autograder.door.configure import configure
from autograder.door.feedback import FeedbackPage, HideMarkSchemes
from autograder.reporting import display
from autograder.reporting.feedback import Submission, sheet
from autograder.reporting.report import Mark, Outcome, Report, Status, cell_html, summary
from tests.conftest import ROOT

TRACKER = "tracker.invalid"
PIXEL = (  # of one transparent point
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def run(name):
    """Return JavaScript that fetches an address which names the probe; without quotes and spaces."""
    return f"void(new(Image)().src=`http://{TRACKER}/{name}`)"


def shown(data, **metadata):
    """Return a code cell with one displayed output."""
    return new_code_cell("display(...)", outputs=[new_output("display_data", data, metadata=metadata)])


_MARKDOWN = {
    "script": "<script>{run}</script>",
    "handler": 'text <img src="x" onerror="{run}">',
    "svg": '<svg onload="{run}"></svg>',
    "toggle": '<details open ontoggle="{run}">text</details>',
    "focus": '<input autofocus onfocus="{run}">',
    "link": "[text](javascript:{run})",
    "entity": '<a href="java&#115;cript:{run}">text</a>',
    "files": '<a href="/files/javascript:{run}">text</a>',
    "form": '<form action="javascript:{run}"><button>text</button></form>',
    "srcdoc": '<iframe srcdoc="<script>{run}</script>"></iframe>',
    "frame": '<iframe src="{address}"></iframe>',
    "object": '<object data="{address}"></object>',
    "embed": '<embed src="{address}">',
    "import": "<style>@import url({address});</style>",
    "stylesheet": '<link rel="stylesheet" href="{address}">',
    "style": '<p style="background: url({address})">text</p>',
    "background": '<table background="{address}"><tr><td>text</td></tr></table>',
    "picture": "![text]({address})",
    "protocol": "![text](//{host})",
    "files_picture": '<img src="files///{host}.png">',
    "srcset": '<img srcset="{address}">',
    "poster": '<video poster="{address}"></video>',
    "submit": '<input type="image" src="{address}">',
    "refresh": '<meta http-equiv="refresh" content="0;url={address}">',
    "mermaid": '```mermaid\n<img src="x" onerror="{run}">\n```',
    "up": "![text](../../?path={host})",
}


def _markdown(name):
    parts = {"run": run(name), "address": f"http://{TRACKER}/{name}", "host": f"{TRACKER}/{name}"}
    return _MARKDOWN[name].format(**parts)


PROBES = {name: new_markdown_cell(_markdown(name)) for name in _MARKDOWN} | {
    "html": shown({"text/html": f'<img src="x" onerror="{run("html")}">'}),
    "isolated": shown({"text/html": f"<script>{run('isolated')}</script>"}, **{"text/html": {"isolated": True}}),
    "javascript": shown({"application/javascript": f"function $() {{}}; {run('javascript')}"}),
    "markdown": shown({"text/markdown": f"<script>{run('markdown')}</script>"}),
    "width": shown({"image/png": "x"}, **{"image/png": {"width": f"1 onerror={run('width')}"}}),
    "height": shown({"image/jpeg": "x"}, **{"image/jpeg": {"height": f"1 onerror={run('height')}"}}),
    "filenames": shown({"image/png": "x"}, filenames={"image/png": f"http://{TRACKER}/filenames"}),
}


@pytest.fixture(scope="module")
def settings():
    """nbgrader's configuration as the kit sets it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", dict(os.environ))
        config = Config()
        configure(config, ROOT)
    return config


def page(cells, template="feedback", config=None):
    """Return the page that a template makes of a notebook with these cells: nbgrader's own, or with a configuration, ours."""
    templates = Path(server_extensions.__file__).parent / "formgrader" / "templates"
    bootstrap = templates.parent / "static" / "node_modules" / "bootstrap" / "dist" / "css"
    if config is None:
        folders = {"extra_template_basedirs": [str(templates)], "extra_template_paths": [str(bootstrap)]}
        exporter = HTMLExporter(template_name=template, **folders)
    else:
        exporter = (FeedbackPage if template == "feedback" else HTMLExporter)(config=config, template_name=template)
    known = {"notebook": "vae", "score": 1.0, "max_score": 2.0, "late_penalty": 0}
    names = {"student": "ada", "first_name": "Ada", "last_name": "<b>L</b>", "notebook_path": "a/b", "base_url": ""}
    told = sheet(Submission("ada", "", "c", "vae", (), 1.0, 2.0), None)
    # as nbgrader does: behind the preprocessors of the exporter
    exporter.register_preprocessor(lambda nb, given: (nb, given | {"sheet": told, "parts": {}, "rest": nb.cells}), True)
    notebook = new_notebook(cells=list(cells))
    return exporter.from_notebook_node(notebook, {"nbgrader": known, "index": 0, "total": 1, **names})[0]


class Places(HTMLParser):
    """Sorts a page into what is only shown, and what a browser acts on: attributes, scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.texts, self.acts, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        for name, value in attributes:
            kind, _, data = (value or "").partition(";base64,")
            if name != "alt":
                self.acts.append(f"{tag} {name}={value}")
            if kind == "data:text/html":
                self.acts.append(base64.b64decode(data).decode())

    def handle_data(self, data):
        (self.acts if self.cdata_elem else self.texts).append(data)

    @property
    def text(self):
        """All text, without tags."""
        return "".join(self.texts)


@pytest.mark.slow
@pytest.mark.parametrize("template", ["feedback", "formgrade"])
@pytest.mark.parametrize("name", PROBES)
def test_probe_is_only_shown(name, template, settings):
    """A probe's address stands in no attribute, script or style of the page."""
    assert not [act for act in Places(page([PROBES[name]], template, settings)).acts if TRACKER in act]


@pytest.mark.slow
@pytest.mark.parametrize("name", PROBES)
def test_probe_is_acted_on_without_the_filters(name):
    """On nbgrader's stock page every probe's address stands where a browser acts on it."""
    places = Places(page([PROBES[name]]))
    assert [act for act in places.acts if TRACKER in act]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# Heading", "<h1>Heading</h1>"),
        ("- one\n- two", "<ul>\n<li>one</li>\n<li>two</li>\n</ul>"),
        ("~~~text\na < b\n~~~", "<pre><code>a &lt; b"),
        ("**bold** and *slanted* and `code`", "<strong>bold</strong> and <em>slanted</em> and <code>code</code>"),
        ("|a|b|\n|---|:-:|\n|1|2|", '<td style="text-align:center">2</td>'),
        (f"![dot](data:image/png;base64,{PIXEL})", f'<img src="data:image/png;base64,{PIXEL}" alt="dot">'),
        ("![plot](figures/my_plot.png)", '<img src="figures/my_plot.png" alt="plot">'),
        ("```python\ndef f(): pass\n```", '<span class="k">def</span>'),
        (
            "$a < b$ and $$x_1$$",
            '<math display="inline"><mrow><mi>a</mi><mo>&lt;</mo><mi>b</mi></mrow></math> and <math',
        ),
        (r"\begin{align} a_1 &= b \\ c_1 \end{align}", "<mi>b</mi></mtd></mtr><mtr>"),
        (r"\\(a * b * c\\)", "<mi>a</mi><mo>*</mo><mi>b</mi><mo>*</mo><mi>c</mi>"),
        (r"$\unknown < b$ and $$\unknown$$", r"$\unknown &lt; b$ and $$\unknown$$"),
        ("[text](http://a.example/?x=1&y=2)", "text (http://a.example/?x=1&amp;y=2)"),
        ("<http://a.example>", "<p>http://a.example</p>"),
    ],
)
def test_markdown_still_shows(source, expected):
    """Headings, lists, tables, pictures, code, emphasis and mathematics are left as they were; of a link, the text and the address."""
    assert expected in display.markdown_to_html({}, source)


def test_task_list_shows_its_marks():
    """The boxes of a task list are there, and cannot be changed."""
    tags = Places(display.markdown_to_html({}, "- [x] done\n- [ ] open")).tags
    boxes = [attributes for tag, attributes in tags if tag == "input"]
    assert boxes == [{"type": "checkbox", "disabled": "", "checked": ""}, {"type": "checkbox", "disabled": ""}]


def test_only_python_is_highlighted():
    """Lexers that a student could choose to take for ever are not called."""
    assert "<span" not in display.markdown_to_html({}, "```perl\nmy $x = 1;\n```")


def test_attached_picture_shows():
    """A picture attached to the cell becomes part of the page."""
    cell = {"attachments": {"dot.png": {"image/png": PIXEL}}}
    assert f'src="data:image/png;base64,{PIXEL}"' in display.markdown_to_html({"cell": cell}, "![](attachment:dot.png)")


@pytest.mark.parametrize(
    "source",
    ["![dot](attachment:missing.png)", "x" * (display.MAX_MARKDOWN + 1)],
    ids=["missing attachment", "long"],
)
def test_markdown_that_cannot_be_rendered_is_shown_as_it_is(source):
    """What would raise, or take too long, is shown as text."""
    assert Places(display.markdown_to_html({}, source)).text == source


def test_html_of_too_many_tags_is_shown_as_it_is():
    """HTML that would take long to clean is shown as text."""
    source = "<b>" * (display.MAX_TAGS + 1)
    assert Places(display.clean_html(source)).text == source


def test_much_markdown_is_shown_as_it_is():
    """Once a page has rendered its share, further markdown is shown as text."""
    context, source = {"resources": {}}, "*a*\n" + "a" * 10_000
    rendered = [display.markdown_to_html(context, source) for _ in range(40)]
    assert rendered[0].startswith("<p><em>")
    assert rendered[-1].startswith("<pre>*a*")


@pytest.mark.parametrize("unit", ["\\\\[", "\\begin{a}", "*_", "[", "> ", "- [", "<", "![](", "a\n: "])
def test_markdown_made_to_take_long_ends(unit):
    """The longest text that is rendered takes seconds at most, whatever it repeats."""
    started = time.process_time()
    display.markdown_to_html({}, (unit * display.MAX_MARKDOWN)[: display.MAX_MARKDOWN])
    assert time.process_time() - started < 10  # 1.4 s for the worst of them; quadratic in the length


def test_long_markdown_takes_no_long_time(settings):
    """A text that is too long to be rendered goes through all filters of a page at once."""
    started = time.process_time()
    page([new_markdown_cell("[" * 60_000)], config=settings)
    assert time.process_time() - started < 5  # nbconvert's strip_files_prefix takes time quadratic in it, 30 s here


@pytest.mark.parametrize(
    "source",
    [
        "<h1 id='test_elbo'>x</h1>",
        "# test_elbo",
        "<p name='test_elbo' class='score scoring-buttons navbar-fixed-top'>x</p>",
        "<p data-link='x' data-toggle='tooltip'>x</p>",
        "<div class='panel highlight' id='x'></div>",
    ],
)
def test_markdown_cannot_pose_as_the_page(source):
    """Neither ids, names, data attributes nor the page's own classes are left, which formgrader finds its boxes by."""
    given = [attributes for _, attributes in Places(display.markdown_to_html({}, source)).tags]
    assert all(not attributes or attributes == {"class": "highlight"} for attributes in given)


@pytest.mark.parametrize("command", ["href", "style", "class", "cssId", "require"])
def test_mathematics_holds_no_link(command):
    """Commands that make links or set attributes are typeset as text."""
    tex = rf"$\{command}{{javascript:alert(1)}}{{x}}$"
    parted = tex.replace(command, command[0] + "<wbr>" + command[1:])
    for text in display.clean_html(parted), display.inert_tex(tex):
        assert f"\\{command}" not in text
        assert r"\mathrm{javascript:alert(1)}{x}" in text
    for made in display.markdown_to_html({}, tex), display.latex_to_html(tex):
        places = Places(made)
        assert places.text.strip() == "javascript:alert(1)x"
        assert set(places.acts) <= {"math display=inline", "mi mathvariant=normal", "mo stretchy=false"}


def test_tex_commands_of_longer_names_stay():
    """A command that only begins like one of those is left."""
    assert display.inert_tex(r"\classical \hrefs \styled") == r"\classical \hrefs \styled"


@pytest.mark.parametrize("template", ["feedback", "formgrade"])
def test_report_looks_the_same(template, settings):
    """The kit's own table of results and the feedback of a cell pass the filters unchanged."""
    outcome = Outcome(
        cell="elbo", test="t", status=Status.FAILED, credit=0, weight=1, sentence="a < b", message="got\n<1>", hint="h"
    )
    report = Report(
        student="ada",
        assignment="vae",
        notebook="vae",
        marks={"elbo": Mark(points=2, score=1)},
        outcomes=[outcome],
        notes=["Cell 3 ended the kernel."],
    )
    fragment = cell_html(report, "elbo")
    assert display.clean_html(fragment) == fragment
    text = page([new_markdown_cell(summary(report)), shown({"text/html": fragment})], template, settings)
    assert re.search("<h[23]>Result of the tests</h[23]>", text)
    assert "<td>1 of 2</td>" in text
    assert "<li>Cell 3 ended the kernel.</li>" in text
    assert "got<br/>&lt;1&gt;<br/><em>Hint: h</em>" in text


@pytest.mark.parametrize("template", ["feedback", "formgrade"])
def test_outputs_that_are_text_are_shown_as_text(template, settings):
    """What streams, tracebacks, LaTeX, raw cells and unknown kinds hold is read, not interpreted."""
    bad = "<i onclick=x>"
    cells = [
        new_code_cell("1", outputs=[new_output("stream", name="stdout", text=f"stream {bad}")]),
        new_code_cell("1", outputs=[new_output("error", ename="E", evalue="", traceback=[f"\x1b[31merror {bad}"])]),
        shown({"text/latex": rf"$\href{{x}}{{y}}$ latex {bad}"}),
        shown({"text/plain": f"plain {bad}"}),
        shown({"application/vnd.vega.v5+json": {"unknown": bad}}),
        new_raw_cell(f"raw {bad}", metadata={"raw_mimetype": "text/html"}),
        new_raw_cell(f"bare {bad}"),
        new_code_cell(f"code {bad}"),
    ]
    places = Places(page(cells, template, settings))
    for word in ("stream ", "error ", "latex ", "plain ", "raw ", "bare ", "code "):
        assert f"{word}{bad}" in places.text
    assert display.UNKNOWN in places.text
    assert not [attributes for _, attributes in places.tags if attributes.get("onclick") == "x"]


def test_svg_is_a_picture(settings):
    """An SVG output is shown inside an image, in which browsers run nothing."""
    svg = f"<svg xmlns='http://www.w3.org/2000/svg'><script>{run('svg')}</script></svg>"
    text = page([shown({"image/svg+xml": svg})], config=settings)
    assert f'<img alt="No description has been provided for this image" src="data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"' in text  # fmt: skip


def test_students_name_is_text(settings):
    """A name is escaped where formgrader shows it."""
    assert "&lt;b&gt;L&lt;/b&gt;, Ada" in page([], "formgrade", settings)


def graded(grade_id, source="answer", **metadata):
    """Return a written answer as nbgrader marks it."""
    known = {
        "grade": True,
        "solution": True,
        "locked": False,
        "points": 1,
        "score": 1,
        "schema_version": SCHEMA_VERSION,
    }
    return new_markdown_cell(source, metadata={"nbgrader": {"grade_id": grade_id, **known}, **metadata})


def test_score_boxes_stay(settings):
    """Formgrader still has the boxes of a graded cell."""
    tags = Places(page([graded("written_elbo")], "formgrade", settings)).tags
    assert any(attributes.get("id") == "written_elbo" for _, attributes in tags)
    assert any("scoring-buttons" in (attributes.get("class") or "") for _, attributes in tags)


def test_grade_id_cannot_hold_html(settings):
    """A grade_id that is no plain word makes its cell an ordinary one."""
    text = page([graded('"><script>alert(1)</script>')], "formgrade", settings)
    assert "alert(1)" not in text
    assert "answer" in text


def test_metadata_cannot_hide_a_cell(settings):
    """Metadata that would hide a source or set its language is dropped."""
    hidden = graded("written_elbo", "seen all the same", transient={"remove_source": True})
    assert "seen all the same" in page([hidden], config=settings)


def test_long_code_is_cut(settings):
    """Of more code than a page can hold, the beginning is shown."""
    cells = [new_code_cell("#" * display.MAX_PAGE_CODE), new_code_cell("second")]
    display.Plain().preprocess(notebook := new_notebook(cells=cells), {})
    assert len(notebook.cells[0].source) == display.MAX_PAGE_CODE
    assert notebook.cells[1].source == f"\n# {display.CUT}"


@pytest.mark.parametrize(
    "output",
    [
        {},
        {"output_type": "stream", "text": 3},
        {"output_type": "error", "traceback": "text"},
        {"output_type": "error", "traceback": [3], "evalue": {}},
        {"output_type": "display_data", "data": "text", "metadata": []},
        {"output_type": "display_data", "data": {"text/html": ["a"], "image/png": 3}, "metadata": {"text/html": 3}},
        {"output_type": "execute_result", "data": {"text/plain": "\ud800"}, "execution_count": "x"},
        {"output_type": "display_data", "data": {"application/javascript": "x"}, "metadata": {}},
    ],
)
def test_malformed_output_becomes_a_valid_one(output):
    """Whatever a kernel's message held, the notebook is valid, can be written, and says that there was an output."""
    notebook = nbformat.from_dict(new_notebook() | {"cells": [new_code_cell("1") | {"outputs": [output]}]})
    display.plain(notebook)
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode()
    assert len(notebook.cells[0].outputs) == 1


def test_malformed_count_becomes_none():
    """An execution count, which templates put into the page as it is, is a number or none."""
    cells = [new_code_cell("1") | {"execution_count": count} for count in ("<b>", 3, True, None)]
    display.plain(notebook := nbformat.from_dict(new_notebook() | {"cells": cells}))
    assert [cell.execution_count for cell in notebook.cells] == [None, 3, None, None]


def test_sizes_of_pictures_stay():
    """Width, height and description of a picture are kept where they are of the right type."""
    size = {"width": 4, "height": 2, "alt": "a dot"}
    cell = shown({"image/png": PIXEL}, **{"image/png": {**size, "unconfined": True}, "filenames": {}})
    display.plain(new_notebook(cells=[cell]))
    assert cell.outputs[0].metadata == {"image/png": size}


def test_outputs_are_bounded_for_a_page():
    """A notebook's outputs end with a note where they would make a page that nobody can open."""
    large = {"text/plain": "x" * 2**20}
    notebook = new_notebook(cells=[shown(large) for _ in range(8)])
    display.plain(notebook)
    kept = [cell.outputs[0].get("data") == large for cell in notebook.cells]
    assert kept == [True] * 3 + [False] * 5
    assert notebook.cells[-1].outputs[0].text == display.CUT


def test_plain_again_changes_nothing():
    """What is stored is shown as it was stored."""
    notebook = copy.deepcopy(new_notebook(cells=list(PROBES.values())))
    display.plain(notebook)
    once = nbformat.writes(notebook)
    display.plain(notebook)
    assert nbformat.writes(notebook) == once


def test_paths_of_the_machine_are_replaced_in_all_text(tmp_path):
    """Streams, results and tracebacks name the course, Python, the home and the temporary folder by a word."""
    course = Course(course_id="c", assignments=("vae",)).model_copy(update={"root": tmp_path / "course"})
    paths = display.machine_paths(course)
    secrets = [str(course.root), os.path.expanduser("~"), os.path.dirname(os.__file__), tempfile.gettempdir()]
    text = "\n".join(f"File \x1b[32m{secret}/x.py:3" for secret in secrets)
    outputs = [
        new_output("stream", name="stdout", text=text),
        new_output("error", ename="E", evalue=text, traceback=[text]),
        new_output("execute_result", {"text/plain": text, "text/html": text}, execution_count=1),
    ]
    notebook = new_notebook(cells=[new_code_cell("1", outputs=outputs)])
    display.plain(notebook, paths)
    kept = str(notebook.cells[0].outputs)
    assert not [secret for secret in secrets if secret in kept]
    assert kept.count("course/x.py:3") == kept.count("tmp/x.py:3") == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/srv/course/a.py", "course/a.py"),
        ("/srv/a.py", "base/a.py"),
        ("file:///srv/course", "file://course"),
        ("/srv/courses and /srvx", "base/courses and /srvx"),
        ('<img src="data:image/png;base64,AA/srv/AA=="> /srv', '<img src="data:image/png;base64,AA/srv/AA=="> base'),
    ],
)
def test_path_is_replaced_by_the_longest_folder(text, expected):
    """The longest folder that a path starts with is replaced, a longer name is not, nor is a picture's data."""
    assert display.without_paths(text, {"/srv": "base", "/srv/course": "course"}) == expected


def test_data_of_a_picture_stays():
    """A picture whose data happens to look like a path is not changed."""
    notebook = new_notebook(cells=[shown({"image/png": "AA/srv/AA"})])
    display.plain(notebook, {"/srv": "base"})
    assert notebook.cells[0].outputs[0].data["image/png"] == "AA/srv/AA"


def test_a_home_without_a_name_is_no_path(monkeypatch, tmp_path):
    """Where home is the root folder, as in some containers, paths are not torn apart."""
    monkeypatch.setenv("HOME", "/")
    course = Course(course_id="c", assignments=("vae",)).model_copy(update={"root": tmp_path})
    assert "/" not in display.machine_paths(course)


SCHEME = "Question?\n\n### BEGIN MARK SCHEME\n\nthe answer\n\n### END MARK SCHEME"


def test_mark_scheme_of_a_question_is_left_out():
    """Of a locked cell, the text without its mark scheme is left."""
    cell = new_markdown_cell(SCHEME, metadata={"nbgrader": {"grade_id": "q", "locked": True, "grade": False}})
    HideMarkSchemes(enforce_metadata=False).preprocess(notebook := new_notebook(cells=[cell]), {})
    assert notebook.cells[0].source.strip() == "Question?"


def test_markers_in_an_answer_change_nothing():
    """A student who writes the markers, even unbalanced, keeps the text and gets feedback."""
    cell = graded("written_elbo", "### BEGIN MARK SCHEME\nmine")
    HideMarkSchemes(enforce_metadata=False).preprocess(notebook := new_notebook(cells=[cell]), {})
    assert notebook.cells[0].source == "### BEGIN MARK SCHEME\nmine"


@pytest.mark.parametrize(("show", "hidden"), [("false", True), ("true", False)])
def test_course_says_whether_feedback_shows_mark_schemes(show, hidden, monkeypatch):
    """`show_mark_schemes` decides, for feedback alone."""
    monkeypatch.setattr(os, "environ", os.environ | {"COURSE_SHOW_MARK_SCHEMES": show})
    configure(config := Config(), ROOT)
    assert ("autograder.door.feedback.HideMarkSchemes" in config.GenerateFeedback.preprocessors) is hidden
    assert config.HTMLExporter.preprocessors[0] == "autograder.reporting.display.Plain"
    assert config.FeedbackPage.preprocessors == ["autograder.reporting.display.Plain"]


@pytest.mark.parametrize(
    "code",
    ["x" + ".a" * 60_000, "y = 1\n@a" + ".b" * 60_000, "x = '" + "a.b" * 60_000 + "'"],
    ids=["attributes", "decorator", "text"],
)
def test_long_lines_are_shown_without_colours(settings, code):
    """A line that would keep the highlighter busy for minutes is shown as text, whole and escaped, in cells and in markdown."""
    started = time.process_time()
    made = page([new_code_cell(f"{code} < 1"), new_markdown_cell(f"```python\n{code[:15_000]}\n```")], config=settings)
    assert time.process_time() - started < 5
    assert f"{html.escape(code)} &lt; 1" in made or f"{code} &lt; 1" in made


def test_ordinary_code_is_coloured():
    """Lines of ordinary length keep their colours."""
    assert '<span class="kn">import</span>' in display.code_to_html("import torch")
    assert "<span" not in display.code_to_html("x = '" + "a" * 1000 + "'")


ATTRIBUTES = {
    "bare": "<p " + " ".join(f"a{i}" for i in range(300_000)) + ">x</p>",
    "valued": "<p " + " ".join(f'a{i}=">"' for i in range(100_000)) + ">x</p>",
    "strokes": "<p/" + "/".join(f"a{i}" for i in range(100_000)) + ">x</p>",
    "no spaces": "<p " + "".join(f'a{i}="1"' for i in range(100_000)) + ">x</p>",
    "in a comment": '<!-- <p a=" --><p ' + " ".join(f"a{i}" for i in range(100_000)) + '>x</p>"',
    "overlapping": "<p/a=" * 90 + "y" * 3_000_000,
}


@pytest.mark.parametrize("text", ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_tags_of_many_attributes_are_shown_as_text(text):
    """A tag whose attributes would keep the cleaner busy for a minute is shown as text."""
    started = time.process_time()
    assert display.clean_html(text).startswith("<pre>&lt;")
    assert time.process_time() - started < 2


def test_tables_and_pictures_are_no_tags_of_many_attributes():
    """A large table, a picture of a megabyte and a comparison in a sentence are cleaned as before."""
    table = "<table>" + '<tr><td class="a" style="text-align: left">1</td></tr>' * 2000 + "</table>"
    assert display.clean_html(table).startswith('<table class="table')
    picture = f'<img src="data:image/png;base64,{"A" * 10**6}" alt="a > b" width="3">'
    assert "data:image/png" in display.clean_html(picture)
    assert "<p>" in display.clean_html("<p>a < b and " + "word " * 1000 + "</p>")
