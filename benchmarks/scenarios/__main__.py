"""What the engine promises in words, played out: `python -m benchmarks.scenarios [NAME …]`.

Each scenario has a product of its own (`bulkhead up` with worker processes and the embedded store)
and a sandbox with faults, whose log is the judge. Exit 1 if a bar is not met.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import Machine
from benchmarks.scenarios import breach, ceiling, hanging, million, storm, weights
from benchmarks.scenarios.figure import Figure, note
from benchmarks.scenarios.site import CommandFailed, NotSeen, Site, running


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story to play, in full and shortened."""

    title: str
    play: Callable[[Site, Any], list[Figure]]
    full: object
    short: object


SCENARIOS = {
    "million": Scenario(
        "small imports, pause and cancel beside a million items",
        million.play,
        million.FULL,
        million.SHORT,
    ),
    "storm": Scenario("30 s of nothing but 429 for one app", storm.play, storm.FULL, storm.SHORT),
    "ceiling": Scenario(
        "a backend that bears 50/s of the 200/s set", ceiling.play, ceiling.FULL, ceiling.SHORT
    ),
    "breach": Scenario("TOKENBREACH to one app of many", breach.play, breach.FULL, breach.SHORT),
    "hanging": Scenario("forty apps of one tenant hang", hanging.play, hanging.FULL, hanging.SHORT),
    "weights": Scenario(
        "tenants with weights 1:3:6", weights.of_tenants, weights.FULL, weights.SHORT
    ),
    "weights-apps": Scenario(
        "apps with weights 1:3:6", weights.of_apps, weights.FULL, weights.SHORT
    ),
    "flood": Scenario("a quiet tenant beside a flood", weights.flood, weights.FULL, weights.SHORT),
}


def play(name: str, *, short: bool = False, workers: int = 2) -> list[Figure]:
    """One scenario on a site of its own; one that cannot be played is a bar not met."""
    scenario = SCENARIOS[name]
    try:
        with running(workers) as site:
            began, used = time.monotonic(), site.processor_s()
            figures = scenario.play(site, scenario.short if short else scenario.full)
            return [*figures, _cost(site, time.monotonic() - began, site.processor_s() - used)]
    except (NotSeen, CommandFailed) as error:
        return [Figure("played to its end", "yes", str(error), met=False, timed=False)]


def _cost(site: Site, wall_s: float, processor_s: float) -> Figure:
    """What tells a slow machine from a slow product."""
    calls = len(site.calls())
    each = processor_s / max(1, calls) * 1_000
    used = f"{processor_s / wall_s:.2f} cores, {each:.2f} ms a call, {calls} calls"
    return note("the product used", used)


def main() -> int:
    """Plays what is asked for, or all; 1 if a bar is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scenarios", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument(
        "--short", action="store_true", help="a rehearsal: seconds, no verdict on time"
    )
    parser.add_argument("--workers", type=int, default=2, help="worker processes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    asked = parser.parse_args()
    unknown = set(asked.names) - set(SCENARIOS)
    if unknown:
        parser.error(f"no scenario {', '.join(sorted(unknown))}")
    machine = Machine.here()
    print(f"{machine}; {asked.workers} worker processes\n", flush=True)
    played: dict[str, list[Figure]] = {}
    for name in asked.names or SCENARIOS:
        played[name] = play(name, short=asked.short, workers=asked.workers)
        _print(name, played[name])
    if asked.json:
        asked.json.write_text(json.dumps(_document(machine, asked, played), indent=2) + "\n")
    bars = [one for figures in played.values() for one in figures if one.met is not None]
    missed = sum(not one.met for one in bars)
    print(f"{len(bars) - missed} of {len(bars)} met; load after {os.getloadavg()[0]:.1f}")
    return int(missed > 0)


def _print(name: str, figures: list[Figure]) -> None:
    print(f"{name}: {SCENARIOS[name].title}")
    for one in figures:
        verdict = {None: "", True: "met", False: "NOT MET"}[one.met]
        print(f"  {verdict:<8}{one.what}: {one.measured}" + f"   [{one.wanted}]" * (verdict != ""))
    print(flush=True)


def _document(
    machine: Machine, asked: argparse.Namespace, played: dict[str, list[Figure]]
) -> dict[str, Any]:
    return {
        "machine": asdict(machine),
        "workers": asked.workers,
        "short": asked.short,
        "load_after": round(os.getloadavg()[0], 1),
        "scenarios": {
            name: {"title": SCENARIOS[name].title, "figures": [asdict(one) for one in figures]}
            for name, figures in played.items()
        },
    }


if __name__ == "__main__":
    sys.exit(main())
