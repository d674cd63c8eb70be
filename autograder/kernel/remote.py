"""The asking end: a student's functions and objects as seen by the hidden suite.

`Student` calls functions of a submission and gets plain tensors and Python values back; objects that stay with the submission are
named by `Handle`. The same code speaks to a kernel (`kernel.Session`) and, for solutions and known mistakes, to an agent in this process.
What comes back is data: nothing here imports, unpickles or evaluates it. Where no answer comes, it raises what stands in `failures`.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch

from autograder import catalogue
from autograder.kernel import agent as agent_module
from autograder.kernel import wire
from autograder.kernel.answers import Convolutions, Gradient, Inspection, State, Watched
from autograder.kernel.failures import BadAnswer, NotDefined, Raised
from autograder.kernel.wire import Opaque, Reference

MAX_BYTES = 2**28
MAX_TEXT = 2000  # characters kept of a failure's text
STUB = "NotImplementedError: write your answer here"  # of an unsolved cell of the release

# what torch says where code names a device that is not there, or mixes two
NO_GPU = (
    "Found no NVIDIA driver",
    "Torch not compiled with CUDA",
    "No CUDA GPUs are available",
    "CUDA driver",
    "Cannot access accelerator device",
    "Expected one of cpu, cuda",
    "on the MPS device",
    "MPS backend",
)

FAILURES = {"not defined": NotDefined, "raised": Raised, "bad answer": BadAnswer}
TENSOR_OR_NONE = (torch.Tensor, type(None))
Transport = Callable[[bytes, bytes], tuple[bytes, bytes]]


class Student:
    """Asks one submission; see the module's text.

    Args:
        transport: takes header and payload of a request and returns those of its reply; raises StudentError.
        max_bytes: bound on one message.
        why_missing: returns what is known of a name that is not defined, a sentence or nothing.
    Attributes:
        exercise: whose test cell the names of the submission are looked up at; empty for the notebook's end.
    """

    def __init__(
        self, transport: Transport, max_bytes: int = MAX_BYTES, why_missing: Callable[[str], str] = lambda name: ""
    ):
        self._transport, self._max_bytes, self._why_missing, self.exercise = transport, max_bytes, why_missing, ""

    def __getattr__(self, name: str) -> Callable:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self.call(name, *args, **kwargs)

    def call(self, target: "str | tuple[Handle, str]", *args: object, **kwargs: object) -> object:
        """Return what the target returns for these arguments."""
        return self._ask("call", _name(target), target=_out(target), args=_out(args), kwargs=_out(kwargs))

    def inspect(self, target: "str | tuple[Handle, str]", *args: object, **kwargs: object) -> Inspection:
        """Call the target and return its value with the arguments as they are afterwards and what was printed."""
        request = {"target": _out(target), "args": _out(args), "kwargs": _out(kwargs), "inspect": True}
        fields = {"value": object, "arguments": tuple, "printed": str, "surroundings": tuple}
        return Inspection(**self._ask_record("call", _name(target), fields, **request))

    def gradient(
        self,
        target: "str | tuple[Handle, str]",
        *args: object,
        wrt: tuple[int, ...] = (0,),
        parameters_of: "Handle | None" = None,
        cotangent: torch.Tensor | None = None,
        part: int | None = None,
        **kwargs: object,
    ) -> Gradient:
        """Return the target's value and the gradient of Σ value · cotangent for the arguments at `wrt` and the parameters.

        Where the target returns a tuple, `part` says which item's.
        """
        request = {"target": _out(target), "args": _out(args), "kwargs": _out(kwargs), "wrt": tuple(wrt)}
        request |= {"parameters_of": _out(parameters_of), "cotangent": cotangent, "part": part}
        fields = {"value": torch.Tensor, "inputs": tuple, "parameters": dict}
        found = Gradient(**self._ask_record("gradient", _name(target), fields, **request))
        if len(found.inputs) != len(wrt) or not _all(TENSOR_OR_NONE, (*found.inputs, *found.parameters.values())):
            raise BadAnswer(_unreadable(_name(target)))
        return found

    def new(self, target: "str | tuple[Handle, str]", *args: object, **kwargs: object) -> "Handle":
        """Construct an object of the submission, or call what returns one, and keep it there."""
        name = _name(target)
        return Handle(self, self._ask("new", name, target=_out(target), args=_out(args), kwargs=_out(kwargs)), name)

    def variable(self, name: str) -> "Handle":
        """Return a handle of a variable of the notebook."""
        return Handle(self, self._ask("object", name, name=name), name)

    def build(self, kind: str, *args: object, **kwargs: object) -> "Handle":
        """Build one of the suites' small models there: the class of that name in suite/toys.py or an assignment's own toys.py."""
        request = {"kind": kind, "args": _out(args), "kwargs": _out(kwargs)}
        return Handle(self, self._ask("build", kind, **request), kind)

    def optimizer(self, kind: str, model: "Handle", **options: float) -> "Handle":
        """Build torch.optim.`kind` over a model's parameters."""
        return Handle(self, self._ask("optimizer", kind, kind=kind, owner=_out(model), options=options), kind)

    def convolutions(self, handle: "Handle", *args: object) -> Convolutions:
        """Call a module and watch its convolutions."""
        fields = {"kernels": list, "output": tuple, "ablated": tuple}
        request = {"owner": _out(handle), "args": _out(args)}
        return Convolutions(**self._ask_record("convolutions", _name(handle), fields, **request))

    def watch(self, target: "str | tuple[Handle, str]", *args: object, parts_of: "Handle", **kwargs: object) -> Watched:
        """Call the target and watch the parts of a model, and the memory taken by tensors made during the call."""
        request = {"target": _out(target), "args": _out(args), "kwargs": _out(kwargs), "owner": _out(parts_of)}
        fields = {"value": object, "parts": dict, "peak_bytes": int}
        seen = Watched(**self._ask_record("watch", _name(target), fields, **request))
        if not all(isinstance(part, tuple) and len(part) == 3 and _all(int, part) for part in seen.parts.values()):
            raise BadAnswer(_unreadable(_name(target)))
        return seen

    def assigned_again(self) -> list[str]:
        """Return the names that were asked for and mean something else at the notebook's end."""
        names = self._ask("changed", "the notebook's names")
        return [n for n in names if type(n) is str and n.isidentifier()] if type(names) is list else []

    def seed(self, seed: int) -> None:
        """Seed the global random number generators of torch, numpy and Python in the kernel."""
        self._ask("seed", "torch.manual_seed", seed=seed)

    def global_rng(self) -> torch.Tensor:
        """Return the state of torch's global random number generator in the kernel."""
        state = self._ask("global_rng", "torch.get_rng_state")
        if not isinstance(state, torch.Tensor):
            raise BadAnswer(_unreadable("torch.get_rng_state"))
        return state

    def _ask(self, operation: str, asked: str, **request: object) -> Any:
        request = {"op": operation, "asked": asked, "exercise": self.exercise, **request}
        header, payload = wire.encode(request, self._max_bytes)
        try:
            reply = wire.decode(*self._transport(header, payload), self._max_bytes)
        except wire.WireError as error:
            raise BadAnswer(f"{asked}: the kernel's answer cannot be read: {error}.") from None
        if type(reply) is not dict:
            raise BadAnswer(_unreadable(asked))
        failure, text, kinds = reply.get("failure"), reply.get("text"), reply.get("kinds", [])
        if type(failure) is str and failure in FAILURES and type(text) is str and type(kinds) is list:
            missing = self._why_missing(asked) if failure == "not defined" else ""
            error = FAILURES[failure](missing or _explain(failure, asked, text[:MAX_TEXT]))
            error.kinds = tuple(kind for kind in kinds if type(kind) is str)
            raise error
        if "value" not in reply:
            raise BadAnswer(_unreadable(asked))
        found = _opaque(reply["value"])
        if found is not None:
            raise BadAnswer(f"{asked} returned {found}; expected torch tensors or plain Python values.")
        return reply["value"]

    def _ask_record(self, operation: str, asked: str, fields: dict[str, type], **request: object) -> dict:
        """Ask and return a dict with just these fields, each of its type: the kernel may answer anything."""
        record = self._ask(operation, asked, **request)
        if type(record) is not dict or record.keys() != fields.keys():
            raise BadAnswer(_unreadable(asked))
        if not all(isinstance(record[name], kind) for name, kind in fields.items()):
            raise BadAnswer(_unreadable(asked))
        return record


