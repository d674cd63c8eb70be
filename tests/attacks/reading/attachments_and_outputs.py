"""Hands in pages that take files of the grader's machine into the feedback: frames, styles, scripts, attachments."""

import nbformat


def submission(folder, notebook):
    secret = folder.parents[2] / ".course_secret"
    page = (
        f"<iframe src='file://{secret}'></iframe><object data='{secret}'></object><embed src='../../../.course_secret'>"
    )
    notebook.cells[
        -1
    ].source += f"\n\n{page}\n\n![x](attachment:x.png)\n\n{{% include '{secret}' %}} {{{{ resources }}}}"
    notebook.cells[-1]["attachments"] = {"x.png": {"image/png": f"file://{secret}"}}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            data = {"text/html": page, "text/latex": f"\\input{{{secret}}}", "image/svg+xml": f"<svg>{page}</svg>"}
            cell.outputs = [nbformat.v4.new_output("display_data", data)]
    nbformat.write(notebook, folder / "vae.ipynb")
