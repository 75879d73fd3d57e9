"""Audiences that schedules read anew: each in a process of its own, beside everything else."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable

from bulkhead.engine.schedules import LEASE, Schedules
from bulkhead.errors import BulkheadError, InvalidInput, Unreachable
from bulkhead.model.schedule import Schedule
from bulkhead.settings import Settings, child_environment

READING = 900.0
"""Seconds that reading an audience may take."""
AT_ONCE = 8
"""Audiences read at once by one worker; of one tenant there is never more than one."""
LOOK = LEASE / 4
TO_BE_TRIED_AGAIN = (Unreachable.exit_code, 130, 143)
"""Exit codes that say nothing about the order: the store is away, or the reader was ended."""
COMMAND = (sys.executable, "-m", "producers.cli", "schedules", "run-now")
"""Named by string: how a file is read lies above the worker (HOUSE: the import rule). A process
of its own: a file of a million rows must not keep the worker's calls waiting."""


class Rereading:
    """Makes the job of a schedule from its file, as it is now, by our own command."""

    def __init__(self, schedules: Schedules, settings: Settings, over: threading.Event) -> None:
        self._schedules = schedules
        self._settings = settings
        self._over = over

    def __call__(self, schedule: Schedule, instant: float) -> str:
        """The id of the job. Raises InvalidInput or Unreachable, in the command's own words."""
        words = (schedule.full_name, "--firing", str(round(instant)), "-o", "json")
        process = subprocess.Popen(
            [*COMMAND, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment(self._settings),
        )
        try:
            out, err = self._ended(process, schedule.full_name)
        finally:
            process.kill()
            process.wait()
        if not out.strip():
            raise _refusal(process.returncode, err.decode(errors="replace"))
        # Also where no row is valid: that is a job too, and says so.
        job: str = json.loads(out)["id"]
        return job

    def _ended(self, process: subprocess.Popen[bytes], name: str) -> tuple[bytes, bytes]:
        for _ in range(round(READING / LOOK)):
            # Whoever looks meanwhile leaves it to us; dead, we say so no more.
            self._schedules.put_off(name, LEASE)
            try:
                return process.communicate(timeout=LOOK)
            except subprocess.TimeoutExpired:
                if self._over.is_set():
                    raise Unreachable(
                        "the worker ends",
                        why="it was told to stop while the audience was read",
                        to_do="nothing: another worker reads it",
                    ) from None
        raise InvalidInput(
            "the audience could not be read in time",
            why=f"reading it took longer than {READING / 60:.0f} minutes",
            to_do="split it over several schedules",
        )


class Readers:
    """Threads that wait for such processes, few enough, and none beside another of its tenant."""

    def __init__(self) -> None:
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def start(self, tenant: str, work: Callable[[], None]) -> bool:
        """Do this work beside; False where there is no room for it now."""
        with self._lock:
            if tenant in self._busy or len(self._busy) >= AT_ONCE:
                return False
            self._busy.add(tenant)
        threading.Thread(
            target=self._carry_out, args=(tenant, work), name=f"reader-{tenant}", daemon=True
        ).start()
        return True

    def _carry_out(self, tenant: str, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            with self._lock:
                self._busy.discard(tenant)


def _refusal(code: int, said: str) -> BulkheadError:
    """The three lines of a command that failed, as the error they were."""
    told = dict(line.partition(": ")[::2] for line in said.splitlines() if ": " in line)
    what = told.get("error", "the job could not be made")
    why, to_do = told.get("why", f"the command ended with {code}"), told.get("to do", "")
    passing = code < 0 or code in TO_BE_TRIED_AGAIN
    kind = Unreachable if passing else InvalidInput
    return kind(what, why=why, to_do=to_do)
