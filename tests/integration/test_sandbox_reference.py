"""The sandbox's reference page names everything there is, and its examples run."""

from __future__ import annotations

import json
import re
from dataclasses import fields

import pytest

from sandbox import word
from sandbox.operation import OPERATIONS
from sandbox.realtime_control import ORDERS
from sandbox.realtime_hub import Trouble
from sandbox.receipt import Receipts
from sandbox.spoil import KINDS
from sandbox.webhook import Webhook
from tests.integration.sandbox_process import ROOT, TOKEN, running

PAGE = (ROOT / "docs" / "reference" / "sandbox.md").read_text()
SELECTORS = ["token", "op", "key", "after", "every", "probability", "times", "for_s"]
REGISTRATION = [
    "webhook",
    "bad_push",
    "tests_a_minute",
    "any_sender",
    *(of.name for of in (*fields(Webhook), *fields(Receipts))),
    "receipts",
]
REAL_TIME = [*ORDERS, *(of.name for of in fields(Trouble)), "MESIBO_SANDBOX", "by_mid", "kept"]
FLAGS = ["--host", "--port", "--apps FILE", "--faults FILE", "--seed N", "--log FILE"]


@pytest.mark.parametrize(
    "name", [*KINDS, "latency", *SELECTORS, *REGISTRATION, *FLAGS, *OPERATIONS, *REAL_TIME]
)
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


def test_the_example_of_a_registration_is_accepted():
    registration = json.loads(re.search(r"apps -d '(\{.*?\})'\n", PAGE, re.DOTALL)[1])

    with running() as sandbox:
        assert sandbox.control("POST", "apps", registration)[0] == 201
        assert sandbox.push(registration["token"])["uploads"] == []


def test_the_example_of_what_an_app_was_told_has_every_member_there_is():
    shown = json.loads(re.search(r"```json\n(\{\"slots\".*?)```", PAGE, re.DOTALL)[1])

    with running() as sandbox:
        sandbox.register()
        sandbox.upload(b"{}")
        sandbox.call("pushtest", push={"address": "ann"})
        sandbox.call("pushdebug", push={"duration": 1})
        told = sandbox.push()

    assert list(shown) == list(told)
    assert all(
        list(shown[name][0]) == list(told[name][0]) for name in ("uploads", "tests", "debug")
    )


def test_the_example_of_real_time_trouble_is_accepted():
    order = json.loads(re.search(r"realtime -d '(\{.*?\})'\n", PAGE, re.DOTALL)[1])

    with running() as sandbox:
        sandbox.register(order["token"])
        assert sandbox.control("POST", "realtime", order) == (200, {"sessions": 0})
