"""Runs cells in a kernel and collects what they put out, within bounds."""

import asyncio
import json
import re
from typing import cast

import nbformat
from jupyter_client.asynchronous.client import AsyncKernelClient
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete
from traitlets import Callable, Int

from autograder.kernel.manager import Manager
from autograder.kernel.remote import STUB

FLOOD = 64  # times the limit on a cell's output, beyond which the kernel is ended
LOOK_S = 0.5  # between looks at the time that a cell has taken
TRACEBACK_LINE = re.compile(r"Cell In\[\d+\], line (\d+)")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class BoundedClient(NotebookClient):
    """Collects at most `output_limit` bytes of a cell's output, and asks `over` every moment whether a cell's time is over."""

    output_limit = Int(2**18)
    over = Callable(lambda: False)

    async def _async_handle_timeout(self, timeout, cell=None):
        if self.over():
            return await super()._async_handle_timeout(timeout, cell)
        await asyncio.sleep(LOOK_S)  # what nbclient waits for may be over already
        return None

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] in ("stream", "display_data", "execute_result", "error", "update_display_data"):
            room = self.output_limit - (self._spent if self._cell is cell else 0)
            self._cell = cell
            self._spent = self.output_limit - room + len(json.dumps(msg["content"], default=str))
            if self._spent > FLOOD * self.output_limit:
                cast(Manager, self.km).process.stop(f"it put out more than {FLOOD * self.output_limit // 1024} KiB")
            if self._spent > self.output_limit:
                if room > 0:  # the first message that is too much
                    start = str(msg["content"].get("text", ""))[:room] if msg["msg_type"] == "stream" else ""
                    note = f"{start}\n[output cut: more than {self.output_limit // 1024} KiB]\n"
                    cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=note))
                return None
        elif msg["msg_type"].startswith("comm_"):
            return None  # widgets of a submission have no meaning here
        try:
            return super().process_message(msg, cell, cell_index)
        except CellExecutionComplete:
            raise
        except Exception:  # a message that no kernel sends by itself
            return None

    _cell, _spent = None, 0


def aside(runner: BoundedClient, source: str) -> None:
    """Run code that is no cell of the notebook, and wait for its end."""
    cells = runner.nb.cells
    runner.nb.cells = [nbformat.v4.new_code_cell(source)]  # where nbclient puts the cell that it ran
    try:
        runner.execute_cell(runner.nb.cells[0], 0, store_history=False)
    finally:
        runner.nb.cells = cells


def tell(runner: BoundedClient, source: str) -> None:
    """Let the kernel run code of ours before what it is told next; nobody waits for it."""
    cast(AsyncKernelClient, runner.kc).execute(
        source, silent=True, store_history=False, allow_stdin=False, stop_on_error=False
    )


def error_of(cell) -> str:
    """Return the first error among a cell's outputs, with its line, in words; nothing where there is none, or for an unsolved cell."""
    for output in cell.outputs:
        if output.output_type != "error":
            continue
        text = " ".join(f"{output.get('ename', '')}: {output.get('evalue', '')}".split())[:300]
        if STUB.split(": ")[1] in text or output.get("ename") in ("CellTimeoutError", "KeyboardInterrupt"):
            return ""  # what follows in the cell, follows from it
        lines = cell.source.splitlines()
        found = TRACEBACK_LINE.search(COLOURS.sub("", "\n".join(map(str, output.get("traceback", [])))))
        number = int(found[1]) if found and len(found[1]) < 6 else 0
        where = f", in its line {number}: {lines[number - 1].strip()[:100]}" if 0 < number <= len(lines) else ""
        return f"{text}{where}"
    return ""
