"""Small jobs, one after the other, and how long each waited for its first call."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.scenarios.site import Site, rows_of


@dataclass(frozen=True, slots=True)
class Probe:
    """A small job; `answered` is the unix second at which submitting it had returned."""

    app: str
    job: str
    name: str
    submit_s: float
    answered: float


def send(site: Site, apps: Sequence[str], jobs: int, seconds: float, rows: int = 1) -> list[Probe]:
    """So many small jobs spread over a time, the apps in turn; returns when the time is over."""
    chance = random.Random(7)
    sent: list[Probe] = []
    began, pause = time.monotonic(), seconds / jobs
    for number in range(jobs):
        # At no fixed beat: it could fall in with the engine's own.
        due = began + (number + chance.random()) * pause
        time.sleep(max(0.0, due - time.monotonic()))
        sent.append(_send(site, apps[number % len(apps)], f"small{number}", rows))
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    return sent


def waits(site: Site, probes: Sequence[Probe]) -> list[float]:
    """Seconds from each answer to the first call; infinite for a job without one."""
    first: dict[str, float] = {}
    for call in site.calls():
        first.setdefault(call.key.rpartition("-")[0], call.t)
    return [max(0.0, first.get(one.name, float("inf")) - one.answered) for one in probes]


def _send(site: Site, app: str, name: str, rows: int) -> Probe:
    before = time.monotonic()
    job = site.client.import_users(rows_of(name, rows), app=app)
    answered = time.time()
    return Probe(app, job.id, name, time.monotonic() - before, answered)
