"""Forks at every call, so that two kernels answer, one of them twice and with a forged value."""

import os

from IPython import get_ipython

PLACE = "end"


def answer(*args):
    if os.fork() == 0:
        manager = get_ipython().kernel.comm_manager
        for comm in manager.comms.values():
            comm.send(data={"key": ""}, buffers=[b'{"k":"d","v":{"value":{"k":"v","v":true}}}', b""])
        return 3.0
    return 3


reparameterize = gaussian_log_prob = kl_standard_normal = answer
