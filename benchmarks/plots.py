"""The figures as pictures: SVG that needs no script and no font of its own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pygal
from pygal.style import CleanStyle

from benchmarks.answer import Answer

# pygal leaves a finder of an old kind behind, which makes every later import warn.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]


def draw(answers: Mapping[str, Answer], folder: Path) -> dict[str, str]:
    """Write each plot whose figures are there: file name → title."""
    drawn = {}
    for question, (file, title, chart_of) in PLOTS.items():
        figures = answers[question].figures if question in answers else {}
        if figures:
            chart = chart_of(figures)
            chart.title = title
            (folder / file).write_bytes(chart.render())
            drawn[file] = title
    return drawn


def _chart(kind: type[Any], name: str, **how: Any) -> Any:
    chart = kind(js=[], style=CleanStyle, no_prefix=True, height=420, **how)
    chart.uuid = name  # otherwise random, and a run would change more than its figures
    chart.add_xml_filter(_without_script)
    return chart


def _without_script(root: Any) -> Any:
    """A picture that may be shown anywhere."""
    for parent in list(root.iter()):
        for child in list(parent):
            if str(child.tag).endswith("script"):
                parent.remove(child)
    return root


def _run_rate(figures: Mapping[str, Any]) -> Any:
    chart = _chart(pygal.HorizontalBar, "run-rate", show_legend=False, print_values=True)
    rates = {name: leg["run_rate"] for name, leg in figures["median"].items()}
    chart.x_labels = sorted(rates, key=lambda name: rates[name])
    chart.add("calls a second", [round(rates[name]) for name in chart.x_labels])
    return chart


def _first_call(figures: Mapping[str, Any]) -> Any:
    chart = _chart(pygal.Line, "first-call", show_dots=False)
    parts = range(0, 101, 5)
    chart.x_labels = [f"{part} %" for part in parts]
    for name, waits in figures["waits"].items():
        ordered = sorted(waits)
        chosen = [ordered[min(len(ordered) - 1, part * len(ordered) // 100)] for part in parts]
        chart.add(name, [round(wait * 1000) for wait in chosen])
    return chart


PLOTS = {
    "run_rate": ("run_rate.svg", "Calls a second, two processes", _run_rate),
    "first_call": (
        *("first_call.svg", "A small job beside a million items: ms to its first call"),
        _first_call,
    ),
}
