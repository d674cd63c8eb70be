"""The answering end inside a student's kernel: calls the student's functions on what the grader sends and returns what they return.

It is sent to the kernel as source together with `wire` and the suites' toys, imports nothing of this package and decides nothing:
whatever it returns is untrusted data for `remote`.
"""

import builtins
import contextlib
import copy
import io
import os
import random
import sys
import types
import warnings
import weakref
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

MAX_PRINTED = 2000  # characters kept of what a call prints
MAX_TEXT = 2000  # characters kept of what an exception says
MAX_NAMES = 10  # names of the submission that are told at once
STUB = "write your answer here"  # in an unsolved cell of the release
THREADS = int(os.environ.get("OMP_NUM_THREADS") or torch.get_num_threads())
STATES = "_kit_states"  # attribute of the shell: what stood when an exercise's test cell was reached


class ConvolutionWatch(TorchDispatchMode):
    """Notes the kernel sizes above 1 of all convolutions, and can make these convolutions return zeros."""

    def __init__(self, ablate):
        super().__init__()
        self.ablate, self.kernels = ablate, []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if "convolution" in str(func) and "backward" not in str(func):
            kernel = tuple(args[1].shape[2:])
            if max(kernel, default=1) > 1:
                self.kernels.append(kernel)
                return torch.zeros_like(result) if self.ablate else result
        return result


class MemoryWatch(TorchDispatchMode):
    """Notes how many bytes of tensors made inside it are alive at once: their storages, each once, until they are freed."""

    def __init__(self):
        super().__init__()
        self.peak, self._alive, self._known = 0, 0, WeakIdKeyDictionary()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        for storage in _storages((args, kwargs)):
            self._known.setdefault(storage, 0)  # was there before
        result = func(*args, **(kwargs or {}))
        for storage in _storages(result):
            if storage not in self._known:
                self._known[storage] = size = storage.nbytes()
                self._alive += size
                weakref.finalize(storage, self._freed, size)
        self.peak = max(self.peak, self._alive)
        return result

    def _freed(self, size):
        self._alive -= size


def _storages(value):
    return [leaf.untyped_storage() for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor)]


class Printed(io.StringIO):
    """Keeps the first characters of what is written."""

    def write(self, text):
        room = MAX_PRINTED - self.tell()
        if room > 0:
            super().write(str(text)[:room])
        return len(text)


class Failure(Exception):
    """An answer of the agent that is no result: `kind` names it, the text explains it."""

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


class State:
    """What the names of a notebook meant at one moment, so that it can be put back.

    A name that was not there yet, or stood for an unsolved cell, keeps its later meaning: who answers below the test cell has
    answered. Only a later name of a builtin is taken away again, as no earlier function can have meant it. Trained models are
    copied, for they may be trained further under the same name; of classes the attributes are kept.

    Args:
        namespace: where the names stand.
        copies: of models, by what they are; shared by all states of a notebook.
    """

    def __init__(self, namespace, copies):
        self.names = {name: _kept(value, copies) for name, value in namespace.items() if not name.startswith("_")}
        self.meant = {name: namespace[name] for name in self.names}
        self.attributes = {cls: dict(vars(cls)) for cls in self.names.values() if _own_class(cls, namespace)}

    def restore(self, namespace, final):
        """Give the names of `namespace` their meaning at this moment.

        Args:
            final: {name: value} at the notebook's end.
        """
        for name in list(namespace):
            if name not in final and not name.startswith("_"):
                del namespace[name]
        namespace.update(final)
        for name in final:
            if name not in self.names and hasattr(builtins, name) and not name.startswith("_"):
                del namespace[name]
        namespace.update({name: value for name, value in self.names.items() if not _stub(value)})
        for cls, attributes in self.attributes.items():
            for name, value in attributes.items():
                if vars(cls).get(name) is not value and not _stub(value):
                    with contextlib.suppress(AttributeError, TypeError):  # __dict__ and its like cannot be set
                        setattr(cls, name, value)

    def changed(self, name, final):
        """Return whether a name means something else at the notebook's end."""
        value = self.meant.get(name)
        return name in self.meant and final.get(name) is not value and not _stub(value)


def _kept(value, copies):
    """Return a value, of a model a copy that nothing trains further."""
    if not isinstance(value, nn.Module):
        return value
    try:
        key = id(value), *((id(part), part._version) for part in (*value.parameters(), *value.buffers()))
        if key not in copies:
            copies[key] = copy.deepcopy(value), value  # the value too, so that its id is not given to another one
        return copies[key][0]
    except Exception:  # whatever the submission's class makes of being copied
        return value


