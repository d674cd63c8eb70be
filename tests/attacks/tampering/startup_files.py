"""Leaves files that run when the grader's shell, Python, IPython or Jupyter starts."""

from contextlib import suppress
from pathlib import Path

from attacker import HOME

NEEDS_SANDBOX = True

for name in (
    *(".bashrc", ".profile", ".pythonrc", ".gitconfig", ".ssh/authorized_keys", ".config/autostart/x.desktop"),
    *(".ipython/profile_default/startup/00.py", ".jupyter/jupyter_config.py", ".jupyter/nbgrader_config.py"),
    *(".local/lib/python3.11/site-packages/usercustomize.py", ".local/lib/python3.12/site-packages/usercustomize.py"),
):
    with suppress(OSError):
        Path(HOME, name).parent.mkdir(parents=True, exist_ok=True)
        with open(Path(HOME, name), "a") as file:
            file.write("# changed by a submission\n")
