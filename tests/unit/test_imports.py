"""The house's import rule, and what else is forbidden by name."""

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = {"producers": 1, "tasks": 2, "worker": 3, "bulkhead": 4}
DOORS = ("producers.cli", "producers.api")


def modules_of(*folders):
    return [p for folder in folders for p in sorted((ROOT / folder).rglob("*.py"))]


def name_of(path):
    """`bulkhead/engine/__init__.py` → `bulkhead.engine`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_in(path):
    """Every dotted name a file imports, relative ones spelled out; `from a import b` is `a.b`."""
    package = path.parent.relative_to(ROOT).parts
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join((*above, *filter(None, [node.module])))
            found += [f"{source}.{alias.name}" for alias in node.names]
    return found


def is_in(name, package):
    return f"{name}.".startswith(f"{package}.")


def names_used_in(path):
    """Dotted attributes such as `os.environ`, and names taken by `from os import environ`."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"
    yield from imports_in(path)


def broken_rules(importer, imported):
    """Why this import is forbidden, in words; nothing when it is allowed."""
    ours, theirs = importer.split(".")[0], imported.split(".")[0]
    if theirs in FLOORS and FLOORS.get(ours, 5) > FLOORS[theirs]:
        yield "imports go down the numbers"
    if theirs == "sandbox" and ours != "sandbox":
        yield "the house and the sandbox share only HTTP"
    if any(is_in(importer, a) and is_in(imported, b) for a in DOORS for b in DOORS if a != b):
        yield "no door leads through another door"
    if theirs in {"celery", "kombu"} and ours == "bulkhead":
        yield "the rules know nothing of Celery"
    if theirs == "mesibo" and not is_in(importer, "bulkhead.realtime"):
        yield "only bulkhead.realtime imports mesibo"


def test_imports_go_down_the_numbers_and_never_sideways():
    broken = [
        f"{name_of(path)} imports {imported}: {rule}"
        for path in modules_of(*FLOORS, "sandbox")
        for imported in imports_in(path)
        for rule in broken_rules(name_of(path), imported)
    ]

    assert broken == []


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("tasks.users", "producers.rows"),
        ("bulkhead.client", "worker.app"),
        ("producers.cli.users", "producers.api.health"),
        ("producers.cli.up", "sandbox.server"),
        ("sandbox.server", "bulkhead.model"),
        ("bulkhead.engine.store", "kombu.Queue"),
        ("tasks.messages", "mesibo.getInstance"),
    ],
)
def test_the_rule_would_notice_each_kind_of_breach(importer, imported):
    assert list(broken_rules(importer, imported)) != []


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("producers.cli.users", "producers.rows.read"),
        ("tasks.parcel", "worker.app"),
        ("bulkhead.realtime.session", "mesibo.getInstance"),
        ("worker.app", "celery.Celery"),
    ],
)
def test_the_rule_lets_everything_else_pass(importer, imported):
    assert list(broken_rules(importer, imported)) == []


def test_only_the_settings_file_and_the_stand_in_read_the_environment():
    reads = {"os.environ", "os.environb", "os.getenv"}
    readers = [
        name_of(path) for path in modules_of(*FLOORS, "sandbox") if reads & set(names_used_in(path))
    ]

    # What is loaded in the package's place has no other way to be told where its sandbox is.
    assert readers == ["bulkhead.settings", "sandbox.standin_core"]


def test_no_test_sleeps_or_mocks():
    used = [(name_of(path), name) for path in modules_of("tests") for name in names_used_in(path)]

    assert len(used) > 10_000
    assert [one for one in used if one[1] == "time.sleep"] == []
    assert [one for one in used if {"mock", "mocker"} & set(one[1].lower().split("."))] == []


def test_no_door_can_call_mesibo():
    calling = [
        (name_of(path), name)
        for path in modules_of("producers")
        for name in imports_in(path)
        if name.startswith("bulkhead.backend")
    ]

    assert calling == []


def test_no_package_of_ours_hides_one_of_pythons():
    assert not {*FLOORS, "sandbox"} & set(sys.stdlib_module_names)
