"""Answers with every kind of malformed message, in the hope that the grader breaks and counts nothing against it."""

import itertools

from IPython import get_ipython

manager = get_ipython().kernel.comm_manager
register = manager.register_target
deep = b'{"k":"l","v":[' * 5000 + b"]}" * 5000
HEADERS = itertools.cycle(
    [
        *(b"", b"\xff\xfe", b"null", b"NaN", b"[]", b'"value"', b"{" * 10000, deep, b'{"k":"d","v":{}}'),
        *(b'{"k":"d","v":{"value":{"k":"t","v":"0"}}}', b'{"k":"d","v":{"value":{"k":"f","v":"nan"}}}'),
        *(b'{"k":"d","v":{"value":{"k":"v","v":NaN}}}', b'{"k":"d","v":{"value":{"k":"v","v":Infinity}}}'),
        *(b'{"k":"d","v":{"value":{"k":"y","v":"object"}}}', b'{"k":"d","v":{"value":{"k":"h","v":1}}}'),
        *(
            b'{"k":"d","v":{"value":{"k":"v","v":' + b"9" * 5000 + b"}}}",
            b'{"k":"d","v":{"value":{"k":"o","v":"\\ud800"}}}',
        ),
        *(b'{"k":"d","v":{"failure":{"k":"v","v":"raised"},"text":{"k":"l","v":[]}}}', b'{"k":"u","v":[]}'),
        b'{"k":"d","v":{"failure":{"k":"v","v":"raised"},"text":{"k":"v","v":"\\u001b[2J"},"kinds":{"k":"l","v":[]}}}',
    ]
)
PAYLOADS = itertools.cycle(
    [b"", b"\xff" * 8, b"\x02" + b"\0" * 7 + b"{}", b"\x08" + b"\0" * 7 + b'{"0":[]}', b"\0" * 100]
)


def take_over(name, opened):
    def mine(comm, message):
        def received(message):
            key = message["content"]["data"]["key"]
            comm.send(data={"key": key}, buffers=[next(HEADERS), next(PAYLOADS)])

        comm.on_msg(received)

    register(name, mine)


manager.register_target = take_over
