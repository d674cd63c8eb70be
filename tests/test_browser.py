"""The pages that show a submission, in a real browser: nothing a student wrote runs or fetches anything, and what should show does.

Needs Chromium (Debian's package `chromium`) and playwright; without them these tests are skipped.
"""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from tests.conftest import CHOICES, ROOT, TemporaryCourse
from tests.test_display import PIXEL, PROBES, TRACKER, page, run, shown

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium: apt-get install chromium"),
]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
KEPT = ("imports", "reparameterize", "test_reparameterize", "question_reparameterization", "written_reparameterization")
SHOWN = f"""## A heading

| left | right |
| --- | --- |
| one | **two** |

![embedded](data:image/png;base64,{PIXEL}) ![attached](attachment:dot.png)

$a < b_1 * c_1$ and \\\\(d_1\\\\)
"""
DISPLAYED = """
from IPython.display import HTML, Image, Javascript, Markdown, display
import base64, os, sys
display(HTML({html!r}), Markdown({script!r}), Javascript({javascript!r}))
display(Image(base64.b64decode({pixel!r}), width=16, height=16, alt="printed dot"))
kernel = get_ipython().kernel
parent = kernel.get_parent()
kernel.session.send(kernel.iopub_socket, "execute_input", {{"code": "", "execution_count": {script!r}}}, parent=parent)
raise ValueError({script!r})
"""
FOLDERS = f"{sys.prefix} {os.path.expanduser('~')}"
PRINTED = f"print(bytes.fromhex({FOLDERS.encode().hex()!r}).decode())"  # the code itself does not show them


@pytest.fixture(scope="module")
def chromium():
    """A headless browser."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


class Visit:
    """A page opened in a browser that reaches nothing but files and this machine, and what it asked for."""

    def __init__(self, browser, address):
        self.requests, self.errors = [], []
        self.context = browser.new_context(viewport={"width": 1200, "height": 900})
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.context.route(lambda address: not address.startswith("file:"), self._answer)
        self.page.goto(address, wait_until="load")
        for link in self.page.locator("a[href^='javascript:' i], form[action^='javascript:' i] button").all():
            link.evaluate("element => element.click()")
        self.page.wait_for_timeout(100)  # for what a click, an error of a picture or a frame has started

    def _answer(self, route):
        if route.request.url.startswith("http://127.0.0.1:"):
            route.continue_()
        else:
            route.fulfill(status=204)

    @property
    def outside(self):
        """Addresses that were asked for, but those of files and of the server."""
        own = ("file:///", "data:", "http://127.0.0.1:")
        return [address for address in self.requests if TRACKER in address or not address.startswith(own)]


@pytest.fixture(scope="module")
def stock(chromium, tmp_path_factory):
    """The names of the probes that asked for something on nbgrader's own feedback page, without the kit's filters."""
    path = tmp_path_factory.mktemp("stock") / "page.html"
    path.write_text(page(PROBES.values()))
    visit = Visit(chromium, path.as_uri())
    return {address.split(f"{TRACKER}/")[1].removesuffix(".png") for address in visit.outside if TRACKER in address}


@pytest.mark.parametrize("name", PROBES)
def test_probe_works_on_the_stock_page(name, stock):
    """Without the kit's filters, each probe runs or fetches its address."""
    assert name in stock


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of one exercise and one question, with a submission full of probes that went through nbgrader's commands.

    The same probes are put into the stored notebook once more, as if grading had let everything through.
    """
    course = TemporaryCourse(tmp_path_factory.mktemp("browser") / "course")
    source = course.notebook("source")
    source.cells = [cell for cell in source.cells if cell.id in KEPT]
    nbformat.write(source, course.folder / "source" / "vae" / "vae.ipynb")
    course.nbgrader("generate_assignment", "vae")
    notebook = course.notebook("release")
    answer = next(cell for cell in notebook.cells if cell.id == "written_reparameterization")
    answer.source = SHOWN + "\n\n# test_reparameterize\n\n" + PROBES["handler"].source
    answer["attachments"] = {"dot.png": {"image/png": PIXEL}}
    parts = {
        "html": PROBES["html"].outputs[0].data["text/html"],
        "script": f"<script>{run('live')}</script>",
        "javascript": run("javascript"),
        "pixel": PIXEL,
    }
    notebook.cells.append(new_code_cell(DISPLAYED.format(**parts)))
    notebook.cells.append(new_code_cell(PRINTED))
    notebook.cells += [cell for cell in PROBES.values() if cell.cell_type == "markdown"]
    course.hand_in("ada", notebook)
    course.nbgrader("autograde", "vae", COURSE_SANDBOX="none")
    stored = course.folder / "autograded" / "ada" / "vae" / "vae.ipynb"
    notebook = nbformat.read(stored, as_version=4)
    notebook.cells += PROBES.values()
    notebook.cells.append(shown({"text/html": "<h3>A heading of HTML</h3><table><tr><td>cell</td></tr></table>"}))
    notebook.cells.append(new_markdown_cell("The last cell."))
    stored.chmod(0o644)
    nbformat.write(notebook, stored)
    course.nbgrader("generate_feedback", "vae")
    return course


@pytest.fixture(scope="module")
def feedback(course, chromium):
    """The student's feedback page, opened as a file, with all that is folded unfolded."""
    visit = Visit(chromium, (course.folder / "feedback" / "ada" / "vae" / "vae.html").as_uri())
    visit.page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    return visit


