"""What an event says of a message, and what a funnel says of a broadcast."""

import json
from dataclasses import replace

import pytest

from bulkhead.engine.delivery import told
from bulkhead.inbound.event import Event
from bulkhead.inbound.reading import read_delivery
from bulkhead.model.delivery import (
    Attempts,
    Funnel,
    Reached,
    member_digest,
    percent,
    recipient_digest,
)
from bulkhead.model.job import Counts

MID = 5_550_123
COUNTS = Counts(
    total=20,
    pending=1,
    in_flight=2,
    succeeded=8,
    skipped=1,
    failed=4,
    unknown=1,
    cancelled=2,
    not_attempted=1,
)


def said(status=None, **message):
    """What is told the store of an event with these members."""
    raw = {"type": "message", "message": {"mid": MID, "from": "bot", "to": "ann", **message}}
    raw |= {} if status is None else {"status": status}
    (event,) = read_delivery(json.dumps({"events": [raw]}).encode()).events
    assert isinstance(event, Event)
    return json.loads(told(event) or "null")


def funnel(**changes):
    attempts = Attempts(10, 8, 6, 1, 1, 2)
    whole = Funnel("job_1", "acme/shop", "running", attempts, Reached(6, 1, 4, 2), Reached(), 0)
    return replace(whole, **changes)


@pytest.mark.parametrize(
    ("status", "rank"),
    [
        *(("sent", 1), (1, 1), ("1", 1), ("SENT", 1)),
        *(("delivered", 3), (2, 3), ("read", 4), (3, 4), ("3", 4)),
        *((128, 2), ("failed", 2), ("inbox_full", 2), ("Inbox Full", 2), (131, 2), ("expired", 2)),
        *((136, 2), (144, 2), (145, 2)),
    ],
)
def test_a_state_is_a_rank_however_it_is_written(status, rank):
    assert said(status)[2] == rank


@pytest.mark.parametrize("status", ["outbox", 0, 18, 33, "colour", "", None, {}, [], True, 1.5])
def test_a_state_that_says_nothing_of_a_message_on_its_way_is_left_out(status):
    assert said(status) is None


@pytest.mark.parametrize("mid", [None, "", "x", {}, 1.5, True, "9" * 30])
def test_an_event_without_a_number_is_left_out(mid):
    assert said("read", mid=mid) is None


def test_a_mid_is_its_low_word():
    mids = (MID, str(MID), 0x0101 << 32 | MID, -1, -(2**31))

    assert [said(1, mid=mid)[0] for mid in mids] == [MID, MID, MID, 2**32 - 1, 2**31]


def test_of_a_person_both_addresses_are_tried_and_of_a_group_only_its_gid():
    person, group = said(1), said(1, gid="404101")

    assert person[1:] == [[recipient_digest("ann"), recipient_digest("bot")], 1, 0]
    assert group[1:] == [[recipient_digest("gid:404101")], 1, member_digest("ann")]


def test_an_event_that_names_nobody_is_left_out_but_for_one_of_a_group():
    nobody = {"from": "", "to": ""}

    assert said(1, **nobody) is None
    assert said(1, gid=5, **nobody)[3] == 0


def test_digests_fit_where_they_are_kept_and_no_member_is_nobody():
    people = [f"user{n}" for n in range(2000)]

    assert all(0 <= recipient_digest(one) < 2**24 for one in people)
    assert all(0 < member_digest(one) < 2**40 for one in people)
    assert len({member_digest(one) for one in people}) == 2000


def test_every_recipient_is_in_one_place():
    attempts = Attempts.of(COUNTS, refused=3)

    assert attempts == Attempts(20, 12, 8, 1, 1, 8)
    on_the_wire = COUNTS.in_flight
    assert attempts.accepted + attempts.failed + attempts.unknown + on_the_wire == 12


def test_a_share_is_rounded_but_never_to_all_or_none():
    shares = [percent(n, of) for n, of in ((0, 0), (0, 5), (5, 5), (1, 3), (1, 10**6))]

    assert shares == [None, 0.0, 100.0, 33.3, 0.1]
    assert percent(10**6 - 1, 10**6) == 99.9


def test_a_funnel_says_that_it_is_a_lower_bound_and_why():
    found = funnel(webhook=True, heard=True)

    assert found.to_dict()["lower_bound"] is True
    [note] = found.notes
    assert note.startswith("a lower bound")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"webhook": False, "heard": False}, "no inbound webhook"),
        ({"webhook": True, "heard": False}, "no event about a message has ever come"),
        ({"webhook": True, "heard": True, "beyond": 7}, "7 events"),
    ],
)
def test_a_funnel_says_what_is_missing_and_what_to_do(changes, said):
    _, note = funnel(**changes).notes

    assert said in note


def test_members_are_shown_where_there_are_any():
    without, groups = funnel(), funnel(members=Reached(9, 0, 5, 1))

    assert {row["members"] for row in without.stages()} == {None}
    assert {row["stage"]: row["members"] for row in groups.stages()}["delivered"] == 5
