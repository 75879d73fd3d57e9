"""Calls a second of a job over very many apps, beside an import: `python -m benchmarks.fleet_rate`.

One rotation gives each app a push key, a call an app and nothing after it; imports of as many rows
to one app run before and after it, on the same workers. No figure unless every app was called once.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks import product
from benchmarks.answer import Answer, Row, Table
from benchmarks.backend import WrongCount
from benchmarks.question import guarded, main, say
from benchmarks.stand import FREE, Stand, stand
from producers.cli.demo_rotation import make_keys

APPS = 5_000
BAR = 0.5
QUALITY = "calls a second of a job over very many apps, one item each"
LONGEST = 100.0


def measure() -> Answer:
    """The rotation between two imports."""
    return guarded(QUALITY, f"≥ {BAR:.0%} of an import's", _measured)


def _measured() -> Answer:
    with stand() as here, tempfile.TemporaryDirectory() as folder:
        here.tenant("one")
        here.app("one/shop", **FREE)
        here.tenant("fleet")
        names = [f"app{number:05d}" for number in range(APPS)]
        here.apps("fleet", names, here.settings(**FREE))
        before = imported(here, "before")
        fleet = rotated(here, make_keys(Path(folder))[0])
        after = imported(here, "after")
    return judged(before, fleet, after)


def judged(before: float, fleet: float, after: float) -> Answer:
    """The ratio to the mean of the two imports, against the bar."""
    one = (before + after) / 2
    row = Row(
        QUALITY,
        f"≥ {BAR:.0%} of an import's",
        f"{fleet / one:.0%} ({fleet:,.0f}/s; import {one:,.0f}/s)",
        fleet / one >= BAR,
        f"{APPS:,} apps",
    )
    lines = [
        ("import, one app", f"{before:,.0f}"),
        (f"rotation, {APPS:,} apps", f"{fleet:,.0f}"),
        ("import, one app, again", f"{after:,.0f}"),
    ]
    figures = {"import": [before, after], "fleet": fleet, "apps": APPS}
    return Answer([row], [Table("", ("calls a second", "run"), lines)], figures)


def imported(here: Stand, group: str) -> float:
    """Calls a second of an import, from the first to the last."""
    here.backend.reset()
    job = here.submit("one/shop", group, APPS).wait(LONGEST)
    return _rate(here, f"import {group}", job.to_dict()["counts"]["succeeded"])


def rotated(here: Stand, key: Path) -> float:
    """Calls a second of a rotation over all apps of the fleet, from the first to the last."""
    here.backend.reset()
    environ = {**os.environ, "BULKHEAD_HOME": str(here.context.settings.home)}
    words = ("creds", "rotate", "--apps", "fleet/*", "--fcm", str(key), "--verify", "none")
    job = product.command(environ, *words, "--yes", "--wait", "--timeout", f"{LONGEST:.0f}s")
    return _rate(here, "rotation", job["counts"]["succeeded"])


def _rate(here: Stand, name: str, succeeded: int) -> float:
    count = here.backend.exactly(APPS)
    if succeeded != APPS:
        raise WrongCount(f"{name}: the job counts {succeeded} of {APPS}")
    say(f"{APPS / count.seconds:8,.0f}/s  {name}")
    return APPS / count.seconds


if __name__ == "__main__":
    sys.exit(main(measure, "fleet_rate", __doc__))
