"""How much memory this process may use, containers included."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def usable_memory(cgroups: Path = _CGROUPS, membership: Path = Path("/proc/self/cgroup")) -> int:
    """Bytes: the machine's memory, or the tightest limit of the control groups we are in."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_limits(cgroups, membership)])


def _limits(cgroups: Path, membership: Path) -> list[int]:
    found = [_limit(cgroups / "memory" / "memory.limit_in_bytes")]
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in {"", "memory"}:
            folder = cgroups / controllers / path.lstrip("/")
            name = "memory.limit_in_bytes" if controllers else "memory.max"
            # A parent's limit binds too.
            found += [_limit(parent / name) for parent in (folder, *folder.parents)]
    return [limit for limit in found if limit]


def _limit(file: Path) -> int | None:
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None
