"""Permits used of those allowed, and none more: `python -m benchmarks.permits`.

Four worker processes, 50 ms an answer; judged by the log of the server that was called.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.answer import Answer, Row, Table, joined
from benchmarks.question import guarded, main, say
from benchmarks.stand import Stand, stand
from benchmarks.waiting import until
from benchmarks.windows import excess, used

WORKERS, LATENCY = 4, 0.05
SETTING = "4 workers, 50 ms"
USED_BAR = 0.99
ONE_RATE, ONE_BURST, ONE_SECONDS = 200.0, 20, 15.0
"""One app: calls a second; measured for so many seconds after its burst is spent."""
SETTLED = 3.0

APPS, APP_RATE, APP_ITEMS = 10_000, 0.05, 6
"""Many apps: together 500 calls a second. Each has items for 100 s, longer than this takes."""
MANY_SECONDS = 1 / APP_RATE
SUBMIT_WITHIN = 40.0


def measure() -> Answer:
    """One app with all of the rate, then very many with a little each."""
    with stand(WORKERS) as here:
        here.backend.delay({"*": LATENCY})
        used_says = f"≥ {USED_BAR:.0%}"
        return joined(
            [
                guarded(f"permits used, {SETTING}, 1 app", used_says, lambda: one_app(here)),
                guarded(f"permits used, {SETTING}, many", used_says, lambda: many_apps(here)),
            ]
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """The logs of apps with one rate and burst, from the instant at which it counts."""

    name: str
    logs: Mapping[str, Sequence[float]]
    rate: float
    burst: int
    start: float
    seconds: float

    def answer(self) -> Answer:
        """The part used of the permits, and the worst of all windows of any app."""
        part = used(self.logs.values(), self.rate, self.start, self.start + self.seconds)
        over = max(excess(times, self.rate, self.burst) for times in self.logs.values())
        calls = sum(map(len, self.logs.values()))
        table = Table(
            f"{SETTING}, {self.name}",
            ("rate of each", "calls", "permits used", "worst window"),
            [(f"{self.rate:g}/s", f"{calls:,}", f"{part:.2%}", f"{over:+.2f}")],
        )
        figures = {self.name: {"used": part, "excess": over, "calls": calls}}
        return Answer(judged(self.name, part, over), [table], figures)


def judged(name: str, part: float, over: float) -> Sequence[Row]:
    """The two rows of a number of apps; `over` is the worst window's calls above the limit."""
    what = f"{SETTING}, {name}"
    lawful = "no call too many" if over <= 0 else f"{over:+.4f} calls in the worst window"
    return [
        Row(f"permits used, {what}", f"≥ {USED_BAR:.0%}", f"{part:.2%}", part >= USED_BAR),
        Row(
            f"every window, {what}",
            "≤ rate × (window + 50 ms) + burst",
            lawful,
            over <= 0,
            f"nearest: {over:+.2f}" if over <= 0 else "",
        ),
    ]


def one_app(here: Stand) -> Answer:
    """The log of an app that is given more than it may call, and when its burst was spent."""
    here.tenant("one")
    here.app("one/shop", rate=ONE_RATE, burst=ONE_BURST, max_in_flight=64)
    job = here.submit("one/shop", "one", int(ONE_RATE * (ONE_SECONDS + SETTLED) * 2))
    first = until(lambda: here.backend.log("one"), 20)[0]
    time.sleep(max(0.0, first + SETTLED + ONE_SECONDS + 0.5 - time.monotonic()))
    log = here.backend.log("one")
    job.cancel()
    say(f"1 app: {len(log)} calls")
    start = first + SETTLED
    return Seen("1 app", {"one": log}, ONE_RATE, ONE_BURST, start, ONE_SECONDS).answer()


def many_apps(here: Stand) -> Answer:
    """The logs of apps whose jobs came one after the other, and when the last had come."""
    here.tenant("many")
    names = [f"app{number:05d}" for number in range(APPS)]
    here.apps("many", names, here.settings(rate=APP_RATE, burst=1, max_in_flight=8))
    began, given = time.monotonic(), []
    for number, name in enumerate(names):
        # Evenly over one period, as fast as the store takes them: no two fall due at once.
        time.sleep(max(0.0, began + number / APPS / APP_RATE - time.monotonic()))
        if time.monotonic() - began > SUBMIT_WITHIN:
            break
        here.submit(f"many/{name}", name, APP_ITEMS)
        given.append(name)
    start = time.monotonic() + SETTLED
    say(f"{len(given):,} apps in {start - SETTLED - began:.0f} s")
    time.sleep(SETTLED + MANY_SECONDS + 0.5)
    logs = here.backend.logs()
    named = {name: logs.get(name, []) for name in given}
    return Seen(f"{len(given):,} apps", named, APP_RATE, 1, start, MANY_SECONDS).answer()


if __name__ == "__main__":
    sys.exit(main(measure, "permits", __doc__))
