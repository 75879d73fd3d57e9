"""The same calls by every rival, in one run: `python -m benchmarks [--items N] [--rounds N]`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from benchmarks import celery_leg, loops, product
from benchmarks.backend import Backend
from benchmarks.leg import Leg, median_of
from benchmarks.machine import Machine

ITEMS = 4_000
ROUNDS = 3
"""The rivals take turns, so that a busy minute of the machine hits all of them."""
OURS = "Bulkhead, as `up` starts it"

Rival = Callable[[Backend, int], Leg]


def rivals() -> list[Rival]:
    """Each makes the same calls to the same backend, in two processes."""
    celery = [partial(_celery, setup=setup) for setup in celery_leg.SETUPS]
    return [
        *celery,
        lambda backend, items: loops.leg(backend, "session", "bare loop, Session.post", items),
        lambda backend, items: loops.leg(backend, "transport", "bare loop, our transport", items),
        lambda backend, items: product.leg(backend, OURS, items),
    ]


def _celery(backend: Backend, items: int, setup: celery_leg.Setup) -> Leg:
    return celery_leg.leg(backend, items // 4, setup)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--items", type=int, default=ITEMS, help="rows; Celery gets a quarter")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="the median of these counts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    asked = parser.parse_args()
    machine = Machine.here()
    print(f"{machine}\n", flush=True)
    with Backend() as backend:
        rounds = [run_round(backend, asked.items) for _ in range(asked.rounds)]
    legs = [median_of(list(turns)) for turns in zip(*rounds, strict=True)]
    show(legs)
    print(f"\nmedians of {asked.rounds}; load after {os.getloadavg()[0]:.1f};", end=" ")
    print("the backend counted every address of every leg exactly once")
    if asked.json:
        asked.json.write_text(json.dumps(document(machine, legs, rounds), indent=1) + "\n")


def run_round(backend: Backend, items: int) -> list[Leg]:
    """Every rival once. Raises WrongCount rather than give a figure that nobody can trust."""
    legs = []
    for rival in rivals():
        legs.append(rival(backend, items))
        print(f"{legs[-1].run_rate:8,.0f}/s  {legs[-1].name}", file=sys.stderr, flush=True)
    return legs


def show(legs: list[Leg]) -> None:
    """The table: rates, and how many times as fast as each rival we are."""
    ours = next(leg for leg in legs if leg.name == OURS)
    print(
        f"{'calls a second':36} {'run':>8} {'ours ×':>7} {'in all':>8} {'ours ×':>7} {'submit':>9}"
    )
    for leg in legs:
        submit = f"{leg.submit_rate:9,.0f}" if leg.submit_rate else f"{'–':>9}"
        run, total = ours.run_rate / leg.run_rate, ours.total_rate / leg.total_rate
        print(
            f"{leg.name:36} {leg.run_rate:8,.0f} {run:7.2f} {leg.total_rate:8,.0f} {total:7.2f} "
            f"{submit}"
        )


def document(machine: Machine, legs: list[Leg], rounds: list[list[Leg]]) -> dict[str, object]:
    """The same figures for a program, with every round."""
    return {
        "machine": asdict(machine),
        "load_after": os.getloadavg()[0],
        "median": [_figures(leg) for leg in legs],
        "rounds": [[_figures(leg) for leg in legs] for legs in rounds],
    }


def _figures(leg: Leg) -> dict[str, object]:
    rates = {"run": leg.run_rate, "total": leg.total_rate, "submit": leg.submit_rate}
    return asdict(leg) | {f"{name}_rate": rate and round(rate, 1) for name, rate in rates.items()}


if __name__ == "__main__":
    main()
