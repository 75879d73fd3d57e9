"""A backend that answers 429 above 50/s to an app that is set to 200/s: the pace is learned."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.scenarios.figure import Figure, at_least, at_most, holds, note
from benchmarks.scenarios.site import App, Site, conserved, until

APP = "acme/shop"
SET, BEARABLE = 200.0, 50.0
"""Calls a second: as configured, and as the backend bears it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds that are looked at, from the first call on."""

    seconds: int


FULL = Plan(seconds=60)
SHORT = Plan(seconds=10)


def play(site: Site, plan: Plan) -> list[Figure]:
    """The job has work for the whole time, and is cancelled at its end."""
    site.add([App(APP, SET, {"max_in_flight": 16})])
    site.limit(APP, BEARABLE)
    site.faults({"fault": "latency", "ms": 20})
    job = site.order(APP, "many", round(SET * plan.seconds))
    start = until(lambda: site.calls(APP), 30, "a first call").times[0]
    time.sleep(max(0.0, start + plan.seconds - time.time()))
    middle = site.job(job)
    site.stop([job])

    calls = site.calls(APP).between(start, start + plan.seconds)
    good, bad = calls.ending("ok"), calls.ending("throttled")
    done = site.job(job)
    failed = done["counts"]["failed"] + done["counts"]["unknown"]
    results = {row.attempts for row in site.client.job(job).results(outcome="succeeded")}
    reached = len(good) / plan.seconds
    return [
        at_least(f"part of {BEARABLE:g}/s reached", reached / BEARABLE, 0.70),
        at_most("answers that were 429", 100 * len(bad) / max(1, len(calls)), 10, " %"),
        holds("rows failed or unknown", "0", failed, failed == 0),
        holds("attempts used by a row", "1", sorted(results), results == {1}),
        holds(
            "counts add up, running and cancelled",
            "yes",
            conserved(middle) and conserved(done),
            conserved(middle) and conserved(done),
        ),
        note("limited by, and learned pace", _pace(site, middle["pace"]["limited_by"])),
        note("good answers by second", good.by_second(start, start + plan.seconds)),
        note("429 by second", bad.by_second(start, start + plan.seconds)),
    ]


def _pace(site: Site, limited_by: str | None) -> str:
    shown = site.run("apps", "show", APP)
    learned = {name: value for name, value in shown.items() if "learned" in name}
    return f"{limited_by}, {learned or 'apps show names none'}"
