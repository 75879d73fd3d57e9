"""The record of groups: who may make one, and which of those that are listed is whose."""

import pytest

from bulkhead.engine.groups import Groups
from bulkhead.model.group import Group
from bulkhead.model.group_record import Known, Listed, Want, known_as
from tests.fakes.engine import PENDING, SUCCEEDED, UNKNOWN, report

APP = "acme/shop"
SAID = Group(custom_id="a", name="A")
FOUND = Listed([404101], full=False, again=False, name="A")


@pytest.fixture
def record(world):
    world.app()
    return Groups(world.scripts)


def want(custom_id="a", name="A", index=0, digest="d"):
    return Want(f"c:{custom_id}", index, custom_id, name, digest)


def ask(record, job, *wants):
    return [one.verdict for one in record.claim(APP, job, wants or (want(),))]


def known(custom_id="a"):
    return known_as(Group(custom_id=custom_id, name="A"), "job_1", f"c:{custom_id}", complete=True)


def test_a_group_is_the_first_jobs_until_that_has_ended(world, record):
    first = world.submit(1)

    assert ask(record, first) == ["own"]
    assert ask(record, first) == ["own"]
    [taken] = record.claim(APP, "job_2", [want()])
    assert (taken.verdict, taken.said) == ("taken", first)


@pytest.mark.parametrize(
    ("ended", "verdict"), [(UNKNOWN, "doubt"), (SUCCEEDED, "doubt"), (PENDING, "own")]
)
def test_what_an_ended_job_never_sent_may_be_made_and_all_else_is_looked_for(
    world, record, ended, verdict
):
    job = world.submit(1, kind="groups.set")
    assert ask(record, job) == ["own"]
    if ended == PENDING:
        world.jobs.control(job, "cancel")
    else:
        world.finish(world.begun(), ended)

    [told] = record.claim(APP, "job_2", [want(digest="other")])

    assert told.verdict == verdict
    assert told.said == ("d" if verdict == "doubt" else "")
    assert ask(record, "job_2") == [verdict]


def test_what_a_job_that_is_forgotten_may_have_made_is_looked_for(record):
    assert ask(record, "job_long_ago") == ["own"]

    assert ask(record, "job_2") == ["doubt"]


def test_a_report_puts_the_group_on_the_record_and_drops_it(world, record):
    job = world.submit(2, kind="groups.set")
    assert ask(record, job) == ["own"]
    part = world.begun()
    told = report(part, {SUCCEEDED: [0]}, last=False, left="1-1")
    told.groups.append(("put", "404101", known().to_json()))
    world.settle(told)

    [there] = record.claim(APP, "job_2", [want()])

    assert (there.verdict, there.gid, there.known.digest) == ("known", "404101", SAID.digest)
    assert record.gids(APP, ["a", "b"]) == {"a": "404101"}
    assert record.count(APP) == 1
    told = report(part, {SUCCEEDED: [1]}, seq=2)
    told.groups.append(("drop", "404101", ""))
    world.settle(told)
    assert record.gids(APP, ["a"]) == {}
    assert list(record.entries(APP)) == []


def test_a_refusal_lets_the_next_job_make_it_without_a_look(world, record):
    job = world.submit(1, kind="groups.set")
    assert ask(record, job) == ["own"]
    told = report(world.begun(), {SUCCEEDED: [0]})
    told.groups.append(("end", "c:a", ""))

    world.settle(told)

    assert ask(record, "job_2") == ["own"]


def test_the_only_listed_group_that_is_nobodys_is_adopted_once(record):
    assert ask(record, "job_1") == ["own"]

    first = record.adopt(APP, "c:a", FOUND, known())
    again = record.adopt(APP, "c:a", FOUND, known())
    other = record.adopt(APP, "c:b", FOUND, known("b"))

    assert (first.verdict, first.gid, again.verdict) == ("one", "404101", "one")
    assert other.verdict == "none"
    assert record.gids(APP, ["a", "b"]) == {"a": "404101"}


@pytest.mark.parametrize(
    ("gids", "full", "verdict"),
    [([], False, "none"), ([], True, "many"), ([12, 13], False, "many"), ([12], True, "many")],
)
def test_a_list_that_does_not_settle_it_adopts_nothing(record, gids, full, verdict):
    assert ask(record, "job_1") == ["own"]

    told = record.adopt(APP, "c:a", Listed(gids, full, again=False, name="A"), known())

    assert (told.verdict, list(record.entries(APP))) == (verdict, [])


def test_while_another_row_of_the_name_is_without_its_answer_nothing_is_adopted(record):
    assert ask(record, "job_1", want(), want("b", index=1)) == ["own", "own"]

    told = record.adopt(APP, "c:a", FOUND, known())

    assert told.verdict == "many"
    assert record.gids(APP, ["a"]) == {}


def test_what_is_not_listed_may_be_made_by_who_asked_for_a_look_first(record):
    assert ask(record, "job_0") == ["own"]
    assert ask(record, "job_1") == ["doubt"]

    told = record.adopt(APP, "c:a", Listed([], full=False, again=True, name="A"), known())

    assert told.verdict == "none"
    assert ask(record, "job_1") == ["own"]


def test_the_record_outlives_the_jobs_and_ends_with_the_app(world, record):
    assert ask(record, "job_1") == ["own"]
    record.adopt(APP, "c:a", FOUND, known())
    names = [world.key("app", APP, part) for part in ("groups", "gids")]
    assert [world.redis.ttl(name) for name in names] == [-1, -1]
    assert ask(record, "job_1", want("left")) == ["own"]

    world.fleet.remove_app(APP)

    assert list(world.redis.scan_iter(world.key("app", APP, "g*"))) == []


def test_an_app_that_is_gone_gets_no_record(world, record):
    world.fleet.remove_app(APP)

    assert ask(record, "job_1") == ["own"]
    assert list(world.redis.scan_iter(world.key("app", APP, "g*"))) == []


def test_what_a_later_version_adds_to_an_entry_is_passed_by():
    text = known().to_json()[:-1] + ', "new": 1, "at": 5}'

    assert Known.of(text).at == 5
    assert Known.of(text).to_dict("12")["gid"] == 12
