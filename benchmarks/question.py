"""What every question has in common: its command line, its clock, its end."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from benchmarks.answer import Answer, Row, as_text, bars
from benchmarks.backend import WrongCount
from benchmarks.machine import Machine
from benchmarks.waiting import TooLate
from bulkhead.errors import BulkheadError

Measure = Callable[[], Answer]
LONGEST_REASON = 120


def main(measure: Measure, name: str, about: str | None) -> int:
    """Measure, print, and write the figures where asked; 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=about)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, stopped)
    machine = Machine.here()
    print(f"{machine}\n", flush=True)
    answer = measure()
    show(answer)
    print(f"\nload after {os.getloadavg()[0]:.1f}")
    if asked.json:
        document = {"question": name, "machine": asdict(machine), **answer.to_dict()}
        asked.json.write_text(json.dumps(document, indent=1) + "\n")
    return int(any(row.met is False for row in answer.rows))


def guarded(quality: str, bar: str, part: Measure) -> Answer:
    """The answer of a part; where it gave no figure, a row that says why, so others are kept."""
    try:
        return part()
    except (TooLate, WrongCount, BulkheadError, RuntimeError) as error:
        why = " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__
        say(f"{quality}: no figure: {why}")
        return Answer([Row(quality, bar, "–", None, why)])


def show(answer: Answer) -> None:
    """The tables, and then each row against its bar."""
    for table in answer.tables:
        print(f"{as_text(table)}\n")
    print(as_text(bars(answer.rows)))


def say(text: str) -> None:
    """A line on the way, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def stopped(number: int, frame: FrameType | None) -> None:
    """Ends this process in order."""
    # An exception, so that every server that was started is ended on the way out.
    sys.exit(128 + number)
