"""Orders of members from Python and by a message: whose group, which rows, which job."""

import pytest

from bulkhead.client import Bulkhead
from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import Scripts
from bulkhead.engine.verbs import Verbs
from bulkhead.errors import InvalidInput, NotFound
from bulkhead.model.app import AppSettings
from bulkhead.retrying import Choice, retry
from tests.fakes.engine import FAILED, report

ROWS = ["ann@example.com", {"address": "ben@example.com", "team": "red"}]


@pytest.fixture
def scripts(redis):
    made = Scripts(redis)
    fleet = Fleet(made)
    fleet.add_tenant("acme")
    settings = AppSettings("https://api.example.com/backend/", remove_members_by="flat")
    fleet.add_app("acme/shop", settings, SealedToken("box", "last", "print"))
    redis.hset(made.key("app", "acme/shop", "groups"), mapping={"staff": 404101})
    return made


@pytest.fixture
def bulkhead(scripts, store_server):
    with Bulkhead(store_server.url, tenant="acme") as made:
        yield made


def outcomes(scripts, job):
    return [(row.key, row.code) for row in Jobs(scripts).results(job)]


def test_members_of_a_group_become_a_job_whose_calls_carry_a_hundred(bulkhead, scripts):
    job = bulkhead.add_members(ROWS, app="shop", gid=404101, permissions=["recv"])

    fields = Jobs(scripts).fields(job.id)
    assert (job.kind, job.state, job.counts.pending) == ("groups.members", "queued", 2)
    assert Jobs(scripts).params(job.id) == {
        "verb": "add",
        "gid": 404101,
        "permissions": ["recv"],
    }
    assert (fields["join"], fields["join:split_50"], fields["join:split_1"]) == ("100", "50", "1")
    (part,) = Verbs(scripts, "w1", cell="main", egress="default").claim(64, 100).slices
    assert (len(part.offsets), part.join) == (1, 100)


def test_a_removal_is_written_as_the_app_was_set(bulkhead, scripts):
    job = bulkhead.remove_members(ROWS, app="shop", gid="staff")

    told = Jobs(scripts).params(job.id)
    assert told == {"verb": "remove", "gid": 404101, "remove_by": "flat"}


def test_a_custom_id_that_no_group_has_is_said_before_anything_is_read(bulkhead, scripts):
    def rows():
        raise AssertionError("read")
        yield

    with pytest.raises(NotFound, match="no group 'staf'") as caught:
        bulkhead.add_members(rows(), app="shop", gid="staf")

    assert "gid" in caught.value.to_do
    assert Jobs(scripts).newest() == []


@pytest.mark.parametrize("gid", [0, 2, "011", 2**32, "9" * 5000])
def test_a_number_that_no_group_can_have_is_refused(bulkhead, scripts, gid):
    with pytest.raises(InvalidInput, match="no group has the gid"):
        bulkhead.add_members(ROWS, app="shop", gid=gid)

    assert Jobs(scripts).newest() == []


@pytest.mark.parametrize("members", ["ann@example.com", {"address": "ann@example.com"}])
def test_one_member_by_itself_is_not_taken_for_a_list(bulkhead, scripts, members):
    with pytest.raises(InvalidInput, match="`members` does not fit"):
        bulkhead.add_members(members, app="shop", gid=404101)

    assert Jobs(scripts).newest() == []


def test_each_row_may_name_its_own_group_and_the_same_person_may_join_several(bulkhead, scripts):
    rows = [
        {"gid": 12, "address": "ann@example.com"},
        {"gid": " staff ", "address": "ann@example.com"},
        {"gid": "nobody's", "address": "ben@example.com"},
        {"address": "cy@example.com"},
        {"gid": 2**32, "address": "cy@example.com"},
    ]

    job = bulkhead.add_members(rows, app="shop")

    assert job.counts.pending == 2
    assert outcomes(scripts, job.id) == [
        ({"address": "ben@example.com"}, "GROUP_NOT_IN_RECORD"),
        ({"address": "cy@example.com"}, "GROUP_NOT_IN_RECORD"),
        ({"address": "cy@example.com"}, "BAD_GID"),
    ]
    kept = Jobs(scripts).segment(job.id, 0)
    assert [row[1] for row in kept][:2] == ["12", "404101"]


def test_a_person_who_is_named_twice_for_one_group_counts_once(bulkhead):
    job = bulkhead.add_members(["ann", "ann", "ben,cy"], app="shop", gid=12)

    assert (job.counts.pending, job.counts.skipped, job.counts.failed) == (1, 1, 1)


@pytest.mark.parametrize("wrong", [{"permissions": ["fly"]}, {"admin": ["king"]}])
def test_rights_that_there_are_not_make_no_job(bulkhead, scripts, wrong):
    with pytest.raises(InvalidInput):
        bulkhead.add_members(ROWS, app="shop", gid=12, **wrong)

    assert Jobs(scripts).newest() == []


def test_a_retry_joins_its_calls_as_well(bulkhead, scripts):
    job = bulkhead.add_members([f"u{n}" for n in range(30)], app="shop", gid=12)
    verbs = Verbs(scripts, "w1", cell="main", egress="default")
    (part,) = verbs.claim(64, 100).slices
    verbs.begin([part.lease])
    verbs.settle([report(part, {FAILED: [*range(30)]})])

    again = retry(scripts, job.id, Choice())

    assert Jobs(scripts).fields(again.id)["join"] == "100"
    (part,) = verbs.claim(64, 100).slices
    assert len(part.offsets) == 1


def test_a_message_orders_them_and_its_items_are_read_by_a_worker(client, door):
    door.redis.hset(door.scripts.key("app", "acme/shop", "groups"), mapping={"staff": 404101})
    items = ["ann", {"address": "ben", "gid": "staff"}]
    asked = {"v": 1, "kind": "groups.members", "app": "acme/shop", "verb": "add", "items": items}
    client.send(kwargs={**asked, "gid": 12})
    client.send(kwargs={**asked, "items": items[1:], "admin": ["owner"]})

    assert door.serve() == 2

    assert list(door.dead.list()) == []
    second, first = door.jobs.newest()
    assert door.jobs.params(first.id) == {"verb": "add", "gid": 12}
    assert door.jobs.params(second.id) == {"verb": "add", "admin": ["owner"]}
    assert (first.counts.pending, second.counts.pending) == (2, 1)


@pytest.mark.parametrize(
    "wrong", [{"verb": "move"}, {"items": []}, {"permissions": ["fly"]}, {"gid": -1}]
)
def test_a_message_that_makes_no_sense_is_a_dead_letter(client, door, wrong):
    asked = {"v": 1, "kind": "groups.members", "app": "acme/shop", "verb": "add", "items": ["a"]}
    client.send(kwargs={**asked, "gid": 12, **wrong})

    door.serve()

    assert door.letter().code == "PAYLOAD_INVALID"


def test_a_message_for_a_group_that_is_not_known_is_a_dead_letter(client, door):
    asked = {"v": 1, "kind": "groups.members", "app": "acme/shop", "verb": "add", "items": ["a"]}
    client.send(kwargs={**asked, "gid": "nobody's"})

    door.serve()

    assert door.letter().code == "NAME_UNKNOWN"
