"""A job counted again: right whatever it lived through, and every planted fault is named."""

import json
import random

import pytest

from bulkhead.engine import recount as module
from bulkhead.engine.recount import Recount
from bulkhead.engine.script import Scripts
from bulkhead.errors import Conflict, NotFound
from bulkhead.model.ranges import indexes
from tests.command import KEY, typed
from tests.fakes.engine import FAILED, PENDING, SUCCEEDED, UNKNOWN, World, report


def recounted(world, job):
    return Recount(world.scripts).audit(job)


def set_state(world, job, item, state):
    world.redis.bitfield(world.key("job", job, "map")).set("u4", f"#{item}", state).execute()


@pytest.fixture
def halfway(valkey_world):
    """A job of 20 with 2 refused, 6 settled, 2 waiting to be tried again, 3 in a begun lease."""
    world = valkey_world
    world.app(max_in_flight=8)
    job = world.submit(20, refused=(4, 7))
    part = world.begun(items=10)
    items = list(indexes(part.ranges))
    states = {SUCCEEDED: items[:4], FAILED: items[4:6]}
    world.settle(
        report(part, states, retries=[(n, 10**9, 1, 0, "") for n in items[6:8]], back=items[8:])
    )
    world.advance(0.1)
    world.begun(items=3)
    return world, job


def test_a_job_on_its_way_is_right_and_every_item_is_in_one_place(halfway):
    world, job = halfway

    found = recounted(world, job)

    assert found.differences == ()
    assert found.whole
    names = ("settled", "untouched", "begun", "granted", "redo", "retry")
    assert [found.tally.places[name] for name in names] == [8, 7, 3, 0, 0, 2]
    assert found.to_dict()["sum"].startswith("20 = 4 succeeded + 0 skipped + 4 failed")
    assert (found.rows, found.results) == (20, 8)
    assert sum(found.tally.counted.values()) == 2 * 20


def lose_a_redo(world, job):
    world.worker().leave()
    world.worker("w2").reap()
    world.redis.delete(world.key("job", job, "redo"))


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        (
            lambda world, job: world.redis.hincrby(world.key("job", job), "succeeded", 1),
            "succeeded: the job says 5, its map has 4",
        ),
        (
            lambda world, job: world.redis.hincrby(world.key("job", job), "in_flight", -2),
            "in_flight: the job says 1, begun leases hold 3",
        ),
        (
            lambda world, job: world.redis.hincrby(world.key("job", job), "failed", 99),
            "the counts do not add up: 110 items of 20 are accounted for",
        ),
        (
            lambda world, job: world.redis.hincrby(world.key("job", job), "total", -1),
            "total: the job says 19, its input has 20 rows",
        ),
        (
            lambda world, job: set_state(world, job, 0, PENDING),
            "1 item is lost: pending, and in no lease, list or rest that leads to a call (line 2)",
        ),
        (
            lambda world, job: world.redis.delete(world.key("app", "acme/shop", "retry")),
            "2 items are lost: pending, and in no lease, list or rest that leads to a call",
        ),
        (lose_a_redo, "3 items are lost"),
        (
            lambda world, job: world.redis.rpush(world.key("job", job, "redo"), "18-19@x"),
            "2 items are in two places: it could be called twice (lines 20, 21)",
        ),
        (
            lambda world, job: world.redis.rpush(world.key("job", job, "redo"), "0-0/1"),
            "1 item is settled, and still to be called (line 2)",
        ),
        (
            lambda world, job: set_state(world, job, 1, UNKNOWN),
            "1 item is settled without a result that says so (line 3)",
        ),
        (
            lambda world, job: world.redis.ltrim(world.key("job", job, "out"), 1, -1),
            "2 items are settled without a result that says so (lines 6, 9)",
        ),
        (
            lambda world, job: world.redis.hincrby(
                world.key("job", job, "codes"), "ADDRESS_HAS_COMMA", 3
            ),
            "ADDRESS_HAS_COMMA: the job says 5, its results have 2",
        ),
        (
            lambda world, job: world.redis.hset(world.key("job", job, "codes"), "REFUSED", 1),
            "REFUSED: the job says 1, its results have 0",
        ),
        (
            lambda world, job: world.redis.delete(world.key("job", job, "codes")),
            "ADDRESS_HAS_COMMA: the job says 0, its results have 2",
        ),
        (
            lambda world, job: world.redis.hincrby(world.key("app", "acme/shop"), "held", 2),
            "held: the app says 5 lanes are in use, leases hold 3",
        ),
    ],
)
def test_a_planted_fault_is_told_in_words(halfway, plant, says):
    world, job = halfway

    plant(world, job)

    assert any(says in told for told in recounted(world, job).differences)


def test_the_counts_are_repaired_once_no_lease_is_open(halfway):
    world, job = halfway
    world.redis.hset(world.key("job", job), mapping={"failed": 9, "succeeded": 1})

    with pytest.raises(Conflict, match="cannot be repaired now") as refused:
        Recount(world.scripts).repair(job)
    assert "1 of its leases" in refused.value.why
    (lease,) = world.leases()
    world.jobs.control(job, "pause")
    world.worker().leave()
    world.worker("w2").reap()

    after = Recount(world.scripts).repair(job)

    assert after.right
    assert lease["state"] == "begun"
    assert (world.counts(job).succeeded, world.counts(job).failed) == (4, 4)
    world.jobs.control(job, "resume")
    world.run_all("w2")
    world.advance(1001)
    world.run_all("w2")
    assert world.state(job) == "completed_with_errors"


