"""The one backend that all rivals call, as the benchmark sees it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.request import Request, urlopen

POLL = 0.05


class WrongCount(Exception):
    """What the backend received is not what was to be sent: there is no figure."""


@dataclass(frozen=True, slots=True)
class Count:
    """What the backend received; `seconds` from the first call to the last."""

    calls: int
    distinct: int
    seconds: float


class Backend:
    """A server process of its own, that ends with the benchmark."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.server"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._root = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self.url = f"{self._root}/backend/"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._process:
            self._process.terminate()

    def reset(self) -> None:
        """Forget what arrived."""
        with urlopen(Request(f"{self._root}/reset", b"{}")) as answer:
            answer.read()

    def count(self) -> Count:
        """What arrived since the last reset."""
        with urlopen(f"{self._root}/count") as answer:
            return Count(**json.load(answer))

    def wait_for(self, items: int, seconds: float) -> Count:
        """The count, as soon as this many addresses have arrived. Raises WrongCount."""
        deadline = time.monotonic() + seconds
        while (count := self.count()).distinct < items:
            if time.monotonic() > deadline:
                raise WrongCount(f"{count.distinct} of {items} arrived in {seconds:.0f} s")
            time.sleep(POLL)
        return self.exactly(items)

    def exactly(self, items: int) -> Count:
        """The count, if just these addresses arrived, each once. Raises WrongCount."""
        count = self.count()
        if (count.calls, count.distinct) != (items, items):
            raise WrongCount(f"{count.calls} calls for {count.distinct} addresses, not {items}")
        return count
