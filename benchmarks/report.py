"""Writes a whole run down: figures and plots under docs/benchmarks/, the table into the README."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import plots
from benchmarks.answer import Answer, as_markdown, bars
from benchmarks.machine import Machine

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "benchmarks"
README = ROOT / "README.md"
BEGIN, END = "<!-- MEASURED: written by `make bench-write` -->", "<!-- /MEASURED -->"


def write(document: Mapping[str, Any]) -> None:
    """All of it; what a run before left there is replaced."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    answers = {name: Answer.from_dict(found) for name, found in document["answers"].items()}
    drawn = plots.draw(answers, FOLDER)
    README.write_text(replaced(README.read_text(), section(document, answers, drawn)))


def section(
    document: Mapping[str, Any], answers: Mapping[str, Answer], drawn: Mapping[str, str]
) -> str:
    """The README's words: when, where, every bar, the rivals, the plots."""
    machine = Machine(**document["machine"])
    rows = [row for answer in answers.values() for row in answer.rows]
    met = sum(row.met is True for row in rows)
    parts = [
        f"One run of `make bench`: {machine}, {document['load_after']} after. "
        f"{met} of {len(rows)} bars met.",
        as_markdown(bars(rows)),
    ]
    rates = answers.get("run_rate")
    if rates is not None:
        parts += ["Rivals in the same run, in turns:", *map(as_markdown, rates.tables)]
    parts += [f"![{title}](docs/benchmarks/{file})" for file, title in drawn.items()]
    parts.append(
        "[How to read this, and what not to conclude](benchmarks/README.md) · "
        "[every figure](docs/benchmarks/results.json)"
    )
    return "\n\n".join(parts)


def replaced(text: str, section: str) -> str:
    """The page with this section between its markers. Raises ValueError if it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{section}\n{END}{after}"