def _own_class(value, namespace):
    return isinstance(value, type) and value.__module__ == namespace.get("__name__")


def _stub(value):
    """Return whether a function, or a method of a class, is one that the release left unsolved."""
    if isinstance(value, type):
        return any(_stub(method) for method in vars(value).values() if isinstance(method, types.FunctionType))
    code = getattr(value, "__code__", None)
    return isinstance(code, types.CodeType) and any(STUB in c for c in code.co_consts if isinstance(c, str))


@contextlib.contextmanager
def usual_state():
    """Give torch, numpy and warnings the state they start with, and put back afterwards what stood before.

    Yields a function that returns the names of what differs from the usual state now.
    """
    numpy = sys.modules.get("numpy")
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.set_grad_enabled(True))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("default")
        if numpy is not None:
            stack.enter_context(numpy.errstate(divide="warn", over="warn", under="ignore", invalid="warn"))
        for read, write, usual, _ in SETTINGS:
            before = read()
            if before != usual:
                write(usual)
            stack.callback(lambda read=read, write=write, before=before: write(before) if read() != before else None)
        yield lambda: (
            *(() if torch.is_grad_enabled() else ("gradient mode",)),
            *(name for read, _, usual, name in SETTINGS if read() != usual),
        )


def _cpu_autocast(on):
    torch.set_autocast_enabled("cpu", on)


def _cuda_autocast(on):
    torch.set_autocast_enabled("cuda", on)


def _deterministic(setting):
    torch.use_deterministic_algorithms(setting[0], warn_only=setting[1])


# of torch: how a setting is read and written, what it starts as, and its name
SETTINGS: Any = (
    (torch.get_default_dtype, torch.set_default_dtype, torch.float32, "default dtype"),
    (torch.get_default_device, torch.set_default_device, torch.device("cpu"), "default device"),
    (
        lambda: (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()),
        _deterministic,
        (False, False),
        "deterministic algorithms",
    ),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly, False, "anomaly detection"),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest", "precision of products"),
    (lambda: torch.is_autocast_enabled("cpu"), _cpu_autocast, False, "autocast"),
    (lambda: torch.is_autocast_enabled("cuda"), _cuda_autocast, False, "autocast"),
    (torch.get_num_threads, torch.set_num_threads, THREADS, "number of threads"),
)


