"""The wire: what it carries and comes back the same, what it refuses, and what hostile bytes can do (nothing)."""

import collections
import enum
import json
import math
import random
import struct
import tracemalloc

import numpy as np
import pytest
import torch

from autograder.kernel import wire
from autograder.kernel.wire import Opaque, Reference, Seed, WireError

MAX_BYTES = 100_000


def there_and_back(value, max_bytes=MAX_BYTES):
    """Return what the other end of the wire sees of a value."""
    return wire.decode(*wire.encode(value, max_bytes), max_bytes)


def same(one, other):
    """Return whether two values are equal in type, structure and numbers."""
    if isinstance(one, torch.Tensor):
        plain = type(other) is torch.Tensor and one.dtype == other.dtype and one.shape == other.shape
        return plain and torch.equal(one.nan_to_num(7), other.nan_to_num(7))
    if type(one) in (tuple, list):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if type(one) is dict:
        return type(other) is dict and list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and (one == other or one != one and other != other)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        2**63 - 1,
        -(2**63) + 1,
        0.1,
        -0.0,
        5e-324,
        math.inf,
        math.nan,
        "",
        "log σ² \U0001f600 \x00",
        (),
        [],
        {},
        (1, (2.5, [None, {"a": ("b",)}])),
        {"": 1, "K": {"v": 2, "k": "t"}},
        Seed(7),
        Reference(3),
        torch.float64,
        torch.bool,
    ],
    ids=lambda value: f"{type(value).__name__}-{str(value)[:12]!a}",
)
def test_value_comes_back_the_same(value):
    """A plain value arrives with its type and to the last bit."""
    back = there_and_back(value)
    assert same(value, back)
    assert not isinstance(value, float) or math.copysign(1, value) == math.copysign(1, back)


@pytest.mark.parametrize("dtype", wire.DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 1, 5)], ids=str)
def test_tensor_comes_back_the_same(dtype, shape):
    """A tensor arrives with its dtype, shape and numbers."""
    tensor = (torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 100).to(dtype)
    assert same(tensor, there_and_back(tensor))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6.0).reshape(2, 3).T,
        torch.arange(10)[2::3],
        torch.tensor(1.5).expand(3, 4),
        torch.tensor([math.nan, math.inf, -math.inf]),
        torch.imag(torch.tensor([1 + 2j, 3 - 4j]).conj()),
    ],
    ids=["transposed", "strided", "expanded", "not-finite", "negated-view"],
)
def test_tensor_view_comes_back_by_value(tensor):
    """How a tensor lies in memory does not matter."""
    assert same(tensor.resolve_neg(), there_and_back(tensor))


@pytest.mark.parametrize("requires_grad", [True, False])
def test_tensor_keeps_requires_grad_and_loses_its_graph(requires_grad):
    """Whether a tensor is part of a graph arrives; the graph does not."""
    leaf = torch.ones(2, requires_grad=requires_grad)
    for tensor in (leaf, leaf * 2):
        back = there_and_back(tensor)
        assert (back.requires_grad, back.grad_fn) == (requires_grad, None)


def test_requires_grad_arrives_where_gradients_are_off():
    """A student's torch.set_grad_enabled(False) does not change the answer."""
    with torch.no_grad():
        assert there_and_back(torch.nn.Parameter(torch.ones(2))).requires_grad


def test_tensor_is_a_copy():
    """What arrives shares no memory with what was sent, and can be written to."""
    sent = torch.zeros(3)
    back = there_and_back([sent, sent])
    back[0] += 1
    assert torch.equal(sent, torch.zeros(3))
    assert torch.equal(back[1], torch.zeros(3))


# --- what is not plain -----------------------------------------------------------------------------