@pytest.fixture(scope="module")
def server(course, tmp_path_factory):
    """The address of a Jupyter server with formgrader, in the course's folder."""
    home = tmp_path_factory.mktemp("home")
    folders = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    variables = {"PYTHONPATH": str(ROOT), "HOME": str(home), "IPYTHONDIR": str(home / "ipython"), **folders}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["jupyter_server", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    options = ["ServerApp.port_retries=0", f"ServerApp.root_dir={course.folder}", "IdentityProvider.token="]
    with open(home / "log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, *(f"--{option}" for option in options)],
            cwd=course.folder,
            env=os.environ | CHOICES | variables,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 300  # on a busy machine a minute passes before it listens
        while True:
            said = (home / "log").read_text()[-5000:]
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            try:
                urllib.request.urlopen(f"{address}/api/status", timeout=30).close()
                break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def formgrader(course, server, chromium):
    """The page on which formgrader shows the submission."""
    with sqlite3.connect(course.folder / "gradebook.db") as database:
        ((submission,),) = database.execute("select id from submitted_notebook").fetchall()
    return Visit(chromium, f"{server}/formgrader/submissions/{submission}/")


@pytest.fixture(params=["feedback", "formgrader"])
def visit(request):
    """Each of the pages."""
    return request.getfixturevalue(request.param)


def test_nothing_runs_and_nothing_is_fetched(visit):
    """No probe asks for an address, nothing comes from outside, and no script of the page fails for want of it."""
    assert visit.errors == []
    assert visit.page.get_by_text("The last cell.").count() == 1
    assert visit.outside == []


def test_nothing_can_be_clicked(visit):
    """What a student wrote holds no link, form, frame or button."""
    inside = ".text_cell_render, .output_subarea, .input_area"
    found = visit.page.locator(inside).locator("a, button, form, iframe, input:not([disabled]), script, style, object")
    assert found.count() == 0


def test_markdown_and_html_still_show(visit):
    """Headings, tables, and embedded, attached and printed pictures are there."""
    for heading in ("A heading", "A heading of HTML", "test_reparameterize"):
        assert visit.page.get_by_role("heading", name=heading, exact=True).count() == 1
    assert visit.page.get_by_role("cell", name="two").locator("strong").count() == 1
    for picture, size in (("embedded", None), ("attached", None), ("printed dot", "16")):
        image = visit.page.get_by_alt_text(picture)
        assert image.evaluate("image => image.complete && image.naturalWidth") == 1
        assert image.get_attribute("width") == size


def test_mathematics_is_set(visit):
    """TeX is MathML that the browser lays out, and none of it is left."""
    for letters in ("a<b1*c1", "d1"):
        assert (
            visit.page.locator("math", has_text=letters).first.evaluate("math => math.getBoundingClientRect().width")
            > 0
        )
    assert "$a < b_1" not in visit.page.inner_text("body")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_feedback_is_not_cut(feedback, width, scheme):
    """On a phone, too, nothing reaches over the edge, and what scrolls within the page can be reached by keys."""
    feedback.page.emulate_media(color_scheme=scheme)
    feedback.page.set_viewport_size({"width": width, "height": 800})
    assert feedback.page.evaluate("document.documentElement.scrollWidth") <= width
    unreached = """[...document.querySelectorAll('body *')].filter(element => element.scrollWidth > element.clientWidth + 1
        && ['auto', 'scroll'].includes(getComputedStyle(element).overflowX) && element.tabIndex !== 0).map(element => element.outerHTML)"""
    assert feedback.page.evaluate(unreached) == []
    back = feedback.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") is (scheme == "light")


def test_formgrader_leads_to_the_ungraded_answer(formgrader):
    """Without a network the keys work, one step leads to the answer, and its mark scheme is folded beside it; pictures have no frame."""
    page = formgrader.page
    assert page.locator(".help").count() == 1
    assert page.evaluate("formgrader.loaded") is True
    assert "1 here" in page.inner_text("#next-ungraded")
    page.click("#next-ungraded")
    assert page.evaluate("document.activeElement.id") == "written_reparameterization"
    fold = page.locator(".nbgrader_cell", has=page.locator("#written_reparameterization")).locator("details")
    assert fold.evaluate("fold => fold.open") is False
    assert "MARK SCHEME" not in page.inner_text("body")
    frame = "image => getComputedStyle(image).borderTopWidth"
    assert page.get_by_alt_text("embedded").evaluate(frame) == "0px"


def test_score_boxes_belong_to_their_cells(formgrader):
    """Formgrader has a box a graded cell, in the panel of that cell, whatever headings an answer holds."""
    assert formgrader.page.locator(".scoring-buttons").count() == 2
    for name in ("test_reparameterize", "written_reparameterization"):
        assert formgrader.page.locator(f"#{name}").count() == 1
        assert formgrader.page.locator(f".nbgrader_cell input#{name}.score").count() == 1


def test_mark_scheme_is_for_graders_alone(feedback, formgrader):
    """Both pages show the question, and formgrader its mark scheme."""
    for visit, schemes in ((feedback, 0), (formgrader, 1)):
        assert visit.page.get_by_text("Name one distribution of codes").count() == 1
        assert visit.page.get_by_text("Frequent errors").count() == schemes


def test_feedback_names_no_folder_of_the_machine(course, feedback):
    """What was printed and the traceback name the machine's folders by a word."""
    text = feedback.page.content()
    assert "python home" in text
    assert not [folder for folder in (str(course.folder), *FOLDERS.split()) if folder in text]