class Agent:
    """Answers requests about one namespace.

    Args:
        namespace: where the student's names stand.
        wire: the module `wire`.
        device: where tensors, generators and modules are put, "cpu" or "cuda".
        max_bytes: bound on one message.
        states: exercise to the `State` at its test cell; an exercise without one is asked as the namespace stands.
        toys: by name, the classes that `do_build` builds.
    """

    def __init__(self, namespace, wire, device="cpu", max_bytes=2**28, states=None, toys=None):
        self.namespace, self.wire, self.device, self.max_bytes = namespace, wire, device, max_bytes
        self.kept, self.states, self.final, self.exercise = {}, states or {}, None, None
        self.changed, self.toys = {}, toys or {}

    def answer(self, header, payload):
        """Return header and payload of the reply to one request; never raises but for what ends the process."""
        wire = self.wire
        try:
            request = wire.decode(header, payload, self.max_bytes)
            request.pop("asked", None)  # for the asking end's own messages
            self._at(request.pop("exercise", ""))
            operation = getattr(self, "do_" + request.pop("op"))
            arguments = {name: self._take_in(value) for name, value in request.items()}
            with usual_state(), contextlib.redirect_stdout(Printed()):
                reply = {"value": operation(**arguments)}
            return wire.encode(reply, self.max_bytes)
        except Failure as failure:
            reply = {"failure": failure.kind, "text": str(failure)}
        except wire.WireError as error:
            reply = {"failure": "bad answer", "text": str(error)}
        except BaseException as error:  # SystemExit and KeyboardInterrupt are answers too
            reply: dict[str, object] = {"failure": "raised", "text": f"{type(error).__name__}: {_text(error)}"}
            reply["kinds"] = [kind.__name__[:100] for kind in type(error).__mro__[:20]]
        reply["text"] = str(reply["text"])[:MAX_TEXT]
        return wire.encode(reply, self.max_bytes)

    # --- what can be asked -----------------------------------------------------------------------

    def do_call(self, target, args, kwargs, keep=False, inspect=False):
        function = self._find(target)
        printed = Printed()
        with contextlib.redirect_stdout(printed):
            value = self._value(function, *args, **kwargs)
        if keep:
            return self._keep(value)
        if inspect:
            seen = tuple(a if isinstance(a, torch.Tensor) else None for a in args)
            return {"value": value, "arguments": seen, "printed": printed.getvalue(), "surroundings": self.left}
        return value

    def do_new(self, target, args, kwargs):
        value = self._value(self._find(target), *args, **kwargs)
        if isinstance(value, nn.Module):
            value = value.to(self.device).eval()
        return self._keep(value)

    def do_gradient(self, target, args, kwargs, wrt, parameters_of, cotangent, part):
        function, args = self._find(target), list(args)
        for i in wrt:
            args[i] = args[i].clone().requires_grad_(True)
        value = self._value(function, *args, **kwargs)
        if part is not None and isinstance(value, (tuple, list)) and part < len(value):
            value = value[part]
        named = dict(parameters_of.named_parameters()) if parameters_of is not None else {}
        sources = [args[i] for i in wrt] + list(named.values())
        if not isinstance(value, torch.Tensor):
            raise Failure("bad answer", f"returned {self.wire.describe(value)} where a torch.Tensor is expected")
        if value.requires_grad:
            weight = torch.ones_like(value) if cotangent is None else cotangent.to(value.dtype)
            if weight.shape != value.shape:
                expected = tuple(weight.shape)
                raise Failure("bad answer", f"returned {self.wire.describe(value)} where shape {expected} is expected")
            gradients = torch.autograd.grad((value * weight).sum(), sources, allow_unused=True)
        else:
            gradients = [None] * len(sources)
        return {
            "value": value,
            "inputs": tuple(gradients[: len(wrt)]),
            "parameters": dict(zip(named, gradients[len(wrt) :], strict=True)),
        }

    def do_object(self, name):
        return self._keep(self._find(name))

    def do_attribute(self, owner, name):
        return self._keep(self._attribute(owner, name))

    def do_value(self, owner, name):
        return self._attribute(owner, name)

    def do_assign(self, owner, values):
        for name, value in values.items():
            setattr(owner, name, value)

    def do_move(self, owner, dtype):
        owner.to(dtype)

    def do_mode(self, owner, training):
        owner.train(training)

    def do_state(self, owner):
        parameters = dict(owner.named_parameters())
        return {
            "parameters": parameters,
            "buffers": dict(owner.named_buffers()),
            "gradients": {name: value.grad for name, value in parameters.items()},
            "requires_grad": {name: value.requires_grad for name, value in parameters.items()},
            "training": {name: module.training for name, module in owner.named_modules()},
        }

    def do_load(self, owner, values, gradients):
        own = {**dict(owner.named_parameters()), **dict(owner.named_buffers())}
        for name in (*values, *gradients):
            if name not in own:
                raise Failure("bad answer", f"the model has no parameter or buffer named {name!r}")
        for name, gradient in gradients.items():
            own[name].grad = gradient.clone()
        for name, value in values.items():
            with torch.no_grad():
                own[name].copy_(value)

    def do_convolutions(self, owner, args):
        outputs = []
        with torch.no_grad():
            for ablate in (False, True):
                with ConvolutionWatch(ablate) as watch:
                    value = owner(*args)
                outputs.append(value if isinstance(value, tuple) else (value,))
        return {"kernels": [tuple(kernel) for kernel in watch.kernels], "output": outputs[0], "ablated": outputs[1]}

    def do_watch(self, target, args, kwargs, owner):
        parts = dict(owner.named_children())
        sizes = {name: [] for name in parts}

        def noting(forward, seen):
            def noted(*args, **kwargs):
                seen.append([*args, *kwargs.values()][0].numel())
                return forward(*args, **kwargs)

            return noted

        for name, part in parts.items():
            part.forward = noting(part.forward, sizes[name])  # on the object, so that it goes when that is deleted
        try:
            with MemoryWatch() as memory:
                value = self._value(self._find(target), *args, **kwargs)
        finally:
            for part in parts.values():
                del part.forward
        seen = {name: (len(each), max(each, default=0), sum(each)) for name, each in sizes.items()}
        return {"value": value, "parts": seen, "peak_bytes": memory.peak}

    def do_build(self, kind, args, kwargs):
        return self._keep(self.toys[kind](*args, **kwargs).to(self.device).eval())

    def do_optimizer(self, kind, owner, options):
        return self._keep(getattr(torch.optim, kind)(owner.parameters(), **options))

    def do_seed(self, seed):
        torch.manual_seed(seed)
        random.seed(seed)
        if (numpy := sys.modules.get("numpy")) is not None:
            numpy.random.seed(seed % 2**32)

    def do_changed(self):
        return list(self.changed)[:MAX_NAMES]

    def do_global_rng(self):
        return torch.get_rng_state()

    # --- helpers ---------------------------------------------------------------------------------

    def _value(self, function, *args, **kwargs):
        """Return what a function returns; what it leaves changed of torch's settings is named in `left` and put back."""
        with usual_state() as differing:
            value = function(*args, **kwargs)
            self.left = differing()
        return value

    def _take_in(self, value):
        wire = self.wire
        if isinstance(value, wire.Reference):
            if value.number not in self.kept:
                raise Failure("bad answer", "an object that is no longer there was asked about")
            return self.kept[value.number]
        if isinstance(value, wire.Seed):
            return torch.Generator(device=self.device).manual_seed(value.value)
        if isinstance(value, torch.Tensor):
            return value.to(self.device)
        if isinstance(value, (tuple, list)):
            return type(value)(self._take_in(item) for item in value)
        if isinstance(value, dict):
            return {name: self._take_in(item) for name, item in value.items()}
        return value

    def _find(self, target):
        if isinstance(target, tuple):
            owner, name = target
            return owner if name == "" else self._attribute(owner, name)
        if target not in self.namespace:
            raise Failure("not defined", f"{target} is not defined")
        state = self.states.get(self.exercise)
        if state is not None and state.changed(target, self.final):
            self.changed[target] = True
        return self.namespace[target]

    def _at(self, exercise):
        """Give the names the meaning they had when this exercise's test cell was reached."""
        if exercise == self.exercise or not self.states:
            return
        if self.final is None:
            self.final = {name: value for name, value in self.namespace.items() if not name.startswith("_")}
        self.exercise = exercise
        state = self.states.get(exercise)
        if state is not None:
            state.restore(self.namespace, self.final)
        else:
            self.namespace.update(self.final)

    def _attribute(self, owner, name):
        for part in name.split("."):
            if not hasattr(owner, part):
                raise Failure("not defined", f"{type(owner).__name__} has no attribute {part}")
            owner = getattr(owner, part)
        return owner

    def _keep(self, value):
        number = len(self.kept) + 1
        self.kept[number] = value
        return self.wire.Reference(number)


