"""Pause, resume and cancel of a million items: `python -m benchmarks.brakes`.

The app has no limit that holds anything back, so a call that should not be made would be.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict

from benchmarks.answer import Answer, Row, Table
from benchmarks.question import main, say
from benchmarks.stand import FREE, Stand, stand
from benchmarks.waiting import until
from bulkhead.handle import JobHandle

ITEMS, RUN_FIRST = 1_000_000, 2_000
STOPS_WITHIN, WATCHED = 2.0, 4.0
"""Seconds after the answer: the bar, and how long the server's log is looked at."""
LONGEST = 30.0


def measure() -> Answer:
    """Each brake once, while the job runs at full speed."""
    with stand() as here:
        here.tenant("big")
        here.app("big/shop", **FREE)
        job = here.submit("big/shop", "million", ITEMS)
        until(lambda: here.backend.count().calls > RUN_FIRST, LONGEST)
        paused = stopped(here, job, "pause")
        before = here.backend.count().calls
        began = time.monotonic()
        job.resume()
        answered = time.monotonic() - began
        until(lambda: here.backend.count().calls > before, LONGEST, 0.01)
        resumed = here.backend.log("million")[before] - began
        until(lambda: here.backend.count().calls > before + RUN_FIRST, LONGEST)
        cancelled = stopped(here, job, "cancel")
        counts = job.refresh().counts
        made = here.backend.count().distinct
    untouched = counts.cancelled + counts.not_attempted
    right = counts.succeeded == made and untouched + made == ITEMS
    return judged({"pause": paused, "cancel": cancelled}, (answered, resumed), right)


def stopped(here: Stand, job: JobHandle, verb: str) -> tuple[float, float, int]:
    """Seconds to the answer, from it to the last call (below 0 if none), and calls after 2 s."""
    began = time.monotonic()
    getattr(job, verb)()
    answered = time.monotonic()
    counts = asdict(job.refresh().counts)
    if counts["total"] != sum(n for name, n in counts.items() if name != "total"):
        raise RuntimeError(f"the counts do not add up after {verb}: {counts}")
    time.sleep(WATCHED)
    log = here.backend.log("million")
    late = sum(1 for t in log if t > answered + STOPS_WITHIN)
    say(f"{verb}: answer after {(answered - began) * 1000:.0f} ms, {late} late calls")
    return answered - began, log[-1] - answered, late


def judged(
    stops: dict[str, tuple[float, float, int]], resumed: tuple[float, float], right: bool
) -> Answer:
    """A row for the calls that came too late, one for the counts."""
    lines = [
        (verb, f"{answer * 1000:.1f}", f"{last * 1000:.0f}", str(late))
        for verb, (answer, last, late) in stops.items()
    ]
    lines.append(("resume", f"{resumed[0] * 1000:.1f}", f"first {resumed[1] * 1000:.0f}", "–"))
    late = sum(stop[2] for stop in stops.values())
    last = max(stop[1] for stop in stops.values())
    rows = [
        Row(
            "pause and cancel of a million items",
            "no new call after 2 s",
            f"{late} calls, the last {last * 1000:.0f} ms after the answer",
            late == 0,
        ),
        Row(
            "its counts after the cancel",
            "as the server's log",
            "equal" if right else "different",
            right,
        ),
    ]
    heads = ("brake", "answer, ms", "last call, ms after it", "calls after 2 s")
    figures = {"stops": {verb: list(stop) for verb, stop in stops.items()}, "resume": resumed}
    return Answer(rows, [Table(f"{ITEMS:,} items, no limit", heads, lines)], figures)


if __name__ == "__main__":
    sys.exit(main(measure, "brakes", __doc__))
