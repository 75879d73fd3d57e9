"""The one backend that all rivals call, as the benchmark sees it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
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
        self._ask("reset", b"{}")

    def delay(self, seconds: Mapping[str, float]) -> None:
        """Answer calls of these groups so late from now on; `*` is for all other groups.

        What waits for its answer has it at once.
        """
        self._ask("delays", json.dumps(seconds).encode())

    def count(self) -> Count:
        """What arrived since the last reset."""
        return Count(**self._ask("count"))

    def log(self, group: str = "") -> list[float]:
        """When each call of a group arrived: seconds of this machine's monotonic clock."""
        times: list[float] = self._ask(f"log/{group}")
        return times

    def logs(self) -> dict[str, list[float]]:
        """The same of every group."""
        times: dict[str, list[float]] = self._ask("logs")
        return times

    def _ask(self, verb: str, body: bytes | None = None) -> Any:
        with urlopen(Request(f"{self._root}/_{verb}", body), timeout=60) as answer:
            return json.load(answer)

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
