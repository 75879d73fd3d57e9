"""The page that explains the engine shows what the engine does."""

import re

from bulkhead.engine.script import FOLDER
from tests.fakes.worked_example import BLOCK, PAGE, example

TEXT = PAGE.read_text("utf-8")


def test_the_worked_example_is_what_really_happens(valkey_world):
    shown = BLOCK.search(TEXT)[2]

    # Changed on purpose? `python -m tests.fakes.worked_example` writes it anew; read it then.
    assert example(valkey_world) == shown


def test_the_keys_that_the_diagram_names_are_built_by_the_scripts():
    source = "".join(path.read_text("utf-8") for path in FOLDER.glob("*.lua"))
    named = re.findall(r"^  │ ([a-z]+)[:\s]", TEXT, re.MULTILINE)

    assert {"job", "ready", "app", "wait", "lease", "bell"} == set(named)
    assert [name for name in named if f"key('{name}'" not in source] == []


def test_the_page_is_one_page():
    assert len(TEXT.splitlines()) < 160
