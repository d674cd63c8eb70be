"""Texts of a submission, made fit for a file, a terminal, and one line. Called by all rooms; wire has its own, as it is sent to kernels."""


def writable(text: str) -> str:
    """Return `text` with a question mark for each lone surrogate, which a submission's text may hold and no file can."""
    return text.encode("utf-8", "replace").decode()


def printable(text: str) -> str:
    """Return `text` without control and bidirectional characters but line ends and tabs, so that a terminal only shows it."""
    return "".join(c if c in "\n\t" or c.isprintable() else "�" for c in text)


def one_line(text: str) -> str:
    """Return a name, which may hold line ends and control characters, as one printable line."""
    return printable(" ".join(text.split()))


def named(people: list[str], most: int = 10) -> str:
    """Return the names of students for a line; of more than `most`, the first of them and the number of the others."""
    shown = ", ".join(one_line(name) for name in people[:most])
    return shown + f" and {len(people) - most} more" * (len(people) > most)
