"""How many calls a second, beside every rival, in turns: `python -m benchmarks.run_rate`.

BULKHEAD is the product as `bulkhead up` starts it, everything on, every write synced.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from benchmarks import loops, product
from benchmarks.answer import Answer, Row, Table
from benchmarks.backend import Backend, WrongCount
from benchmarks.leg import Leg, median_of
from benchmarks.question import main, say
from benchmarks.rivals import queues
from benchmarks.rivals.node import NoNode

ITEMS = 8_000
"""In the first round; later each rival gets as many as it makes in LEG_SECONDS."""
LEG_SECONDS = 4.0
FEWEST, MOST = 1_000, 60_000
ROUNDS, LONGEST = 3, 240.0
"""Rivals take turns, so that a busy minute hits all; seconds after which none begins any more."""
OURS = "Bulkhead, as `up` starts it"
BULLMQ = "BullMQ, 2 × 50 at once"
AIM = 10_000

Run = Callable[[Backend, int], Leg]


@dataclass(frozen=True, slots=True)
class Rival:
    """One way to make the calls, in two processes."""

    name: str
    run: Run
    share: float = 1.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class NoFigure:
    """A rival that gave none, and why."""

    why: str


def rivals() -> list[Rival]:
    """All of them call the same backend."""
    names = {"session": "bare loop, Session.post", "transport": "bare loop, our stock call"}
    others = [
        *(Rival(s.name, partial(_queue, s), s.share, s.note) for s in queues.SETUPS),
        *(Rival(name, partial(_loop, kind, name)) for kind, name in names.items()),
    ]
    # The two that the bar is about come first: time may run out on a slow machine.
    others.sort(key=lambda rival: rival.name != BULLMQ)
    return [Rival(OURS, _ours, note="everything on, every write synced"), *others]


def _ours(backend: Backend, items: int) -> Leg:
    return product.leg(backend, OURS, items)


def _queue(setup: queues.Setup, backend: Backend, items: int) -> Leg:
    return queues.leg(backend, items, setup)


def _loop(kind: str, name: str, backend: Backend, items: int) -> Leg:
    return loops.leg(backend, kind, name, items)


def measure() -> Answer:
    """Rounds of all rivals, and the medians of each."""
    began, asked = time.monotonic(), rivals()
    turns: dict[str, list[Leg]] = {rival.name: [] for rival in asked}
    without: dict[str, NoFigure] = {}
    with Backend() as backend:
        for done in range(ROUNDS):
            lasted = time.monotonic() - began
            if done and lasted + lasted / done > LONGEST:
                break
            for rival in asked:
                if time.monotonic() - began < LONGEST:
                    _turn(backend, rival, turns, without)
                elif not turns[rival.name]:
                    without.setdefault(rival.name, NoFigure("the time was over"))
    return judged(asked, turns, without)


def _turn(
    backend: Backend, rival: Rival, turns: dict[str, list[Leg]], without: dict[str, NoFigure]
) -> None:
    if rival.name in without:
        return
    before = turns[rival.name]
    items = sized(before[-1].run_rate) if before else round(ITEMS * rival.share)
    try:
        before.append(rival.run(backend, items))
    except (NoNode, WrongCount, RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
        without[rival.name] = NoFigure(" ".join(str(error).split())[:120])
        say(f"      –    {rival.name}: {error}")
    else:
        say(f"{before[-1].run_rate:8,.0f}/s  {rival.name}")


def sized(rate: float) -> int:
    """How many items keep a rival busy for LEG_SECONDS; even, for two processes."""
    return int(min(MOST, max(FEWEST, rate * LEG_SECONDS))) // 2 * 2


def judged(
    asked: Sequence[Rival],
    turns: Mapping[str, Sequence[Leg]],
    without: Mapping[str, NoFigure],
) -> Answer:
    """The table with our ratio to each rival, and the row for the bar."""
    legs = {name: median_of(list(some)) for name, some in turns.items() if some}
    ours = legs.get(OURS)
    lines = []
    for rival in asked:
        leg = legs.get(rival.name)
        note = without[rival.name].why if leg is None else rival.note
        lines.append((rival.name, *_cells(leg, ours), note))
    heads = ("calls a second", "run", "ours ×", "in all", "ours ×", "submit", "note")
    rounds = max(map(len, turns.values()))
    title = f"medians of {rounds} {'round' if rounds == 1 else 'rounds'}"
    table = Table(title, heads, lines)
    figures = {"median": {n: _figures(leg) for n, leg in legs.items()}}
    figures["rounds"] = {name: [_figures(leg) for leg in some] for name, some in turns.items()}
    figures["no_figure"] = {name: no.why for name, no in without.items()}
    return Answer([_row(ours, legs.get(BULLMQ), without.get(BULLMQ))], [table], figures)


def _cells(leg: Leg | None, ours: Leg | None) -> Sequence[str]:
    if leg is None:
        return ("–",) * 5
    run = f"{ours.run_rate / leg.run_rate:.2f}" if ours else "–"
    total = f"{ours.total_rate / leg.total_rate:.2f}" if ours else "–"
    submit = f"{leg.submit_rate:,.0f}" if leg.submit_rate else "–"
    return f"{leg.run_rate:,.0f}", run, f"{leg.total_rate:,.0f}", total, submit


def _row(ours: Leg | None, bullmq: Leg | None, why: NoFigure | None) -> Row:
    name = "run rate, two processes, a local server that answers at once"
    bar = f"ahead of BullMQ; aim {AIM:,}/s"
    if ours is None:
        return Row(name, bar, "–", None, "our own leg gave no figure")
    if bullmq is None:
        return Row(name, bar, f"{ours.run_rate:,.0f}/s", None, why.why if why else "")
    ratio = ours.run_rate / bullmq.run_rate
    measured = f"{ours.run_rate:,.0f}/s = {ratio:.2f} × BullMQ ({bullmq.run_rate:,.0f}/s)"
    return Row(name, bar, measured, ratio > 1)


def _figures(leg: Leg) -> dict[str, Any]:
    rates = {"run": leg.run_rate, "total": leg.total_rate, "submit": leg.submit_rate}
    return asdict(leg) | {f"{name}_rate": rate and round(rate, 1) for name, rate in rates.items()}


if __name__ == "__main__":
    sys.exit(main(measure, "run_rate", __doc__))
