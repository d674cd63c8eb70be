"""Whether a file is a whole safetensors file: its header is looked at as data, within bounds, before anything parses it."""

import json
import math
from collections.abc import Mapping

from lab.checkpoints import HEADER_LIMIT

SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2}
SIZES |= {"I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8}


def damage(content: bytes) -> str:
    """Return why a file is no whole safetensors file, empty where it is one; its header is bounded before anything parses it."""
    if not content:
        return "it is empty"
    for begin, kind in (
        (b"PK\x03\x04", "a zip or a file of torch.save"),
        (b"version https://git-lfs", "a pointer of Git LFS, not the file"),
        (b"<", "a page of the web"),
        (b"\x80\x02", "a pickle"),
    ):
        if content.startswith(begin):
            return f"it is {kind}; expected a safetensors file"
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > HEADER_LIMIT:
        return f"it does not begin like a safetensors file, with a header of at most {HEADER_LIMIT} bytes"
    if len(content) < 8 + size:
        return f"it is cut off: {len(content)} bytes, and the header alone has {size}"
    try:
        header = json.loads(content[8 : 8 + size])
        header.pop("__metadata__", None)
        spans = sorted((*entry["data_offsets"], _bytes(entry)) for entry in header.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "its header cannot be read"
    end = 0
    for start, stop, length in spans:
        if (start, stop) != (end, end + length):
            return "its header does not fit its tensors"
        end = stop
    if len(content) != 8 + size + end:
        return f"it has {len(content)} bytes, and {8 + size + end} by its header; was it cut off?"
    return ""


def _bytes(entry: Mapping) -> int:
    """Return how many bytes a tensor's entry in a header stands for."""
    shape = entry["shape"]
    if len(shape) > 64 or not all(type(size) is int and 0 <= size < 2**48 for size in shape):
        raise ValueError("a shape that cannot be")
    return SIZES[entry["dtype"]] * math.prod(shape)