def _text(error):
    try:
        return str.__getitem__(str(error), slice(MAX_TEXT))  # str() may return a subclass
    except BaseException:
        return "(its message cannot be read)"


def prepare(shell):
    """Make an IPython shell ready for a submission's cells.

    `exit()` is left without effect, which would end the kernel a moment after its cell has been answered. A statement that raises
    costs what it does itself: those after it in its cell are tried.
    """
    states, copies, run_nodes = {}, {}, shell.run_ast_nodes
    setattr(shell, STATES, states)

    def ask_exit():
        print("[exit() has no effect while grading.]")

    async def run_each(nodes, cell_name, interactivity="last_expr", compiler=compile, result=None):
        first = None
        for node in nodes:
            last = node is nodes[-1]
            failed = await run_nodes([node], cell_name, interactivity if last else "none", compiler, result)
            error = result.error_before_exec or result.error_in_exec if failed and result is not None else None
            first = first or error
            if isinstance(error, KeyboardInterrupt):
                break
        if first is not None and result is not None:
            result.error_in_exec = first
        return first is not None

    def reached(exercise):
        states[exercise] = State(shell.user_ns, copies)

    shell.ask_exit = ask_exit
    shell.run_ast_nodes = run_each
    states[""] = reached


def serve(shell, wire, target, device, max_bytes, toys):
    """Answer comm messages of the target in the namespace of an IPython shell."""
    states = {name: state for name, state in getattr(shell, STATES, {}).items() if name}
    agent = Agent(shell.user_ns, wire, device, max_bytes, states, vars(toys))

    def opened(comm, message):
        def received(message):
            frames = [bytes(frame) for frame in message["buffers"]]
            header, payload = agent.answer(*frames)
            comm.send(data={"key": message["content"]["data"]["key"]}, buffers=[header, payload])

        comm.on_msg(received)

    shell.kernel.comm_manager.register_target(target, opened)