class HookedTensor(torch.Tensor):
    """Answers every question about itself with a lie or an error."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        raise RuntimeError("hooked")

    def numel(self):
        return 0

    def detach(self):
        return torch.zeros(10**6)


class HookedTuple(tuple):
    """Would never end if it were asked."""

    __slots__ = ()

    def __iter__(self):
        return iter(int, 1)

    def __len__(self):
        return 10**9


class HookedDict(dict):
    """Would show other entries if it were asked."""

    def items(self):
        raise RuntimeError("hooked")

    keys = __iter__ = items


class HookedFloat(float):
    """Would show another number if it were asked."""

    def hex(self):
        raise RuntimeError("hooked")

    __eq__ = __float__ = __repr__ = hex
    __hash__ = float.__hash__


def test_tensor_subclass_arrives_as_a_plain_tensor():
    """Nothing that a subclass of torch.Tensor redefines is called."""
    assert same(torch.arange(3.0), there_and_back(torch.arange(3.0).as_subclass(HookedTensor)))


def test_tensor_subclass_cannot_lie_about_its_size():
    """A subclass that gives its size as 0 is measured all the same."""
    with pytest.raises(WireError, match=r"shape \(10000000000,\) takes 40000000000 bytes"):
        wire.encode(torch.ones(1).expand(10**10).as_subclass(HookedTensor), MAX_BYTES)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (HookedTuple((1, 2)), (1, 2)),
        (HookedDict(a=1), {"a": 1}),
        (HookedFloat(2.5), 2.5),
        (np.float64(0.1), 0.1),
        (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (collections.namedtuple("Pair", "mu log_var")(1, 2), (1, 2)),
        (torch.return_types.max((torch.ones(1), torch.zeros(1))), (torch.ones(1), torch.zeros(1))),
    ],
    ids=["tuple", "dict", "float", "numpy", "ordered", "named", "torch"],
)
def test_subclass_arrives_as_its_plain_base(value, plain):
    """Subclasses of tuple, dict and float arrive as these, without asking what they redefine."""
    assert same(plain, there_and_back(value))


class Loud(list):
    """A list that is no list."""


class Word(str):
    """A str that is no str."""

    __slots__ = ()


class Choice(enum.IntEnum):
    """An int that is no int."""

    ONE = 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Loud([1]), "Loud"),
        (Word("a"), "Word"),
        (Choice.ONE, "Choice"),
        (1j, "complex"),
        (b"bytes", "bytes"),
        ({1: 2}, "dict"),
        ({1, 2}, "set"),
        (np.ones((2, 3)), "numpy.ndarray of shape (2, 3)"),
        (torch.ones(2, dtype=torch.complex64), "torch.Tensor of dtype torch.complex64, layout torch.strided, 1 axes"),
        (torch.eye(2).to_sparse(), "torch.Tensor of dtype torch.float32, layout torch.sparse_coo, 2 axes"),
        (torch.ones((1,) * 17), "torch.Tensor of dtype torch.float32, layout torch.strided, 17 axes"),
        (torch.ones(2, device="meta"), "torch.Tensor of shape (2,)"),
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_other_values_are_named_and_not_sent(value, text):
    """What the wire does not carry arrives as a description of its type."""
    back = there_and_back([value])
    assert type(back[0]) is Opaque
    assert back[0].text.endswith(text)


@pytest.mark.parametrize("claimed", [torch.Tensor, float, tuple, dict, int, str, Seed], ids=lambda kind: kind.__name__)
def test_object_that_claims_another_class_is_seen_through(claimed):
    """An object whose __class__ lies is described by its true type."""
    liar = type("Liar", (), {"__class__": property(lambda self: claimed)})()
    assert there_and_back(liar).text.endswith("Liar")


def test_describe_survives_a_shape_that_raises():
    """A property that raises is no part of the description."""
    broken = type("Broken", (), {"shape": property(lambda self: 1 / 0), "__module__": "__main__"})()
    assert wire.describe(broken) == "Broken"


def test_nothing_is_pickled(monkeypatch):
    """Objects with a reducer arrive as a description, and the reducer is not called."""
    called = []
    bomb = type("Bomb", (), {"__reduce__": lambda self: called.append(1) or (print, ())})()
    assert type(there_and_back(bomb)) is Opaque
    assert called == []
    assert "pickle" not in vars(wire)


@pytest.mark.parametrize("value", ["a\ud800b", {"a\ud800b": 1}], ids=["text", "key"])
def test_lone_surrogates_are_replaced(value):
    """A text that no file could hold arrives with question marks."""
    assert there_and_back(value) in ("a?b", {"a?b": 1})


# --- bounds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (torch.ones(1).expand(10**10), "takes 40000000000 bytes"),
        ([torch.ones(1).expand(10**4)] * 3, "takes 40000 bytes"),
        ([0] * wire.MAX_ITEMS, "more than 20000 items"),
        ([[0] * 200] * 200, "more than 20000 items"),
        ("a" * (wire.MAX_TEXT + 1), "20001 characters"),
        ({"a" * (wire.MAX_TEXT + 1): 1}, "20001 characters"),
        (["a" * wire.MAX_TEXT] * 1000, "texts of more than"),
        (["\x00" * wire.MAX_TEXT] * 50, "description has"),
        (2**63, "more than 63 bits"),
        (-(10**5000), "more than 63 bits"),
    ],
    ids=["tensor", "tensors", "items", "nested-items", "text", "key", "texts", "escapes", "int", "huge-int"],
)
def test_too_large_is_refused_before_it_is_copied(value, why):
    """A value over a bound is refused, and what it would take is never allocated."""
    tracemalloc.start()
    try:
        with pytest.raises(WireError, match=why):
            wire.encode(value, MAX_BYTES)
        assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    finally:
        tracemalloc.stop()


def test_too_deep_is_refused():
    """Nesting is bounded, also where it never ends."""
    endless = []
    endless.append(endless)
    for value in (endless, {"a": endless}, (endless,)):
        with pytest.raises(WireError, match="nested more than 8 deep"):
            wire.encode(value, MAX_BYTES)


def test_what_just_fits_is_carried():
    """The bounds themselves are allowed."""
    assert there_and_back(torch.zeros(25_000)).numel() == 25_000
    assert there_and_back("a" * wire.MAX_TEXT) == "a" * wire.MAX_TEXT
    assert len(there_and_back([0] * (wire.MAX_ITEMS - 1))) == wire.MAX_ITEMS - 1
    deep = 0
    for _ in range(wire.MAX_DEPTH):
        deep = [deep]
    assert there_and_back(deep) == deep


# --- hostile messages ------------------------------------------------------------------------------

EMPTY = wire.encode(None, 0)[1]
ONE = wire.encode(torch.ones(3), MAX_BYTES)[1]


def header(kind, value, **more):
    """Return a message's header with one node."""
    return json.dumps({"k": kind, "v": value, **more}).encode()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"k":"v","v":NaN}',
        b'{"k":"v","v":1e5}',
        b'{"k":"v","v":1' + b"0" * 400 + b"}",
        b'{"k":"v","v":1' + b"0" * 5000 + b"}",
        b"[" * 100_000,
        b'{"v":' * 100_000,
        header("v", []),
        header("v", "\ud800"),
        header("v", "a" * (wire.MAX_TEXT + 1)),
        header("f", "0x1p99999"),
        header("f", 1.0),
        header("f", "one"),
        header("t", "1"),
        header("t", 0),
        header("t", ["0"]),
        header("u", "ab"),
        header("l", {"k": "v", "v": 1}),
        header("l", [None]),
        header("d", [["a", 1]]),
        header("d", {"\ud800": {"k": "v", "v": 1}}),
        header("s", "7"),
        header("s", True),
        header("s", 2**63),
        header("h", 10**30),
        header("h", 1.5),
        header("y", "complex64"),
        header("y", "nn"),
        header("y", ["float32"]),
        header("o", 3),
        header("o", "\udfff"),
        header("x", 1),
        header(["v"], 1),
        header({"v": 1}, 1),
        json.dumps({"k": "l", "v": [{"k": "v", "v": 0}] * wire.MAX_ITEMS}).encode(),
        b" " * (wire.MAX_HEADER_BYTES + 1),
    ],
    ids=range(40),
)
def test_malformed_header_is_refused(message):
    """Whatever a header says, the only error is WireError."""
    with pytest.raises(WireError):
        wire.decode(message, ONE, MAX_BYTES)


