"""What the sandbox tells of a message as time goes by."""

from collections import Counter

import pytest

from sandbox.fields import Fields, InvalidField
from sandbox.receipt import MOST_WAITING, Message, Outbox, Receipts, read_receipts

SENT = Message(5_550_001, "news")


def outbox(**chosen):
    return Outbox(Receipts(**chosen), "seed")


def told(box, people=("ann",), until=1_000.0):
    """Every event until an instant, by deliveries, as whoever wakes when asked gets them."""
    due = box.put(SENT, [(one, True) for one in people], 0.0)
    deliveries = []
    while due is not None and due <= until:
        events, due = box.take(due)
        deliveries.append(events)
    return deliveries


def states(deliveries):
    return [(e["message"]["to"], e["status"]) for events in deliveries for e in events]


def test_a_recipient_is_sent_a_message_then_gets_it_then_reads_it():
    assert states(told(outbox(read=1))) == [("ann", "sent"), ("ann", "delivered"), ("ann", "read")]


def test_who_does_not_get_it_does_not_read_it_either():
    people = [f"user{n}" for n in range(1000)]

    reached = Counter(status for _, status in states(told(outbox(delivered=0.5, read=0.5), people)))

    assert reached["sent"] == 1000
    assert 400 < reached["delivered"] < 600
    assert 150 < reached["read"] < 350


def test_states_come_one_after_the_other_and_not_before_their_time():
    box = outbox(read=1, delay_s=10)

    assert len(states(told(box, until=9))) == 0
    assert box.take(15.0)[0][0]["status"] == "sent"
    assert [event["status"] for event in box.take(20.0)[0] + box.take(30.0)[0]] == [
        *("delivered", "read"),
    ]


def test_what_is_spread_overtakes_what_was_before_it():
    people = [f"user{n}" for n in range(50)]

    order = states(told(outbox(read=1, spread_s=5), people))

    assert len(order) == 150
    assert any(order.index((one, "read")) < order.index((one, "sent")) for one in people)


def test_events_are_put_together_in_a_delivery_in_either_order():
    forth = told(outbox(read=1, together=100))
    back = told(outbox(read=1, together=100, reverse=True))

    assert [len(events) for events in forth] == [3]
    assert states(back) == list(reversed(states(forth)))


def test_states_on_the_way_may_be_left_out_and_told_more_than_once():
    assert states(told(outbox(read=1, last_only=True, repeat=3))) == [("ann", "read")] * 3


def test_a_recipient_who_is_no_user_is_told_as_such():
    box = outbox(form="number", together=5)
    due = box.put(SENT, [("nobody", False)], 0.0)

    assert [event["status"] for event in box.take(due)[0]] == [1, 131]


@pytest.mark.parametrize(
    ("chosen", "status", "mid"),
    [
        ({}, "sent", 5_550_001),
        ({"form": "number"}, 1, 5_550_001),
        ({"form": "text"}, "1", "5550001"),
        ({"wide_mid": True}, "sent", 0x0101 << 32 | 5_550_001),
    ],
)
def test_a_state_is_a_word_or_a_number_and_a_mid_may_be_wide(chosen, status, mid):
    ((event, *_), *_) = told(outbox(**chosen))

    assert (event["type"], event["status"], event["message"]["mid"]) == ("message", status, mid)


def test_whoever_waits_is_woken_by_what_is_due_sooner():
    box = outbox(delay_s=10, delivered=0)

    first = box.put(SENT, [("ann", True)], 100.0)
    later = box.put(SENT, [("bob", True)], 105.0)
    sooner = box.put(SENT, [("cid", True)], 50.0)

    assert (first, later, sooner) == (110.0, None, 60.0)
    assert box.take(60.0)[1] == 110.0


def test_too_many_events_are_dropped_and_counted():
    box = outbox(read=0, delivered=0, delay_s=1)

    box.put(SENT, (("ann", True) for _ in range(MOST_WAITING + 3)), 0.0)

    assert (len(box), box.dropped) == (MOST_WAITING, 3)


@pytest.mark.parametrize(
    "wrong", [{"sent": 2}, {"read": -1}, {"form": "colour"}, {"together": 0}, {"told": 1}]
)
def test_a_wrong_choice_is_refused_by_name(wrong):
    with pytest.raises(InvalidField, match=next(iter(wrong))):
        read_receipts(Fields(wrong, "receipts"))
