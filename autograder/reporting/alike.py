"""Whose answers are alike: fingerprints of what students wrote, without what the release gave and what much of the class wrote.

Winnowing as Schleimer, Wilkerson and Aiken describe it (Winnowing: local algorithms for document fingerprinting, SIGMOD 2003): of
every WINDOW neighbouring hashes of GRAM tokens the smallest is kept, so that every common passage of GRAM + WINDOW - 1 tokens is
seen. Names that students choose count as one token, comments and spaces as none. Alike is no proof: a person has to look.
"""

import hashlib
import io
import itertools
import keyword
import tokenize
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Cell = tuple[str, str]  # its kind, and what stands in it

GRAM, WINDOW = 12, 6
USUAL = 0.2  # share of the class from which on a passage is what one writes
LEAST = 8  # fingerprints that two have in common, to be named
SHARE = 0.5  # of the fingerprints of the one who has fewer


@dataclass(frozen=True)
class Alike:
    """Two students whose answers have passages in common that few others have.

    Attributes:
        students: both. share: of the fingerprints of the one who has fewer. number: of fingerprints in common.
    """

    students: tuple[str, str]
    share: float
    number: int


def alike(answers: Mapping[str, Iterable[Cell]], given: Iterable[Cell]) -> list[Alike]:
    """Return the pairs of students whose answers are alike, most alike first.

    Args:
        answers: the cells that each student wrote. given: those cells of the release.
    """
    known = set().union(*itertools.starmap(fingerprints, given))
    prints = {
        student: set().union(*itertools.starmap(fingerprints, texts)) - known for student, texts in answers.items()
    }
    counts = Counter(mark for marks in prints.values() for mark in marks)
    usual = max(2, USUAL * len(prints))  # two who share a passage are what is looked for
    rare = {student: {mark for mark in marks if counts[mark] <= usual} for student, marks in prints.items()}
    owners: dict[int, list[str]] = {}
    for student, marks in sorted(rare.items()):
        for mark in marks:
            owners.setdefault(mark, []).append(student)
    common = Counter(
        (one, other) for students in owners.values() for i, one in enumerate(students) for other in students[i + 1 :]
    )
    found = []
    for (one, other), number in common.items():
        share = number / min(len(rare[one]), len(rare[other]))
        if number >= LEAST and share >= SHARE:
            found.append(Alike((one, other), share, number))
    return sorted(found, key=lambda pair: (-pair.number, pair.students))


def fingerprints(kind: str, text: str) -> set[int]:
    """Return the fingerprints of a cell: of its tokens where it is code, of its words where not."""
    tokens = _tokens(text) if kind == "code" else text.lower().split()
    hashes = [_hash(tokens[i : i + GRAM]) for i in range(len(tokens) - GRAM + 1)]
    return {min(hashes[i : i + WINDOW]) for i in range(max(len(hashes) - WINDOW + 1, min(1, len(hashes))))}


def _tokens(text: str) -> list[str]:
    """Return the tokens of code, names that were chosen as one."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (SyntaxError, tokenize.TokenError):  # code that nothing can run
        return text.split()
    found, before = [], ""
    for token in tokens:
        if token.type == tokenize.NAME:
            found.append(token.string if keyword.iskeyword(token.string) or before == "." else "name")
        elif token.type == tokenize.STRING:
            found.append("string")
        elif token.type in (tokenize.NUMBER, tokenize.OP):
            found.append(token.string)
        before = token.string
    return found


def _hash(tokens: list[str]) -> int:
    return int.from_bytes(hashlib.blake2b("\0".join(tokens).encode("utf-8", "replace"), digest_size=8).digest())
