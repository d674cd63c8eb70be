"""Sends the client messages without contents, with wrong signatures and of types that nobody expects."""

from IPython import get_ipython

shell = get_ipython()
kernel = shell.kernel


def disturb(*args):
    session, socket = kernel.session, kernel.iopub_socket
    parent = shell.parent_header
    for kind in (
        "status",
        "stream",
        "execute_result",
        "error",
        "display_data",
        "comm_msg",
        "update_display_data",
        "no-such-type",
    ):
        for content in (
            {},
            {"data": None},
            {"data": 3, "metadata": "x"},
            {"text": ["a"], "name": 7},
            {"comm_id": [], "data": []},
        ):
            session.send(socket, kind, content, parent=parent, buffers=[b"", b""])
    for frames in (
        [b"<IDS|MSG>"],
        [b"<IDS|MSG>", b"wrong signature", b"{}", b"{}", b"{}", b"{}"],
        [b"", b""],
        [b"kernel", b"x"],
    ):
        socket.send_multipart(frames)


shell.events.register("post_run_cell", disturb)
