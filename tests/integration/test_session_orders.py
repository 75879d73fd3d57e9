"""What an order of real-time messages keeps: its numbers, its sender, and its file."""

import pytest

from bulkhead.engine.draft import Request
from bulkhead.engine.sessions import SenderId
from bulkhead.errors import Conflict, InvalidInput

NEWS = SenderId("acme/shop", "news@acme")
OTHER = SenderId("acme/shop", "other@acme")
SENDING = {"kind": "broadcast", "sender": NEWS.sender}


@pytest.fixture(autouse=True)
def an_app(world):
    world.app()


def test_the_messages_of_jobs_have_numbers_of_their_own(world):
    jobs = [world.submit(items, **SENDING) for items in (5, 1, 300)]
    firsts = [int(world.jobs.fields(job)["mid"]) for job in jobs]

    assert firsts[1] == firsts[0] + 5
    assert firsts[2] == firsts[1] + 1
    assert "mid" not in world.jobs.fields(world.submit(3))


def test_numbers_of_messages_begin_again_before_they_pass_32_bits(world):
    world.redis.set(world.key("app", "acme/shop", "mid"), 2**32 - 5)
    fits, over = (int(world.jobs.fields(world.submit(5, **SENDING))["mid"]) for _ in range(2))

    assert (fits, over) == (2**32 - 5, 1)


def test_the_first_numbers_of_two_apps_are_not_the_same(world):
    world.app("acme/other")
    jobs = [world.submit(2, app, **SENDING) for app in ("acme/shop", "acme/other")]

    first, second = (int(world.jobs.fields(job)["mid"]) for job in jobs)

    assert first != second
    assert all(0 < one < 2**32 for one in (first, second))


def test_an_order_that_comes_again_uses_no_numbers(world):
    job = world.submit(5, idempotency_key="k", **SENDING)

    assert world.submit(5, idempotency_key="k", **SENDING) == job
    again = world.submit(5, **SENDING)

    mids = [int(world.jobs.fields(one)["mid"]) for one in (job, again)]
    assert mids[1] == mids[0] + 5


@pytest.mark.parametrize(
    "other", [{}, {"sender": OTHER.sender}, {"sender": NEWS.sender, "no_session": "refuse"}]
)
def test_the_same_key_with_another_sender_is_a_conflict(world, other):
    world.submit(5, idempotency_key="k", **SENDING)

    with pytest.raises(Conflict):
        world.submit(5, idempotency_key="k", kind="broadcast", **other)


@pytest.mark.parametrize(
    "wrong", [{"no_session": "refuse"}, {"sender": "news", "no_session": "shrug"}]
)
def test_what_is_to_be_done_without_a_session_is_one_of_two_words_and_needs_a_sender(wrong):
    with pytest.raises(InvalidInput):
        Request("broadcast", "acme", "acme/shop", **wrong)


def test_a_jobs_file_is_there_as_long_as_the_job(world):
    job = world.submit(1, file=b"\x00a picture", **SENDING)
    name = world.key("job", job, "file")

    assert world.jobs.file(job) == b"\x00a picture"
    assert world.redis.ttl(name) == -1
    world.jobs.control(job, "cancel")
    assert world.redis.ttl(name) == world.redis.ttl(world.key("job", job)) > 0


def test_a_draft_that_is_given_up_leaves_no_file(world):
    draft = world.draft(file=b"a picture", **SENDING)
    assert world.redis.exists(world.key("job", draft.id, "file")) == 1

    draft.discard()

    assert world.redis.exists(world.key("job", draft.id, "file")) == 0
