"""A million items run: small imports beside them, and a pause and a cancel in the midst of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks.scenarios.figure import Figure, at_most, holds, note, spread
from benchmarks.scenarios.site import App, Site, conserved, people, until

SAME, OTHER = "big/shop", "small/shop"
OBEYED, QUIET = 2.0, 4.0
"""Seconds: the last new call after an answer, and how long is looked for one."""
STATES = {"pause": "paused", "cancel": "cancelled"}


@dataclass(frozen=True, slots=True)
class Plan:
    """How large the large job is, and how often a small one runs beside it."""

    rows: int
    repeats: int
    settle: float
    rate: float = 200


FULL = Plan(rows=1_000_000, repeats=10, settle=10)
SHORT = Plan(rows=20_000, repeats=2, settle=2)


def play(site: Site, plan: Plan) -> list[Figure]:
    """The large job is cancelled in the end. Raises NotSeen where a small one does not end."""
    limits = {"max_in_flight": 16}
    site.add([App(SAME, plan.rate, limits), App(OTHER, 20, limits)])
    site.faults({"fault": "latency", "ms": 20})
    began = time.monotonic()
    job = site.submit(SAME, "large", plan.rows)
    took = time.monotonic() - began
    start = until(lambda: site.calls(SAME), 30, "a first call").times[0]
    time.sleep(plan.settle)

    seen = [note(f"submitted {plan.rows:,} rows of CSV", f"{took:.1f} s")]
    small: dict[str, list[Small]] = {SAME: [], OTHER: []}
    for number in range(plan.repeats):
        for app in (SAME, OTHER):
            small[app].append(_small(site, app, f"three-{app[0]}{number}"))
    end = time.time()
    seen += [*_of(small[SAME], "the same app"), *_of(small[OTHER], "another tenant")]
    used = site.calls(SAME).used(start + 1, end, plan.rate)
    seen.append(note("permits of the app used meanwhile", f"{used:.2%}"))
    for verb in ("pause", "cancel"):
        seen += _braked(site, verb, job)
        if verb == "pause":
            before = len(site.calls(SAME))
            site.client.job(job).resume()
            until(lambda: len(site.calls(SAME)) > before + 100, 30, "calls after the resume")  # noqa: B023
    return seen


@dataclass(frozen=True, slots=True)
class Small:
    """A three-row import; seconds of its whole command, by its document, and at the sandbox."""

    command: float
    job: float
    last_call: float
    good: bool


def _small(site: Site, app: str, name: str) -> Small:
    file = people(site.home / f"{name}.csv", name, 3)
    began = time.monotonic()
    done = site.run("users", "import", str(file), "--app", app, "--wait")
    command = time.monotonic() - began
    calls = site.calls(app).about(name).ending("ok")
    created, finished = (_unix(done["times"][key]) for key in ("created_at", "finished_at"))
    good = done["state"] == "completed" and done["counts"]["succeeded"] == len(calls) == 3
    return Small(command, finished - created, calls.times[-1] - created if calls else 99.0, good)


def _of(small: list[Small], where: str) -> list[Figure]:
    commands = [one.command for one in small]
    jobs = [one.job for one in small]
    calls = [one.last_call for one in small]
    return [
        at_most(
            f"three rows, {where}: accepted to finished, worst of {len(small)}",
            max(jobs),
            1,
            " s",
            detail=_all(jobs),
        ),
        at_most(
            f"three rows, {where}: the whole command with --wait, worst",
            max(commands),
            1,
            " s",
            detail=_all(commands),
        ),
        note(f"three rows, {where}: accepted to the third call", spread(calls)),
        holds(
            f"three rows, {where}: completed, all arrived",
            f"{len(small)}",
            sum(one.good for one in small),
            all(one.good for one in small),
        ),
    ]


def _all(seconds: list[float]) -> str:
    return "all: " + " ".join(f"{one:.2f}" for one in seconds)


def _braked(site: Site, verb: str, job: str) -> list[Figure]:
    """No new call 2 s after the answer, and counts that the sandbox bears out at once."""
    before = _arrived(site)
    # By the client: its answer comes at once, a command's only when its process has ended.
    getattr(site.client.job(job), verb)()
    answered = time.time()
    at_once = site.job(job)
    told = time.time()
    time.sleep(QUIET)
    calls = site.calls(SAME).about("large")
    late = max(0.0, calls.times[-1] - answered)
    by_then = len(calls.ending("ok").between(0, told).keys())
    end = site.job(job)
    counts, last = at_once["counts"], end["counts"]
    arrived = len(calls.ending("ok").keys())
    lawful = (
        conserved(at_once)
        and counts["succeeded"] <= by_then
        and counts["succeeded"] + counts["in_flight"] >= before
    )
    rest = last["cancelled"] if verb == "cancel" else last["pending"]
    exact = last["succeeded"] == arrived and rest == last["total"] - arrived and conserved(end)
    return [
        at_most(f"{verb}: last call after the answer", late, OBEYED, " s"),
        holds(
            f"{verb}: counts at once",
            f"add up, {before} to {by_then} done",
            f"{counts['succeeded']} done, {counts['in_flight']} in flight",
            lawful,
        ),
        holds(
            f"{verb}: counts {QUIET:g} s later",
            f"{arrived} arrived, none in flight",
            _told(last),
            exact and last["in_flight"] == 0,
        ),
        holds(
            f"{verb}: state at once",
            STATES[verb],
            at_once["state"],
            at_once["state"] == STATES[verb],
        ),
    ]


def _arrived(site: Site) -> int:
    return len(site.calls(SAME).about("large").ending("ok").keys())


def _told(counts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {n}" for name, n in counts.items() if n and name != "total")


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
