"""Hands in pages that run in the browser of whoever looks at the feedback, as text, answers and outputs."""

import nbformat

PAGE = """
<script>attack()</script><img src=x onerror="attack()"><svg onload="attack()"></svg><a href="javascript:attack()">here</a>
<iframe srcdoc="<script>attack()</script>"></iframe><form action="javascript:attack()"><button formaction="javascript:attack()">x</button></form>
<style>@import url(http://attack.example/x.css);</style><link rel="stylesheet" href="http://attack.example/x.css">
<img src="http://attack.example/x.png"><meta http-equiv="refresh" content="0;url=javascript:attack()"><base href="http://attack.example/">
"""


def submission(folder, notebook):
    notebook.cells[
        -1
    ].source += f"\n\n{PAGE}\n\n[x](javascript:attack()) ![x](http://attack.example/y.png)\n\n$\\href{{javascript:attack()}}{{x}}$"
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(PAGE))
    notebook.cells.insert(
        0, nbformat.v4.new_raw_cell(PAGE, metadata={"raw_mimetype": "text/html", "format": "text/html"})
    )
    shows = f"""
from IPython.display import HTML, Javascript, Latex, Markdown, SVG, display

page = {PAGE!r}
for kind in (HTML, Markdown, Latex, Javascript):
    display(kind(page))
display({{"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'>" + page + "</svg>", "application/javascript": "attack()"}}, raw=True)
raise type("<script>attack()</script>", (Exception,), {{}})(page)
"""
    notebook.cells.append(nbformat.v4.new_code_cell(shows))
    nbformat.write(notebook, folder / "vae.ipynb")