class Handle:
    """An object that stays with the submission."""

    def __init__(self, student: Student, reference: object, name: str):
        if type(reference) is not Reference:
            raise BadAnswer(_unreadable(name))
        self._student, self._reference, self._name = student, reference, name

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self._student.call((self, ""), *args, **kwargs)

    def __getattr__(self, name: str) -> Callable:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self.call(name, *args, **kwargs)

    def call(self, method: str, *args: object, **kwargs: object) -> object:
        """Return what the method returns for these arguments."""
        return self._student.call((self, method), *args, **kwargs)

    def attribute(self, name: str) -> "Handle":
        """Return a handle of an attribute, dots allowed."""
        reference = self._ask("attribute", name=name)
        return Handle(self._student, reference, f"{self._name}.{name}")

    def value(self, name: str) -> object:
        """Return an attribute that is a plain value."""
        return self._ask("value", name=name)

    def assign(self, **values: object) -> None:
        """Set attributes to handles or plain values."""
        self._ask("assign", values=_out(values))

    def to(self, dtype: torch.dtype) -> None:
        """Convert parameters and buffers."""
        self._ask("move", dtype=dtype)

    def train(self) -> None:
        """Put the module into training mode."""
        self._ask("mode", training=True)

    def eval(self) -> None:
        """Put the module into evaluation mode."""
        self._ask("mode", training=False)

    def state(self) -> State:
        """Return the module's parameters, buffers, gradients and flags."""
        fields: dict[str, type] = dict.fromkeys(
            ("parameters", "buffers", "gradients", "requires_grad", "training"), dict
        )
        state = State(**self._student._ask_record("state", self._name, fields, owner=self._reference))
        tensors = (*state.parameters.values(), *state.buffers.values())
        flags = (*state.requires_grad.values(), *state.training.values())
        if not (
            _all(torch.Tensor, tensors)
            and _all(bool, flags)
            and _all(TENSOR_OR_NONE, state.gradients.values())
            and state.parameters.keys() == state.gradients.keys() == state.requires_grad.keys()
        ):
            raise BadAnswer(_unreadable(self._name))
        return state

    def load(self, values: dict[str, torch.Tensor], gradients: dict[str, torch.Tensor] | None = None) -> None:
        """Set parameters and buffers, and gradients of parameters, by name."""
        self._ask("load", values=values, gradients=gradients or {})

    def _ask(self, operation: str, **request: object) -> object:
        return self._student._ask(operation, self._name, owner=self._reference, **request)


