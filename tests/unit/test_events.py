"""The list of log events is closed: the code uses no other, and the page lists exactly these."""

import ast
import re
from pathlib import Path

from worker.events import EVENTS

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def events_in(file):
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            logger = ast.unparse(node.func.value)
            if node.func.attr in LEVELS and re.search(r"(^|[._])log(ger)?$", logger):
                yield node.args[0].value if isinstance(node.args[0], ast.Constant) else None


def test_the_page_lists_exactly_the_events_and_what_they_mean():
    page = (ROOT / "docs" / "reference" / "events.md").read_text("utf-8")

    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE)) == EVENTS


def test_no_line_of_code_says_anything_else():
    files = [
        file
        for folder in ("producers", "tasks", "worker", "bulkhead")
        for file in (ROOT / folder).rglob("*.py")
    ]

    said = {event for file in files for event in events_in(file)}

    assert said <= set(EVENTS)
