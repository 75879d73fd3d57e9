"""Which requests a fault rule hits, and which rules are refused."""

from __future__ import annotations

import json

import pytest

from tests.integration.sandbox_process import TOKEN


def failing(sandbox, calls, **rule):
    """Which of so many calls, numbered from 1, met the rule."""
    sandbox.faults({"fault": "word", "error": "MET", **rule})
    answers = [sandbox.add(f"user{n}") for n in range(1, calls + 1)]
    return [n for n, answer in enumerate(answers, 1) if not answer["result"]]


def test_rules_choose_by_count(sandbox):
    assert failing(sandbox, 7, every=3) == [3, 6]
    assert failing(sandbox, 7, times=2) == [1, 2]
    assert failing(sandbox, 7, after=4) == [5, 6, 7]
    assert failing(sandbox, 7, after=1, every=2, times=2) == [3, 5]
    assert failing(sandbox, 7, probability=0) == []


def test_rules_choose_by_token_op_and_key(sandbox):
    assert failing(sandbox, 3, key="user2") == [2]
    assert failing(sandbox, 3, op="userdel") == []
    assert failing(sandbox, 3, token=TOKEN) == [1, 2, 3]
    assert failing(sandbox, 3, token="canary0of0another0app") == []


def test_a_rule_ends_after_its_time(sandbox):
    assert failing(sandbox, 1, for_s=3600) == [1]
    assert failing(sandbox, 1, for_s=0) == []


def test_chance_repeats_itself_when_the_same_rules_are_sent_again(sandbox):
    first = failing(sandbox, 60, probability=0.5)

    assert 0 < len(first) < 60
    assert failing(sandbox, 60, probability=0.5) == first


def test_the_first_rule_that_fires_is_taken_and_delays_add_to_it(sandbox):
    sandbox.faults(
        {"fault": "latency", "ms": 1},
        {"fault": "word", "error": "FIRST", "key": "ann"},
        {"fault": "word", "error": "SECOND"},
    )

    assert [sandbox.add(who)["error"] for who in ("ann", "bob")] == ["FIRST", "SECOND"]


def test_rules_are_listed_with_what_they_met_and_the_token_masked(sandbox):
    sandbox.faults({"fault": "word", "error": "MET", "token": TOKEN, "every": 2})
    sandbox.add("ann")
    sandbox.add("bob")

    _, (rule,) = sandbox.control("GET", "faults")

    assert (rule["matched"], rule["fired"], rule["token"]) == (2, 1, f"…{TOKEN[-4:]}")


@pytest.mark.parametrize("clear", [("DELETE", None), ("POST", [])])
def test_clearing_ends_every_rule(sandbox, clear):
    sandbox.faults({"fault": "word", "error": "MET"})

    assert sandbox.control(clear[0], "faults", clear[1]) == (200, {"rules": 0})

    assert sandbox.add()["result"] is True


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ([{"fault": "lateness"}], "rules[0].fault"),
        ([{"op": "useradd"}], "rules[0].fault"),
        ([{"fault": "empty"}, {"fault": "latency", "ms": "9"}], "rules[1].ms"),
        ([{"fault": "latency"}], "rules[0].ms"),
        ([{"fault": "latency", "median_ms": 9, "p99_ms": 8}], "rules[0].ms"),
        ([{"fault": "empty", "probability": 1.5}], "rules[0].probability"),
        ([{"fault": "empty", "probability": 0.5, "every": 2}], "rules[0].every"),
        ([{"fault": "empty", "every": 0}], "rules[0].every"),
        ([{"fault": "empty", "times": True}], "rules[0].times"),
        ([{"fault": "empty", "op": 5}], "rules[0].op"),
        ([{"fault": "empty", "tokens": "x"}], "rules[0].tokens"),
        ([{"fault": "word"}], "rules[0].error"),
        ([{"fault": "word", "error": "X", "commit": True}], "rules[0].commit"),
        ([{"fault": "redirect"}], "rules[0].location"),
        ([{"fault": "redirect", "location": "a\r\nb"}], "rules[0].location"),
        ([{"fault": "error5xx", "status": 404}], "rules[0].status"),
        (["empty"], "rules[0]"),
        ("empty", "rules[0]"),
    ],
)
def test_a_wrong_rule_is_refused_by_name_and_the_rules_in_force_stay(sandbox, rules, named):
    sandbox.faults({"fault": "word", "error": "MET"})

    status, problem = sandbox.control("POST", "faults", rules)

    assert status == 400
    assert problem["error"].startswith(f"{named}: ")
    assert sandbox.add()["error"] == "MET"


def test_rules_that_are_not_json_are_refused(sandbox):
    status, _, answer = sandbox.send("POST", "/_sandbox/faults", b"{")

    assert (status, json.loads(answer)) == (400, {"error": "body: expected JSON"})