def tensors_header(entries, data=b""):
    """Return a safetensors file with any header."""
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype="F32", shape=(3,), offsets=(0, 12)):
    """Return a safetensors header with one tensor."""
    return {"0": {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x00" * 7,
        b"\xff" * 16,
        struct.pack("<Q", 2**40) + b"{}",
        struct.pack("<Q", wire.MAX_HEADER_BYTES + 1) + b"{}",
        tensors_header(b"{"),
        tensors_header(b"[]"),
        tensors_header(entry(offsets=(0, 13)), b"\x00" * 12),
        tensors_header(entry(offsets=(4, 16)), b"\x00" * 16),
        tensors_header(entry(shape=(2**40,)), b"\x00" * 12),
        tensors_header(entry(shape=(2**63, 2, 0)), b""),
        tensors_header(entry(shape=(-3,)), b"\x00" * 12),
        tensors_header(entry(dtype="C64", shape=(1,), offsets=(0, 8)), b"\x00" * 8),
        tensors_header(entry(dtype="U64", shape=(1,), offsets=(0, 8)), b"\x00" * 8),
        tensors_header(entry(dtype="object"), b"\x00" * 12),
        b"\x80\x04." + b"\x00" * 20,
        b"\x00" * (MAX_BYTES + wire.MAX_HEADER_BYTES + 1),
    ],
    ids=range(17),
)
def test_malformed_payload_is_refused(payload):
    """Whatever a payload says, the only error is WireError, and nothing of a claimed size is allocated."""
    with pytest.raises(WireError):
        wire.decode(header("t", "0", g=False), payload, MAX_BYTES)


