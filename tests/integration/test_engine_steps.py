"""Items that take several calls: a permit a call, and no lease in between."""

import pytest

from bulkhead.box import Box
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.packing import pack, unpack
from bulkhead.engine.tokens import sealing, tokens
from bulkhead.engine.verbs import Verbs
from bulkhead.errors import CannotOpen
from bulkhead.model.slice import Begun
from bulkhead.secrets import Secret
from tests.fakes.engine import FAILED, PENDING, SENT, SUCCEEDED, UNKNOWN, report

APP = "acme/shop"
BOX = Box("a key for the tests of steps, and long enough")


def test_an_item_goes_on_with_its_step_before_new_ones_are_taken(world):
    world.app()
    job = world.submit(6)
    first = world.begun(items=4)
    assert first.step == ""

    world.settle(
        report(
            first,
            {SUCCEEDED: [0]},
            next={"token": [1, 2, 3]},
        )
    )

    assert world.redo(job) == [1, 2, 3]
    (second,) = world.claim(slots=8, items=3)
    assert (second.step, second.ranges) == ("token", ((1, 3),))
    (third,) = world.claim(slots=8, items=3)
    assert (third.step, third.ranges) == ("", ((4, 5),))
    world.audit(job)


def test_a_slice_holds_items_of_one_step_only(world):
    world.app()
    world.submit(4)
    part = world.begun()
    world.settle(report(part, next={"token": [0, 2], "token_only": [1]}, again=[3]))

    seen = {slice_.step: slice_.ranges for slice_ in world.claim()}

    assert seen == {"token": ((0, 0), (2, 2)), "token_only": ((1, 1),), "": ((3, 3),)}


def test_a_step_that_may_not_be_repeated_is_marked_and_unknown_after_a_death(world):
    world.app()
    job = world.submit(3)
    world.settle(report(world.begun(), next={"token": [0, 1, 2]}))
    (part,) = world.claim()
    world.begin(part)
    assert world.map_of(job) == [SENT] * 3

    world.advance(9)
    (ended,) = world.worker("w2").reap()[1]

    assert (ended.unknown, ended.again, ended.ranges) == (3, 0, ((0, 2),))
    assert world.map_of(job) == [UNKNOWN] * 3
    assert world.state(job) == "completed_with_errors"
    world.audit(job)


def test_a_step_that_may_not_be_repeated_comes_in_slices_of_one_window(world):
    world.app(max_in_flight=4)
    world.submit(40)
    world.settle(report(world.begun(slots=4, items=20), next={"token": list(range(20))}))
    world.advance(1)

    (part,) = world.claim(slots=4)

    assert part.step == "token"
    assert sum(last - first + 1 for first, last in part.ranges) <= part.parallel


def test_what_may_be_checked_is_read_back_after_a_death_and_not_unknown(world):
    world.app()
    job = world.submit(3, kind="users.delete")
    part = world.begun()
    assert world.map_of(job) == [SENT] * 3

    world.advance(9)
    (ended,) = world.worker("w2").reap()[1]

    assert (ended.unknown, ended.again) == (0, 3)
    assert world.map_of(job) == [PENDING] * 3
    (back,) = world.claim("w2")
    assert (back.step, back.ranges) == ("read_back", part.ranges)
    world.audit(job)


def test_a_retry_comes_back_with_its_step(world):
    world.app()
    job = world.submit(2, kind="users.delete")
    world.settle(report(world.begun(), next={"read_back": [0, 1]}))
    part = world.begun()
    retries = [(0, 1_000_000, 1, 7, "read_back"), (1, 1_000_000, 1, 7, "")]

    world.settle(report(part, retries=retries))

    assert world.claim() == []
    world.advance(1.1)
    assert {part.step: part.ranges for part in world.claim()} == {
        "read_back": ((0, 0),),
        "": ((1, 1),),
    }
    world.audit(job)


