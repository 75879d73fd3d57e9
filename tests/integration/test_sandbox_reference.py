"""The sandbox's reference page names everything there is, and its examples run."""

from __future__ import annotations

import json
import re

import pytest

from sandbox import word
from sandbox.operation import OPERATIONS
from sandbox.spoil import KINDS
from tests.integration.sandbox_process import ROOT, TOKEN, running

PAGE = (ROOT / "docs" / "reference" / "sandbox.md").read_text()
SELECTORS = ["token", "op", "key", "after", "every", "probability", "times", "for_s"]
FLAGS = ["--host", "--port", "--apps FILE", "--faults FILE", "--seed N", "--log FILE"]


@pytest.mark.parametrize("name", [*KINDS, "latency", *SELECTORS, *FLAGS, *OPERATIONS])
def test_the_page_names_it(name):
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("name", sorted({*word.INVENTED, word.BADOP, word.TOKENBREACH}))
def test_the_page_names_the_word(name):
    assert f"`{name}`" in PAGE


def test_the_example_of_fault_rules_is_accepted():
    rules = json.loads(re.search(r"-d '(\[.*?\])'", PAGE, re.DOTALL)[1])

    with running() as sandbox:
        sandbox.register()
        sandbox.faults(*rules)

        assert len(sandbox.control("GET", "faults")[1]) == len(rules)
        assert sandbox.call("usersget", token=TOKEN)["op"] == "usersget"
