"""The alert rules, the runbook, the metrics and the commands hold together."""

import re
from pathlib import Path

import pytest
import yaml

from producers.api.metric_names import METRICS, STATES
from tests.unit.test_commands_page import COMMANDS

DOCS = Path(__file__).parents[2] / "docs"
RUNBOOK = (DOCS / "runbook.md").read_text("utf-8")
RULES = [
    rule
    for group in yaml.safe_load((DOCS / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
FUNCTIONS = {
    "delta",
    "increase",
    "rate",
    "sum",
    "absent",
    "by",
    "on",
    "and",
    "unless",
    "without",
    "or",
}
LABELS = {label for labels, _ in METRICS.values() for label in labels}


def rows():
    """Alert → the cells of its row."""
    found = {}
    for line in RUNBOOK.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
        if len(cells) == 5 and cells[0].startswith("`"):
            found[cells[0].strip("`")] = cells
    return found


def words_of(rule):
    """The names in an expression, without durations and what stands in quotes."""
    bare = re.sub(r'"[^"]*"|\[\w+\]', "", rule["expr"])
    return set(re.findall(r"[a-z_]+", bare))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_is_whole_and_names_only_metrics_and_labels_that_exist(rule):
    metrics = {word for word in words_of(rule) if word.startswith("bulkhead_")}

    assert metrics
    assert metrics <= set(METRICS)
    assert words_of(rule) - metrics <= FUNCTIONS | LABELS
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"].endswith((".", "!"))
    assert rule["expr"].count("(") == rule["expr"].count(")")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_what_may_fall_is_not_taken_for_a_counter(rule):
    grown = re.findall(r"(?:increase|rate)\((\w+)", rule["expr"])
    changed = re.findall(r"delta\((\w+)", rule["expr"])

    assert [name for name in grown if not name.endswith("_total")] == []
    assert [name for name in changed if name.endswith("_total")] == []


def test_the_states_that_rules_ask_for_exist():
    asked = {
        state
        for rule in RULES
        for names in re.findall(r'bulkhead_app_state\{state!?=~?"([^"]+)"', rule["expr"])
        for state in names.split("|")
    }

    assert asked
    assert asked <= set(STATES)


def test_every_alert_has_one_row_of_the_runbook_and_every_row_its_alert():
    names = [rule["alert"] for rule in RULES]

    assert len(names) == len(set(names))
    assert sorted(rows()) == sorted(names)
    assert all(all(cells) for cells in rows().values())


def test_every_event_that_the_runbook_names_is_on_the_page_of_events():
    page = (DOCS / "reference" / "events.md").read_text("utf-8")
    named = re.findall(r"event `(\w+)`", RUNBOOK)

    assert len(named) >= 3
    assert [name for name in named if f"| `{name}` |" not in page] == []


def test_every_command_that_the_runbook_names_exists():
    told = re.findall(r"`bulkhead ([a-z][^`]*)`|^\$ bulkhead ([^#\n]*)", RUNBOOK, re.MULTILINE)
    unknown = []
    for words in (first or second for first, second in told):
        lower = [word for word in words.split() if re.fullmatch(r"[a-z-]+", word)]
        if not any(" ".join(lower[:n]) in COMMANDS for n in (1, 2, 3)):
            unknown.append(words)

    assert len(told) > 30
    assert unknown == []
