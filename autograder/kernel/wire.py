"""The message that the grader and a student's kernel exchange: a JSON header and a safetensors payload.

Speaks of plain values only: None, bool, int, float, str, tensors, and lists, tuples and dicts of these; objects that stay in the
kernel travel as numbers (`Reference`), random generators as seeds (`Seed`). Never pickles and never evaluates. Every message is bounded
in bytes, nesting, items and tensors *before* anything of that size is allocated. Used by `remote` (asking) and, sent along as source,
by `agent` (answering), so it imports nothing of this package.
"""

import json
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

MAX_DEPTH = 8
MAX_ITEMS = 20_000
MAX_HEADER_BYTES = 4 * 2**20
MAX_TEXT = 20_000  # characters of one string
MAX_AXES = 16
DTYPES = (
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
)
DTYPE_NAMES = {str(dtype).removeprefix("torch."): dtype for dtype in DTYPES}
DESCRIPTORS: Any = torch.Tensor  # what it says of its attributes, whatever a subclass says


class WireError(ValueError):
    """A value or message that the wire does not carry; the text says which and why."""


@dataclass(frozen=True)
class Seed:
    """Stands for a torch.Generator seeded with `value` on the kernel's device."""

    value: int


@dataclass(frozen=True)
class Reference:
    """Stands for an object kept in the kernel under `number`."""

    number: int


@dataclass(frozen=True)
class Opaque:
    """Stands for a result that the wire does not carry, described in `text`."""

    text: str


def describe(value: object) -> str:
    """Return what `value` is in a student's words: its type and, where it has one, its shape."""
    kind = type(value)
    name = kind.__name__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__name__}"
    try:
        shape = getattr(value, "shape", None)
    except Exception:  # whatever a property raises
        shape = None
    if isinstance(shape, tuple) and len(shape) <= MAX_AXES and all(type(n) is int for n in shape):
        return f"{name} of shape {tuple(shape)}"
    return name[:200]


def encode(value: object, max_bytes: int) -> tuple[bytes, bytes]:
    """Return header and payload of `value`.

    Raises:
        WireError: the value is too large, too deep, or of a type that the wire does not carry.
    """
    tensors: dict[str, torch.Tensor] = {}
    room = [max_bytes, MAX_ITEMS, MAX_HEADER_BYTES]
    header = json.dumps(_pack(value, tensors, room, 0)).encode()
    if len(header) > MAX_HEADER_BYTES:
        raise WireError(f"the answer's description has {len(header)} bytes; {MAX_HEADER_BYTES} are allowed")
    return header, save_tensors(tensors)


def decode(header: bytes, payload: bytes, max_bytes: int) -> object:
    """Return the value of a message, made of plain tensors and Python values only.

    Raises:
        WireError: the message is too large, malformed, or names what the wire does not carry.
    """
    if len(header) > MAX_HEADER_BYTES or len(payload) > max_bytes + MAX_HEADER_BYTES:
        raise WireError(f"a message of {len(header)} + {len(payload)} bytes; {max_bytes} are allowed")
    if (
        int.from_bytes(payload[:8], "little") > MAX_HEADER_BYTES
    ):  # of safetensors' own header, which may name millions of tensors
        raise WireError("a message whose payload has too long a header")
    try:
        tree = json.loads(bytes(header))
        tensors = load_tensors(bytes(payload))
        return _unpack(tree, tensors, [MAX_ITEMS], 0)
    except WireError:
        raise
    except (Exception, RecursionError) as error:
        raise WireError(f"a malformed message ({type(error).__name__})") from None


def _pack(value: Any, tensors: dict, room: list[int], depth: int) -> dict:
    room[1] -= 1
    if depth > MAX_DEPTH:
        raise WireError(f"nested more than {MAX_DEPTH} deep")
    if room[1] < 0:
        raise WireError(f"more than {MAX_ITEMS} items")
    if value is None or value is True or value is False:
        return {"k": "v", "v": value}
    kind = type(value)  # never isinstance: an object may name any class as its own
    if issubclass(kind, torch.Tensor):
        return _pack_tensor(value, tensors, room)
    if kind is int:
        if value.bit_length() > 63:
            raise WireError("an int of more than 63 bits")
        return {"k": "v", "v": value}
    if issubclass(kind, float):  # numpy.float64 is one
        return {"k": "f", "v": float.hex(value)}
    if kind is str:
        return {"k": "v", "v": _text(value, room)}
    if issubclass(kind, tuple):  # named tuples and torch.return_types arrive as plain tuples
        return {"k": "u", "v": [_pack(item, tensors, room, depth + 1) for item in tuple.__iter__(value)]}
    if kind is list:
        return {"k": "l", "v": [_pack(item, tensors, room, depth + 1) for item in value]}
    if issubclass(kind, dict) and all(type(key) is str for key in dict.keys(value)):
        items = {_text(key, room): _pack(item, tensors, room, depth + 1) for key, item in dict.items(value)}
        return {"k": "d", "v": items}
    if kind is torch.dtype:
        return {"k": "y", "v": str(value).removeprefix("torch.")}
    for known, mark in ((Seed, "s"), (Reference, "h"), (Opaque, "o")):
        if kind is known:
            return {"k": mark, "v": next(iter(vars(value).values()))}
    return {"k": "o", "v": _text(describe(value), room)}