def test_integers_cannot_be_marked_as_differentiable():
    """A flag that torch would refuse is dropped."""
    payload = wire.encode(torch.arange(3), MAX_BYTES)[1]
    assert not wire.decode(header("t", "0", g=True), payload, MAX_BYTES).requires_grad


def test_mutated_messages_are_refused_or_plain():
    """Valid messages with random bytes changed, cut, doubled or moved decode to plain values or raise WireError."""
    value = {"a": [torch.arange(4.0), (1, 0.5, None, True)], "b": {"c": "text", "d": Seed(3)}, "e": torch.ones(2, 2)}
    valid = wire.encode(value, MAX_BYTES)
    dice = random.Random(20)
    decoded = 0
    for _ in range(5000):
        frames = [bytearray(frame) for frame in valid]
        frame = frames[dice.random() < 0.5]
        for _ in range(dice.randint(1, 3)):
            place, length = dice.randrange(len(frame)), dice.randint(1, 8)
            change = dice.randrange(4)
            if change == 0:
                frame[place] = dice.randrange(256)
            elif change == 1:
                del frame[place : place + length]
            elif change == 2:
                frame[place:place] = frame[place : place + length]
            else:
                frame[place : place + 1] = dice.choice([b'"', b"{", b"]", b",", b"9" * 30, b"null", b'"k":"o",', b"-"])
        try:
            back = wire.decode(bytes(frames[0]), bytes(frames[1]), MAX_BYTES)
        except WireError:
            continue
        decoded += 1
        assert plain(back)
    assert decoded > 100  # otherwise the mutations would only show that JSON is JSON


def plain(value):
    """Return whether a value is one of those that the wire may carry."""
    if type(value) in (tuple, list):
        return all(map(plain, value))
    if type(value) is dict:
        return all(type(key) is str and plain(item) for key, item in value.items())
    if type(value) is torch.Tensor:
        return value.dtype in wire.DTYPES and value.numel() * value.element_size() <= MAX_BYTES
    return value is None or type(value) in (bool, int, float, str, Seed, Reference, Opaque, torch.dtype)