def test_codes_and_held_lanes_are_repaired_with_the_counts(halfway):
    world, job = halfway
    other = world.submit(4)
    world.redis.hset(world.key("job", job, "codes"), mapping={"REFUSED": 7, "REFUSED|lines": "3"})
    world.redis.hincrby(world.key("job", job, "codes"), "ADDRESS_HAS_COMMA", -1)
    world.jobs.control(job, "pause")
    world.worker().leave()
    world.worker("w2").reap()
    held = [part for part in world.claim("w2", slots=2) if part.job == other]
    world.redis.hset(world.key("app", "acme/shop"), "held", 9)

    after = Recount(world.scripts).repair(job)

    assert after.right
    assert after.codes == {"ADDRESS_HAS_COMMA": 2}
    kept = {entry.code: entry.count for entry in world.jobs.get(job).errors_by_code}
    assert kept == {"ADDRESS_HAS_COMMA": 2}
    lanes = sum(part.parallel for part in held)
    assert int(world.redis.hget(world.key("app", "acme/shop"), "held")) == lanes > 0
    assert recounted(world, other).right


def test_a_job_that_moved_on_is_not_repaired_with_an_old_count(halfway):
    world, job = halfway
    stale = recounted(world, job).version
    world.redis.hincrby(world.key("job", job), "version", 1)

    verdict, _ = world.scripts.run("audit", job, "repair", stale, "{}", "failed", 0)

    assert verdict == b"version"
    assert recounted(world, job).right


def test_a_job_whose_count_was_too_low_ends_when_it_is_repaired(valkey_world):
    world = valkey_world
    world.app()
    job = world.submit(3)
    world.redis.hincrby(world.key("job", job), "succeeded", -1)
    world.run_all()
    assert world.state(job) == "running"

    assert Recount(world.scripts).repair(job).right

    assert world.state(job) == "completed"


@pytest.mark.parametrize("seed", range(6))
def test_it_never_cries_wolf(valkey_world, seed):
    world, chance = valkey_world, random.Random(seed)
    world.app(max_in_flight=6)
    jobs = [
        world.submit(chance.randrange(1, 60), refused=(0,), kind=kind)
        for kind in ("users.import", "users.delete", "users.tokens.issue")
    ]
    held = []
    for step in range(60):
        worker = chance.choice(["w1", "w2"])
        world.worker(worker).beat({})
        parts = [(worker, part) for part in world.claim(worker, slots=3, items=chance.randrange(9))]
        held += [(who, part) for who, part in parts if chance.random() < 0.8]
        for who, part in held:
            world.begin(part, who)
        while held and chance.random() < 0.6:
            who, part = held.pop(0)
            items = list(indexes(part.ranges))
            state = chance.choice([SUCCEEDED, FAILED, UNKNOWN])
            cut = chance.randrange(len(items) + 1)
            again = [(n, chance.randrange(9_000_000), 1, 0, part.step) for n in items[cut:]]
            facts = chance.choice([{"retries": again}, {"back": items[cut:]}])
            world.settle(report(part, {state: items[:cut]}, **facts), who)
        world.advance(chance.random() * chance.choice([1, 12]))
        if chance.random() < 0.3:
            world.worker(chance.choice(["w1", "w2"])).reap()
        if step == 40:
            world.jobs.control(jobs[0], "cancel") if not world.jobs.get(
                jobs[0]
            ).state.terminal else None
        for job in jobs:
            assert recounted(world, job).differences == (), step


def test_lists_too_long_for_one_look_are_read_in_pages(halfway, monkeypatch):
    world, job = halfway
    monkeypatch.setattr(module, "ENTRIES_AT_ONCE", 1)
    monkeypatch.setattr(module, "MAP_AT_ONCE", 3)

    found = recounted(world, job)

    assert found.right
    assert found.whole
    assert found.tally.places["retry"] == 2
    world.redis.zrem(world.key("app", "acme/shop", "retry"), f"{job}:8")
    assert not recounted(world, job).right


def test_a_draft_and_a_job_that_is_none_are_refused(valkey_world):
    world = valkey_world
    world.app()
    draft = world.draft()

    with pytest.raises(Conflict, match="cannot be counted yet"):
        recounted(world, draft.id)
    for name in ("job_1", "job_" + "0" * 26):
        with pytest.raises(NotFound):
            recounted(world, name)


def test_the_command_proves_repairs_and_tells_by_its_exit_code(store_server, redis, home):
    world = World(redis)
    world.scripts = Scripts(redis)
    site = {"redis_url": store_server.url, "secret_key": KEY, "home": home}
    world.app()
    job = world.submit(5, refused=(1,))

    good = typed("jobs", "audit", job, "-o", "json", **site)
    redis.hincrby(world.key("job", job), "skipped", 2)
    bad = typed("jobs", "audit", job, "-o", "json", **site)
    seen = typed("jobs", "audit", job, "-o", "table", **site)
    repaired = typed("jobs", "audit", job, "--repair", "-o", "json", **site)

    assert (good.returncode, json.loads(good.stdout)["right"], good.stderr) == (0, True, "")
    assert (bad.returncode, json.loads(bad.stdout)["differences"]) == (
        *(3, ["skipped: the job says 2, its map has 0"]),
    )
    assert "--repair" in bad.stderr
    assert "is not right" in seen.stdout
    assert (repaired.returncode, json.loads(repaired.stdout)["counted"]["pending"]) == (0, 4)
    assert "before: skipped" in repaired.stderr
    assert redis.xlen(world.key("audit")) == 1