def _text(value: str, room: list[int]) -> str:
    if len(value) > MAX_TEXT:
        raise WireError(f"a text of {len(value)} characters; {MAX_TEXT} are allowed")
    room[2] -= len(value)
    if room[2] < 0:
        raise WireError(f"texts of more than {MAX_HEADER_BYTES} characters in all")
    return value.encode("utf-8", "replace").decode()  # lone surrogates cannot be written to any file


def _pack_tensor(value: torch.Tensor, tensors: dict, room: list[int]) -> dict:
    with torch._C.DisableTorchFunctionSubclass():  # what a subclass says of itself does not count
        dtype, layout, axes = (
            DESCRIPTORS.dtype.__get__(value),
            DESCRIPTORS.layout.__get__(value),
            torch.Tensor.dim(value),
        )
        if dtype not in DTYPES or layout is not torch.strided or axes > MAX_AXES:
            return {"k": "o", "v": f"torch.Tensor of dtype {dtype}, layout {layout}, {axes} axes"}
        requires_grad = DESCRIPTORS.requires_grad.__get__(value)
        plain = torch.Tensor.as_subclass(torch.Tensor.detach(value), torch.Tensor)
    if type(plain) is not torch.Tensor or plain.is_nested or plain.is_meta:
        return {"k": "o", "v": describe(value)}
    size = plain.numel() * plain.element_size()
    room[0] -= size
    if room[0] < 0:  # before any copy: an expanded tensor may be far larger than its storage
        raise WireError(f"a tensor of shape {tuple(plain.shape)} takes {size} bytes, more than may be returned at once")
    name = str(len(tensors))
    tensors[name] = plain.resolve_neg().to("cpu").contiguous().clone()
    return {"k": "t", "v": name, "g": requires_grad}


def _unpack(node: Any, tensors: dict, room: list[int], depth: int) -> object:
    room[0] -= 1
    if room[0] < 0 or depth > MAX_DEPTH:
        raise WireError("too many items or nested too deep")
    if type(node) is not dict:
        raise WireError("a malformed message")
    kind, value = node.get("k"), node.get("v")
    if kind == "v" and (value is None or type(value) is bool):
        return value
    if kind == "v" and type(value) is str:
        return _checked(value)
    if type(value) is int and value.bit_length() > 63:
        raise WireError("an int of more than 63 bits")
    if kind == "v" and type(value) is int:
        return value
    if kind == "f" and type(value) is str:
        return float.fromhex(value)
    if kind == "t":
        tensor = tensors[value]
        if tensor.dtype not in DTYPES:
            raise WireError(f"a tensor of dtype {tensor.dtype}")
        return tensor.requires_grad_(node.get("g") is True and tensor.is_floating_point())
    if kind in ("u", "l") and type(value) is list:
        items = [_unpack(item, tensors, room, depth + 1) for item in value]
        return tuple(items) if kind == "u" else items
    if kind == "d" and type(value) is dict:
        return {_checked(key): _unpack(item, tensors, room, depth + 1) for key, item in value.items()}
    if kind == "s" and type(value) is int:
        return Seed(value)
    if kind == "h" and type(value) is int:
        return Reference(value)
    if kind == "y" and type(value) is str and value in DTYPE_NAMES:
        return DTYPE_NAMES[value]
    if kind == "o" and type(value) is str:
        return Opaque(_checked(value)[:500])
    raise WireError("a malformed message")


def _checked(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise WireError(f"a text of {len(text)} characters; {MAX_TEXT} are allowed")
    text.encode()  # lone surrogates are a UnicodeError
    return text
