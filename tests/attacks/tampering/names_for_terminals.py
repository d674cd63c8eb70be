"""Prints, raises and is named after sequences that command a terminal, and breaks lines of the grader's log."""

import sys

PLACE = "end"

ESCAPES = "\x1b]0;changed\x07\x1b[2J\x1b[31m\r\u202e\x9b6n\nada: passed  everything (0.0 s)\n"
print(ESCAPES, ESCAPES, file=sys.stderr)


class Escaping(Exception):
    pass


Escaping.__name__ = Escaping.__qualname__ = ESCAPES


def answer(*args):
    print(ESCAPES)
    raise Escaping(ESCAPES)


def strange(*args):
    return type(ESCAPES, (), {})()


reparameterize = gaussian_log_prob = answer
kl_standard_normal = strange
