"""Where and when a benchmark ran: without this no figure of it means anything."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine, and how busy it was with other things (load = mean of runnable processes)."""

    date: str
    cores: int
    processor: str
    system: str
    python: str
    load_before: float

    @classmethod
    def here(cls) -> Machine:
        return cls(
            date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            cores=os.cpu_count() or 1,
            processor=_processor(),
            system=f"{platform.system()} {platform.release()}",
            python=f"{platform.python_implementation()} {platform.python_version()}",
            load_before=round(os.getloadavg()[0], 1),
        )

    def __str__(self) -> str:
        return (
            f"{self.date} · {self.cores} cores of {self.processor} · {self.system} · "
            f"{self.python} · load before {self.load_before}"
        )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
