"""Connects to its own kernel as a second client and sends forged answers, requests and results on all channels."""

import threading
import time

from ipykernel.connect import get_connection_file
from IPython import get_ipython
from jupyter_client import BlockingKernelClient

kernel = get_ipython().kernel


def interfere():
    client = BlockingKernelClient(connection_file=get_connection_file())
    client.load_connection_file()
    client.start_channels()
    while True:
        client.execute("score = 3.0\nscore", silent=False)
        for comm in list(kernel.comm_manager.comms):
            content = {"comm_id": comm, "data": {"key": "0" * 32, "value": 3.0}}
            message = client.session.msg("comm_msg", content)
            message["buffers"] = [b'{"k":"d","v":{"value":{"k":"v","v":true}}}', b""]
            client.shell_channel.send(message)
            kernel.session.send(kernel.iopub_socket, "comm_msg", content, buffers=message["buffers"])
        time.sleep(0.05)


threading.Thread(target=interfere, daemon=True).start()