def test_throttled_items_and_unsent_ones_keep_their_step(world):
    world.app()
    job = world.submit(4)
    world.settle(report(world.begun(), next={"token": [0, 1, 2, 3]}))
    part = world.begun()

    world.settle(report(part, {FAILED: [0]}, again=[1], back=[2, 3]))

    assert {slice_.step for slice_ in world.claim()} == {"token"}
    world.audit(job)


def test_items_between_steps_count_as_pending_and_a_cancel_ends_them(world):
    world.app()
    job = world.submit(2)
    world.settle(report(world.begun(), next={"token": [0, 1]}))
    assert world.counts(job).pending == 2

    world.jobs.control(job, "cancel")

    assert world.counts(job).cancelled == 2
    assert world.claim() == []
    world.audit(job)


def keeper(world):
    """A worker that may keep tokens."""
    made = Verbs(world.scripts, "w1", cell="main", egress="default", seal=sealing(BOX))
    world.workers["w1"] = made
    made.beat({})


def test_issued_tokens_are_kept_sealed_for_a_day_and_open_with_the_key_only(world):
    keeper(world)
    world.app()
    job = world.submit(2)
    mapping = {"width": 1, "address": 0}
    world.redis.hset(world.key("job", job), "mapping", str(mapping).replace("'", '"'))
    given = [(1, Secret("u-first")), (0, Secret("u-second"))]

    world.finish(world.begun(), tokens=given)

    jobs = Jobs(world.scripts)
    assert list(tokens(jobs, BOX, job)) == [
        ("user1", Secret("u-first")),
        ("user0", Secret("u-second")),
    ]
    kept = world.key("job", job, "tokens")
    assert 86_000 < world.redis.ttl(kept) <= 86_400
    assert b"u-first" not in b"".join(world.redis.lrange(kept, 0, -1))
    with pytest.raises(CannotOpen):
        list(tokens(jobs, Box("another key for the tests, and long enough"), job))


def test_a_token_that_arrives_after_the_reaper_is_kept_with_the_truth(world):
    keeper(world)
    world.app()
    job = world.submit(1, kind="users.tokens.issue")
    part = world.begun()
    world.advance(9)
    world.worker("w2").reap()
    assert world.counts(job).unknown == 1
    late = report(part, {SUCCEEDED: [0]}, tokens=[(0, Secret("u-late"))], done=[("user0", "", 1)])

    assert world.settle(late).verdict == "late"

    assert world.counts(job).succeeded == 1
    assert world.redis.llen(world.key("job", job, "tokens")) == 1


def test_a_worker_without_a_key_keeps_no_token(world):
    world.app()
    world.submit(1)

    with pytest.raises(ValueError, match="no key"):
        world.finish(world.begun(), tokens=[(0, Secret("u-first"))])


def test_the_first_slice_of_a_job_to_begin_is_told_what_the_job_began_with(world):
    world.app()
    job = world.submit(6, refused={1, 4})
    first, second = world.claim(items=2)[0], world.claim(items=2)[0]

    opens = [world.begin(part).opens for part in (first, first, second)]

    assert opens == [1, 1, None]
    rows = list(world.jobs.opening_rows(job, 1))
    assert [row[0] for row in rows] == [1, 4]
    assert unpack(pack(rows)) == rows


def test_a_job_says_for_each_step_what_may_be_repeated(world):
    world.app()
    fields = world.jobs.fields(world.submit(1))
    assert (fields["repeat"], fields["repeat:token"]) == ("safe", "once")

    assert world.jobs.fields(world.submit(1, kind="users.delete"))["repeat"] == "check"
    assert world.jobs.fields(world.submit(1, kind="never.heard.of"))["repeat"] == "once"
    assert world.jobs.fields(world.submit(1, repeat="once"))["repeat"] == "once"
    assert isinstance(world.begin(world.claim()[0]), Begun)


@pytest.fixture
def deleting(world):
    """A job of five deletions, four of them begun."""
    world.app(max_in_flight=8)
    job = world.submit(5, kind="users.delete")
    return job, world.begun(items=4)


