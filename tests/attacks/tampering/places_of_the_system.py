"""Leaves files where other programs and other kernels find them: the kit, its packages, temporary and system folders."""

from attacker import KIT, PLACES, mark

NEEDS_SANDBOX = True

mark(*PLACES, KIT, "/", "/usr/lib", "/opt", "/dev", "/proc", "/sys/fs/cgroup", "/run/kernel")