def in_process(namespace: dict, device: str = "cpu") -> Student:
    """Return a student whose functions stand in `namespace` of this process: for trusted code only."""
    return Student(agent_module.Agent(namespace, wire, device, MAX_BYTES, toys=_toys()).answer)


@functools.cache
def _toys() -> dict[str, Any]:
    """Return the suites' small models, by name."""
    found = {"__name__": "toys"}
    exec(catalogue.toys(), found)
    return found


def _out(value: object) -> object:
    if isinstance(value, Handle):
        return value._reference
    if isinstance(value, (tuple, list)):
        return tuple(_out(item) for item in value)
    if isinstance(value, dict):
        return {name: _out(item) for name, item in value.items()}
    return value


def _name(target: object) -> str:
    if isinstance(target, tuple):
        return f"{target[0]._name}.{target[1]}" if target[1] else target[0]._name
    return target._name if isinstance(target, Handle) else str(target)


def _all(kind, values) -> bool:
    return all(isinstance(value, kind) for value in values)


def _unreadable(asked: str) -> str:
    return f"{asked}: the kernel's answer cannot be read."


def _opaque(value: object) -> str | None:
    if isinstance(value, Opaque):
        return value.text
    if isinstance(value, (tuple, list, dict)):
        items = value.values() if isinstance(value, dict) else value
        return next((found for item in items if (found := _opaque(item)) is not None), None)
    return None


def _explain(failure: str, asked: str, text: str) -> str:
    if failure == "not defined":
        return f"{text}. Run all cells from the top: is the exercise's cell solved, free of errors, and its name unchanged?"
    if failure == "raised":
        if text.startswith(STUB) or text.rstrip(": ") == "NotImplementedError":
            return f"{asked} is not written yet, or calls an exercise that is not."
        if any(sign in text for sign in NO_GPU):
            return (
                f"{asked} asked for a GPU ({text.splitlines()[0][:100]}). Use the device of x (device=x.device) "
                'instead of "cuda".'
            )
        return f"{asked} raised {text}"
    return f"{asked}: {text}."
