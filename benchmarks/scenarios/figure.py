"""A promise beside what was seen of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One bar: what was wanted, what was measured, and whether it is met.

    `timed` figures depend on how busy the machine is; the others must hold on any machine.
    `met` is None for a figure that has no bar and only helps to read the others.
    """

    what: str
    wanted: str
    measured: str
    met: bool | None
    timed: bool = True


def at_most(what: str, measured: float, bar: float, unit: str, *, detail: str = "") -> Figure:
    """A figure that is met up to the bar."""
    return Figure(what, f"≤ {bar:g}{unit}", _with(f"{measured:.3g}{unit}", detail), measured <= bar)


def at_least(what: str, measured: float, bar: float) -> Figure:
    """A part of a whole, met from the bar on; both between 0 and 1."""
    return Figure(what, f"≥ {bar:.0%}", f"{measured:.2%}", measured >= bar)


def holds(what: str, wanted: str, measured: object, met: bool) -> Figure:
    """A figure that no slow machine excuses."""
    return Figure(what, wanted, str(measured), met, timed=False)


def note(what: str, measured: object) -> Figure:
    """Seen beside the bars, and judged by nobody."""
    return Figure(what, "–", str(measured), None)


def permits_used(who: str, before: Sequence[float], since: Sequence[float]) -> list[Figure]:
    """Parts of their permits that apps used before something went wrong beside them, and since."""
    return [
        note(f"permits {who} used before", f"{sum(before) / len(before):.2%}"),
        at_least(f"permits {who} used from then on", sum(since) / len(since), 0.99),
        note(
            "the worst of them, before and from then on", f"{min(before):.2%} and {min(since):.2%}"
        ),
    ]


def worked_throughout(left: Sequence[int]) -> Figure:
    """Whether shares and permits were measured with work in hand: rows left of each job."""
    what = "jobs that had work until the end of what was measured"
    return holds(what, f"all {len(left)}", sum(rows > 0 for rows in left), min(left) > 0)


def percentile(values: Sequence[float], part: float) -> float:
    """The lowest value that this part of all values does not exceed; of none, infinity."""
    if not values:
        return math.inf
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]


def spread(values: Sequence[float], unit: str = "s") -> str:
    """Median, p99 and worst of some durations."""
    if not values:
        return "none"
    shown = [percentile(values, 0.5), percentile(values, 0.99), max(values)]
    return "median {:.3f}, p99 {:.3f}, worst {:.3f} ".format(*shown) + f"{unit} of {len(values)}"


def _with(measured: str, detail: str) -> str:
    return f"{measured} ({detail})" if detail else measured
