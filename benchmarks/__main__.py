"""Every question in turn, and every row held against its bar: `python -m benchmarks`.

With `--write` the figures go to docs/benchmarks/ and the table into the README.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.answer import Answer, Row, as_text, bars
from benchmarks.machine import Machine
from benchmarks.question import stopped
from benchmarks.questions import SECONDS, TOTAL

ENDS_WITHIN = 60
"""Seconds that a question has to end its servers."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="QUESTION", help=", ".join(SECONDS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    parser.add_argument("--write", action="store_true", help="to docs/benchmarks/ and the README")
    asked = parser.parse_args()
    if unknown := set(asked.only) - set(SECONDS):
        parser.error(f"no such question: {', '.join(sorted(unknown))}")
    if asked.write and asked.only:
        parser.error("--write is for all of them: a table of one run")
    signal.signal(signal.SIGTERM, stopped)
    machine, began = Machine.here(), time.monotonic()
    print(f"{machine}\n", flush=True)
    answers = {name: ask(name, began) for name in asked.only or SECONDS}
    took = time.monotonic() - began
    document = {
        "machine": asdict(machine),
        "load_after": round(os.getloadavg()[0], 1),
        "seconds": round(took),
        "answers": {name: answer.to_dict() for name, answer in answers.items()},
    }
    rows = [row for answer in answers.values() for row in answer.rows]
    print(f"\n{as_text(bars(rows))}\n\n{len(answers)} questions in {took:,.0f} s")
    if asked.json:
        asked.json.write_text(json.dumps(document, indent=1) + "\n")
    if asked.write:
        report.write(document)
    return int(any(row.met is False for row in rows))


def ask(name: str, began: float) -> Answer:
    """The answer of a process of its own; a row that says why, where there is none."""
    allowed = min(SECONDS[name], TOTAL - (time.monotonic() - began))
    if allowed < SECONDS[name] / 3:
        return without(name, f"left out: the {TOTAL} s were over")
    print(f"── {name}", flush=True)
    with tempfile.TemporaryDirectory(prefix="bh-") as folder:
        found = Path(folder) / "answer.json"
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(found)]
        process = subprocess.Popen(command, start_new_session=True)
        try:
            process.wait(allowed)
        except subprocess.TimeoutExpired:
            return without(name, f"not within {allowed:.0f} s")
        finally:
            end(process)
        if not found.exists():
            return without(name, f"it ended with {process.returncode}")
        document: dict[str, Any] = json.loads(found.read_text())
    return Answer.from_dict(document)


def end(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a question and of all it started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    with suppress(ProcessLookupError):  # nothing was left
        os.killpg(process.pid, signal.SIGKILL)


def without(name: str, why: str) -> Answer:
    """No figure, said as a row."""
    print(f"{name}: {why}", file=sys.stderr, flush=True)
    return Answer([Row(name.replace("_", " "), "–", "–", None, why)])


if __name__ == "__main__":
    sys.exit(main())
