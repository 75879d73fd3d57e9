"""A deletion whose answer was lost, and the second one that may come too late."""

import pytest

from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.model.kind import FIRST, READ_BACK, REPEATED
from bulkhead.model.outcome import Done, Next, Refused, Retry, Throttled, Upstream
from tasks.operation import conclude, prepare

FACTS = JobFacts("users.delete", {"width": 1, "address": 0}, {}, {})
ANN = Item(0, 2, ("ann@example.com",))
SAID = Upstream("userdel", 200, "NOSUCHUSER")


def listed(*addresses):
    return Done(Upstream("usersget", 200), "accepted", listed=addresses)


def test_who_is_still_there_is_deleted_once_more():
    again = conclude(FACTS, ANN, READ_BACK, None, listed("ann@example.com"))

    assert (type(again), again.step) == (Retry, REPEATED)
    assert prepare(FACTS, ANN, again.step) == prepare(FACTS, ANN, FIRST)


@pytest.mark.parametrize(
    "outcome", [Retry("UNLISTED", "a word", SAID), Refused("REFUSED", "refused", SAID)]
)
def test_a_second_deletion_that_is_refused_is_read_back_as_the_first_may_have_come_late(outcome):
    found = conclude(FACTS, ANN, REPEATED, None, outcome)

    assert found == Next(READ_BACK, SAID)
    assert isinstance(conclude(FACTS, ANN, READ_BACK, None, listed("bob@example.com")), Done)


@pytest.mark.parametrize(
    "outcome",
    [
        Done(SAID, "deleted"),
        Retry("BACKEND_UNREACHABLE", "never sent", SAID),
        Throttled("THROTTLED", "slower", SAID, None),
    ],
)
def test_all_else_that_a_second_deletion_came_to_is_what_it_says(outcome):
    assert conclude(FACTS, ANN, REPEATED, None, outcome) is outcome


def test_a_first_deletion_that_is_refused_is_not_read_back():
    outcome = Retry("UNLISTED", "a word", SAID)

    assert conclude(FACTS, ANN, FIRST, None, outcome) is outcome
