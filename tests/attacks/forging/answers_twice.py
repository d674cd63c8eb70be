"""Answers every call several times under its own key: with errors of the grader, then with full marks."""

from IPython import get_ipython

manager = get_ipython().kernel.comm_manager
register = manager.register_target


def take_over(name, opened):
    def mine(comm, message):
        def received(message):
            key = message["content"]["data"]["key"]
            comm.send(data={"key": key}, buffers=[b"{}", b"", b""])
            comm.send(data={"key": key}, buffers=[])
            comm.send(
                data={"key": key, "error": "SuiteError"},
                buffers=[b'{"k":"d","v":{"failure":{"k":"v","v":"error"}}}', b""],
            )
            comm.send(data={"key": key}, buffers=[b'{"k":"d","v":{"value":{"k":"v","v":true}}}', b""])

        comm.on_msg(received)

    register(name, mine)


manager.register_target = take_over
