"""What a worker makes of a row of a broadcast."""

import pytest

from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.model.broadcast import Letter
from bulkhead.model.kind import FIRST
from bulkhead.model.outcome import Refused
from tasks.joined import bundled
from tasks.operation import alike, prepare, prepare_joined

MAPPING = {"group": 0, "address": 1, "custom_id": 2, "var:name": 3}


def facts(message="Hi", params=None):
    told = Letter("news", message).params() if params is None else params
    return JobFacts(kind="broadcast", mapping=MAPPING, params=told, retry={})


def item(index, group="", address="", name=""):
    return Item(index, index + 1, (group, address, "", name))


def test_a_row_becomes_the_call_for_its_group_or_person():
    group = prepare(facts(), item(0, group="404101"))
    person = prepare(facts("Hi {{name}}"), item(1, address="ann", name="Ann"))

    assert group.members["message"]["gid"] == 404101
    assert person.members["message"] == {
        "from": "news",
        "to": "ann",
        "expiry": 86_400,
        "message": "Hi Ann",
    }


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (item(0, address="ann"), "VARIABLE_MISSING"),
        (item(0, group="team-a", name="A"), "GROUP_NOT_IN_RECORD"),
        (item(0, name="A"), "RECIPIENT_MISSING"),
    ],
)
def test_a_row_that_was_refused_once_is_refused_again(row, code):
    refused = prepare(facts("Hi {{name}}"), row)

    assert isinstance(refused, Refused)
    assert refused.code == code


@pytest.mark.parametrize("params", [{}, {"from": "news"}, {"from": "a,b", "expiry": 1}])
def test_a_job_without_a_message_sends_nothing(params):
    refused = prepare(facts(params=params), item(0, address="ann"))

    assert (type(refused), refused.code) == (Refused, "UNSENDABLE")


def test_people_share_a_call_and_groups_and_bad_rows_never_do():
    rows = [
        item(0, address="ann"),
        item(1, address="bob"),
        item(2, group="1"),
        item(3, group="2"),
        item(4, address="a,b"),
        item(5, address="cy"),
    ]

    calls = list(bundled(alike("broadcast", FIRST), facts(), rows, 100))

    assert [[one.index for one in call] for call in calls] == [[0, 1], [2], [3], [4], [5]]
    joined = prepare_joined(facts(), calls[0], FIRST)
    assert (joined.members["message"]["to"], joined.key) == ("ann,bob", "ann,bob")


def test_people_whose_texts_differ_share_no_call():
    rows = [item(n, address=f"u{n}", name=f"N{n}") for n in range(3)]

    calls = bundled(alike("broadcast", FIRST), facts("Hi {{name}}"), rows, 100)

    assert [len(call) for call in calls] == [1, 1, 1]