def test_what_waits_to_be_read_back_is_unknown_once_its_job_is_cancelled(world, deleting):
    job, part = deleting
    # The second may be sent once more, the third was never sent.
    retries = [(1, 1_000_000, 1, 7, "repeated"), (2, 1_000_000, 1, 7, "")]
    world.settle(report(part, {SUCCEEDED: [3]}, next={"read_back": [0]}, retries=retries))

    world.jobs.control(job, "cancel")

    counts = world.counts(job)
    assert (counts.succeeded, counts.unknown, counts.cancelled) == (1, 2, 2)
    found = {row.line: row.code for row in world.jobs.results(job, frozenset({"unknown"}))}
    assert found == {2: "NOT_CONFIRMED", 3: "NOT_CONFIRMED"}
    world.audit(job)


def test_what_is_being_read_back_when_its_job_is_cancelled_still_gets_its_answer(world, deleting):
    job, part = deleting
    world.settle(report(part, next={"read_back": [0, 1, 2, 3]}))
    asked = world.begun(items=4)
    world.jobs.control(job, "cancel")

    world.settle(report(asked, {SUCCEEDED: [0, 1, 2]}, again=[3]))

    counts = world.counts(job)
    assert (counts.succeeded, counts.unknown, counts.cancelled) == (3, 1, 1)
    world.audit(job)


def test_an_answer_that_is_lost_after_the_cancel_leaves_its_item_unknown(world, deleting):
    job, part = deleting
    world.jobs.control(job, "cancel")

    world.settle(report(part, next={"read_back": [0, 1, 2, 3]}))

    counts = world.counts(job)
    assert (counts.in_flight, counts.unknown, counts.cancelled) == (0, 4, 1)
    world.audit(job)


def test_what_a_dead_worker_called_is_unknown_where_its_job_has_ended_meanwhile(world, deleting):
    job, _ = deleting
    world.jobs.control(job, "cancel")
    world.advance(9)

    (told,) = world.worker("w2").reap()[1]

    assert (told.again, told.unknown) == (0, 4)
    counts = world.counts(job)
    assert (counts.in_flight, counts.unknown, counts.cancelled) == (0, 4, 1)
    world.audit(job)


def test_an_item_that_waits_for_an_event_goes_on_when_it_comes_and_not_before(world):
    world.app()
    job = world.submit(2)
    part = world.begun()
    world.settle(report(part, {SUCCEEDED: [1]}, waits=[(0, 60_000_000, 0, 7, "await", "ann")]))

    world.advance(5)
    assert world.claim() == []
    assert world.counts(job).pending == 1
    assert world.scripts.run("wake", "acme/shop", "bob") == 0
    assert world.claim() == []
    assert world.scripts.run("wake", "acme/shop", "ann", "bob") == 1
    (again,) = world.claim()

    assert (again.step, again.ranges) == ("await", ((0, 0),))
    assert world.begin(again).tries[0].first_at == 7
    assert world.scripts.run("wake", "acme/shop", "ann") == 0
    assert world.jobs.get(job).attempts["retries"] == 0
    world.finish(again)
    assert world.state(job) == "completed"


def test_an_item_whose_event_never_comes_goes_on_at_its_time(world):
    world.app()
    world.submit(1)
    part = world.begun()
    world.settle(report(part, waits=[(0, 60_000_000, 0, 7, "await", "ann")]))

    world.advance(59)
    assert world.claim() == []
    world.advance(2)

    assert [part.step for part in world.claim()] == ["await"]


def test_an_app_that_is_removed_leaves_nobody_behind_who_was_waited_for(world):
    world.app()
    job = world.submit(1)
    part = world.begun()
    world.settle(report(part, {}, waits=[(0, 60_000_000, 0, 7, "await", "ann")]))
    world.jobs.control(job, "cancel")

    world.fleet.remove_app("acme/shop")

    left = {name.decode() for name in world.redis.scan_iter(world.key("app", "acme/shop", "*"))}
    assert left == set()
