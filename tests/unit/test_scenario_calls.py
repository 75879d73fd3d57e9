"""How the scenarios read the sandbox's log: figures that are wrong here would be wrong there."""

import json
from math import inf

import pytest

from benchmarks.scenarios.calls import Calls, Log
from benchmarks.scenarios.figure import at_least, at_most, percentile, worked_throughout


def entry(t, key="a", label="…0001", outcome="ok"):
    return {"t": t, "token": label, "op": "useradd", "key": key, "peer": "p", "outcome": outcome}


@pytest.fixture
def read(tmp_path):
    """The calls of a log with these entries."""

    def calls(*entries):
        path = tmp_path / "log.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in entries))
        return Log(path).calls()

    return calls


def evenly(read, rate, start, end):
    return read(*(entry(start + n / rate) for n in range(round((end - start) * rate))))


def test_a_half_written_line_is_read_when_it_is_whole(tmp_path):
    path = tmp_path / "log.jsonl"
    line = json.dumps(entry(1.0)) + "\n"
    path.write_text(line + line[:10])
    log = Log(path)

    before = len(log.calls())
    path.write_text(line + line)

    assert (before, len(log.calls())) == (1, 2)


def test_permits_used_are_the_calls_of_that_time_against_the_rate(read):
    calls = evenly(read, rate=20, start=100, end=105)

    assert calls.used(100, 105, 20) == 1
    assert calls.used(100, 110, 20) == 0.5
    assert calls.used(105, 110, 20) == 0


def test_seconds_are_counted_from_the_start_given(read):
    calls = read(entry(10.4), entry(10.6), entry(12.5), entry(14.0))

    assert calls.by_second(10.5, 13.5) == [1, 0, 1]


def test_an_app_is_back_at_its_pace_from_where_it_stays_there(read):
    slow = [entry(100 + n / 10) for n in range(50)]
    jump = [entry(105 + n / 100) for n in range(40)]
    fast = [entry(107 + n / 20) for n in range(200)]

    back = read(*slow, *jump, *fast).at_pace_from(100, 20)

    assert 106.8 <= back <= 107.1


def test_an_app_that_never_keeps_its_pace_is_never_back(read):
    assert evenly(read, rate=10, start=100, end=140).at_pace_from(100, 20) is None


def test_calls_are_told_apart_by_outcome_key_and_time(read):
    calls = read(entry(1, "a-1"), entry(2, "a-2", outcome="throttled"), entry(3, "b-1"))

    assert calls.about("a").keys() == {"a-1", "a-2"}
    assert calls.ending("ok").times == [1, 3]
    assert calls.between(2, 3).keys() == {"a-2"}
    assert calls.first_of("b-1") == 3
    assert calls.first_of("c") is None


@pytest.mark.parametrize(("part", "value"), [(0.5, 50), (0.99, 99), (1, 100)])
def test_a_percentile_is_a_value_that_was_seen(part, value):
    assert percentile(range(1, 101), part) == value


def test_what_never_happened_meets_no_bar():
    assert percentile([], 0.99) == inf
    assert not at_most("wait", percentile([0.1, inf], 0.99), 1, " s").met
    assert not at_least("permits", Calls([]).used(0, 1, 20), 0.99).met
    assert not worked_throughout([3, 0]).met
