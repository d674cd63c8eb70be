"""What of ours runs inside a kernel, as the source that is sent there: it leaves no name in the notebook's namespace."""

import inspect

from autograder import catalogue
from autograder.kernel import agent, wire

PREPARE = "{agent} agent.prepare(get_ipython())\n_()\ndel _\n"
SERVE = """\
{wire} import sys; sys.modules['wire'] = wire
{agent} del sys.modules['wire']
{toys} agent.serve(get_ipython(), wire, {target!r}, {device!r}, {max_bytes}, toys)
_()
del _
"""


def prepare() -> str:
    """Return code that readies a kernel before the notebook's first cell."""
    return PREPARE.format(agent=_module("agent", inspect.getsource(agent)))


def serve(target: str, device: str, max_bytes: int) -> str:
    """Return code that lets the agent answer.

    Args:
        target: name of the comm that it answers on.
        device: of the tensors that it gives to the submission.
        max_bytes: of a message.
    """
    known = {"target": target, "device": device, "max_bytes": max_bytes}
    sources = {"agent": inspect.getsource(agent), "toys": catalogue.toys()}
    modules = {name: _module(name, source, begun=True) for name, source in sources.items()}
    return SERVE.format(wire=_module("wire", inspect.getsource(wire)), **modules, **known)


def reached(exercise: str) -> str:
    """Return code that keeps what names mean when a test cell is reached; where that fails, their last meaning counts."""
    return (
        "try:\n"
        f"    getattr(__import__('IPython').get_ipython(), {agent.STATES!r})['']({exercise!r})\n"
        "except BaseException: pass\n"
    )


def _module(name: str, source: str, begun: bool = False) -> str:
    """Return the lines of a function that make the kernel have a module of ours, without a name in the notebook's namespace."""
    begin = "" if begun else "def _():\n"
    return (
        f"{begin} import types\n {name} = types.ModuleType({name!r})\n {name}.__dict__['__name__'] = {name!r}\n"
        f" exec({source!r}, {name}.__dict__)\n"
    )
