"""Thirty seconds in which one app is answered nothing but 429."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.scenarios.calls import Calls
from benchmarks.scenarios.figure import Figure, at_least, at_most, holds, note, worked_throughout
from benchmarks.scenarios.site import App, Site, conserved, until

APP = "acme/shop"
NOTICED = 2.0
"""Seconds from the storm's begin after which there are canaries only."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Durations in seconds; the app's pace and the others' in calls a second."""

    before: float
    storm: float
    back: float
    others: int
    rate: float = 50
    other_rate: float = 20


FULL = Plan(before=10, storm=30, back=30, others=8)
SHORT = Plan(before=3, storm=8, back=15, others=2)


def play(site: Site, plan: Plan) -> list[Figure]:
    """Raises NotSeen where the stormy app's job does not end."""
    names = [f"{'acme' if n % 2 else f'other{n}'}/app{n}" for n in range(plan.others)]
    site.add([App(APP, plan.rate), *(App(name, plan.other_rate) for name in names)])
    site.faults({"fault": "latency", "ms": 20})
    lasting = plan.before + plan.storm + plan.back + 10
    rows = round(plan.rate * (plan.before + plan.back + 5))
    others = [
        site.order(name, name.replace("/", "-"), round(plan.other_rate * lasting)) for name in names
    ]
    job = site.order(APP, "stormy", rows)
    until(lambda: site.calls(APP), 30, "a first call")
    time.sleep(plan.before)

    armed = site.faults(
        {"fault": "latency", "ms": 20},
        {"fault": "throttle", "app": APP, "for_s": plan.storm},
    )
    time.sleep(plan.storm / 2)
    middle = site.job(job)
    time.sleep(plan.storm / 2)
    left = site.left(others)
    over = armed + plan.storm
    done = site.wait(job, rows / plan.rate + 4 * plan.back + 60)
    stormy = site.calls(APP)
    everybody = {name: site.calls(name) for name in names}
    site.stop(others)
    return [
        *_canaries(stormy, armed, over),
        _back(stormy, over, plan),
        *_others(everybody, plan, armed),
        worked_throughout(left),
        *_counts(site, done, stormy, rows),
        note("in the middle of it: limited by", middle["pace"]["limited_by"]),
    ]


def _canaries(calls: Calls, armed: float, over: float) -> list[Figure]:
    noticed = calls.between(armed + NOTICED, over)
    first = calls.between(armed, armed + NOTICED)
    most = max(noticed.by_second(armed + NOTICED, over), default=0)
    bar = 2
    return [
        holds("calls of the app in any second, from the third on", f"≤ {bar}", most, most <= bar),
        note("calls before it was noticed", f"{len(first)} in the first {NOTICED:g} s"),
        note("calls by second of the storm", calls.by_second(armed, over)),
    ]


def _back(calls: Calls, over: float, plan: Plan) -> Figure:
    """By the good answers alone."""
    back = calls.ending("ok").at_pace_from(over, plan.rate)
    what = f"back at {plan.rate:g}/s after the storm's end"
    if back is None:
        return Figure(what, f"≤ {plan.back:g} s", "not while there was work", met=False)
    by_second = calls.ending("ok").by_second(over, over + plan.back)
    return at_most(what, back - over, plan.back, " s", detail=f"by second {by_second}")


def _others(everybody: Mapping[str, Calls], plan: Plan, armed: float) -> list[Figure]:
    before = [
        calls.used(armed - plan.before, armed, plan.other_rate) for calls in everybody.values()
    ]
    during = [
        calls.used(armed, armed + plan.storm, plan.other_rate) for calls in everybody.values()
    ]
    return [
        note("permits the others used before", f"{sum(before) / len(before):.2%}"),
        at_least("permits the others used during the storm", sum(during) / len(during), 0.99),
        note("the worst of them, before and during", f"{min(before):.2%} and {min(during):.2%}"),
    ]


def _counts(site: Site, done: Mapping[str, Any], calls: Calls, rows: int) -> list[Figure]:
    counts, good = done["counts"], calls.ending("ok")
    attempts = {row.attempts for row in site.client.job(done["id"]).results()}
    exact = counts["succeeded"] == len(good) == len(good.keys()) == rows
    retries = done["attempts"]["retries"]
    return [
        holds(
            "the job in the end",
            f"completed, {rows} rows, none twice",
            f"{done['state']}, {counts['succeeded']} counted, {len(good)} arrived",
            exact and conserved(done) and done["state"] == "completed",
        ),
        holds("attempts used by a row", "1", sorted(attempts), attempts == {1}),
        holds("retries counted", "0", retries, retries == 0),
    ]
