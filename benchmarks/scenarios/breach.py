"""The vendor disables one app of many: it stops at once, the others work, a new token mends it.

The sandbox is called from six other addresses with the app's token, for which mesibo answers
TOKENBREACH to everybody from then on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.scenarios.calls import Calls
from benchmarks.scenarios.figure import (
    Figure,
    at_most,
    holds,
    note,
    permits_used,
    worked_throughout,
)
from benchmarks.scenarios.site import App, Site, conserved, until

VICTIM = "acme/shop"
CAP = 8
"""Most calls at once of each app."""
LATENCY_MS = 50
WORD, CODE = "TOKENBREACH", "TOKEN_BREACH"
"""What the vendor answers, and what we call it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many others there are, and for how many seconds each has work."""

    others: int
    lasting: int
    before: float
    rate: float = 10
    victim_rate: float = 50


FULL = Plan(others=30, lasting=45, before=8)
SHORT = Plan(others=5, lasting=14, before=2)


def play(site: Site, plan: Plan) -> list[Figure]:
    """Raises NotSeen where the app does not stop or its job does not end."""
    rows = round(plan.victim_rate * plan.lasting)
    names = [f"{'acme' if n % 3 == 0 else f'other{n % 4}'}/app{n}" for n in range(plan.others)]
    settings = {"max_in_flight": CAP, "burst": 10}
    others = [App(name, plan.rate, settings) for name in names]
    site.add([App(VICTIM, plan.victim_rate, settings), *others])
    site.faults({"fault": "latency", "ms": LATENCY_MS})
    jobs = {
        app.name: site.order(app.name, app.name.replace("/", "-"), round(app.rate * plan.lasting))
        for app in others
    }
    job = site.order(VICTIM, "victim", rows)
    until(lambda: site.calls(VICTIM), 30, "a first call")
    time.sleep(plan.before)

    began = time.time()
    site.strangers(VICTIM)
    paused = until(lambda: _paused(site.job(job)), 30, "the job of the disabled app is paused")
    time.sleep(2 * plan.before)
    ended = time.time()
    left = site.left(jobs.values())
    seen = _said(site, paused)

    stopped = _stopped(site.calls(VICTIM).about("victim"))
    everybody = {name: site.calls(name) for name in names}
    seen += [*stopped, *_others(everybody, plan.rate, (began - plan.before, began, ended))]
    new = site.token(VICTIM)
    site.run("apps", "rotate-token", VICTIM, "--token-file", "-", given=new)
    done = site.wait(job, rows / plan.victim_rate * 2 + 60)
    rest = [site.wait(one, plan.lasting * 3 + 60) for one in jobs.values()]
    seen.append(worked_throughout(left))
    return [*seen, *_complete(site, done, rows), _all_complete(rest)]


def _paused(job: dict[str, Any]) -> dict[str, Any] | None:
    return job if job["state"] == "paused" else None


def _stopped(calls: Calls) -> list[Figure]:
    refused = calls.ending(WORD)
    first = refused.times[0]
    after = [t for t in calls.times if t > first]
    return [
        holds(
            "calls that arrived after the first TOKENBREACH",
            f"≤ {CAP}, what can be on the wire",
            len(after),
            len(after) <= CAP,
        ),
        note("calls refused in all", len(refused)),
        at_most("last call after the first refusal", calls.times[-1] - first, 2, " s"),
    ]


def _others(
    everybody: Mapping[str, Calls], rate: float, instants: tuple[float, float, float]
) -> list[Figure]:
    """Part of their permits in the worst app and in all, before the breach and from it on."""
    start, began, ended = instants
    before = [calls.used(start, began, rate) for calls in everybody.values()]
    after = [calls.used(began, ended, rate) for calls in everybody.values()]
    return [
        *permits_used("the others", before, after),
        holds(
            "others that went on",
            f"all {len(after)}",
            sum(part > 0 for part in after),
            all(part > 0 for part in after),
        ),
    ]


def _said(site: Site, paused: Mapping[str, Any]) -> list[Figure]:
    app = site.run("apps", "show", VICTIM)
    held = site.run("status")["apps_held_up"]
    told = [one for one in held if one["app"] == VICTIM and one["state"] == "stopped"]
    events = [line for line in site.log_lines().splitlines() if "app_stopped" in line]
    by = (paused.get("paused") or {}).get("by")
    return [
        holds("job document", "paused by auth_failure", by, by == "auth_failure"),
        holds("job document adds up", "yes", conserved(paused), conserved(paused)),
        holds(
            "apps show",
            f"stopped, {CODE}",
            _why(app),
            _why(app).startswith("stopped") and CODE in str(app),
        ),
        holds(
            "status",
            f"stopped, {CODE}, and no other",
            _names(held),
            len(told) == len(held) == 1 and CODE in str(told),
        ),
        holds("event in the log", "app_stopped", len(events), bool(events)),
    ]


def _why(app: Mapping[str, Any]) -> str:
    return ", ".join(str(app.get(name)) for name in ("state", "code", "why") if app.get(name))


def _names(held: list[dict[str, Any]]) -> str:
    return ", ".join(f"{one['app']} {one['state']} {one['code']}" for one in held) or "nothing"


def _complete(site: Site, done: Mapping[str, Any], rows: int) -> list[Figure]:
    arrived = site.calls(VICTIM).about("victim").ending("ok")
    counts, results = done["counts"], site.client.job(done["id"]).results()
    attempts = {row.attempts for row in results}
    exact = counts["succeeded"] == len(arrived.keys()) == len(arrived) == rows
    return [
        holds(
            "the job after a new token",
            f"completed, {rows} rows",
            f"{done['state']}, {counts['succeeded']} counted, {len(arrived)} arrived",
            exact and done["state"] == "completed",
        ),
        holds("attempts used by a row", "1", sorted(attempts), attempts == {1}),
    ]


def _all_complete(rest: list[dict[str, Any]]) -> Figure:
    bad = [job for job in rest if job["state"] != "completed" or not conserved(job)]
    return holds("the others' jobs", f"all {len(rest)} completed", len(rest) - len(bad), not bad)
