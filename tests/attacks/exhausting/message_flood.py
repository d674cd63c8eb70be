"""Floods the client with messages that are no output: states, comms, cleared outputs, updates of displays."""

from IPython import get_ipython

SAID = "(?i)the cell “"

kernel = get_ipython().kernel
parent = get_ipython().parent_header
while True:
    for kind, content in (
        ("status", {"execution_state": "busy"}),
        ("comm_open", {"comm_id": "x", "target_name": "jupyter.widget", "data": {"state": {"x": "x" * 10000}}}),
        ("clear_output", {"wait": False}),
        (
            "update_display_data",
            {"data": {"text/plain": "x" * 10000}, "metadata": {}, "transient": {"display_id": "x"}},
        ),
    ):
        kernel.session.send(kernel.iopub_socket, kind, content, parent=parent)
