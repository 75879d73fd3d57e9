"""What follows from the answers to calls about groups: what is certain, and what is looked for."""

import pytest

from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.model.group import OF_KNOWN, Group
from bulkhead.model.group_record import InOurRecord, Listed, known_as
from bulkhead.model.kind import ADOPT, FIRST, KINDS, LOOK_FIRST, MEMBERS, READ_BACK, REPEATED
from bulkhead.model.outcome import Done, Next, Refused, Repeat, Skipped, Unknown, Upstream
from bulkhead.model.shape import KNOWN_GROUPS
from bulkhead.model.slice import Report
from tasks import operation
from tasks.remember import remember

SAID = Upstream("groupadd", 200, details={"gid": 404101})
LISTED = Upstream("groupsget", 200)
MAPPING = {name: place for place, name in enumerate(OF_KNOWN)}


def facts(kind="groups.create", **params):
    return JobFacts(kind, {"width": len(OF_KNOWN), **MAPPING}, params, {})


OWN = InOurRecord("own")
SAME = Group(custom_id="a", name="A")


def item(said=OWN, why="", step="", **cells):
    row = {"custom_id": "a", "name": "A"} | cells
    return Item(0, 7, tuple(row.get(name, "") for name in OF_KNOWN), why=why, step=step, group=said)


def conclude(outcome, step=FIRST, kind="groups.create", **given):
    return operation.conclude(facts(kind), item(**given), step, None, outcome)


def spare(step=FIRST, **given):
    return operation.sparing(facts(), step)(item(**given), None)


def told(outcome, step=FIRST, kind="groups.create", **given):
    report = Report("lease", "acme/shop", "job_1", 1)
    remember(report, facts(kind), step, item(**given), outcome)
    return [(verb, what) for verb, what, _ in report.groups]


def record(group=SAME, *, complete=True):
    return InOurRecord("known", "404101", known_as(group, "job_0", "c:a", complete=complete))


def test_what_may_be_repeated_is_what_the_kind_says():
    steps = KINDS["groups.create"].steps

    for step in (FIRST, READ_BACK, LOOK_FIRST, REPEATED):
        assert operation.prepare(facts(), item(), step).repeat is steps[step]
    assert operation.prepare(facts(), item(why="12", step="members.0"), "members.0").repeat is (
        Repeat.SAFE
    )


@pytest.mark.parametrize(
    ("said", "becomes", "what"),
    [
        (record(), Skipped, "already_done"),
        (record(Group(custom_id="a", name="B")), Refused, "GROUP_EXISTS"),
        (record(complete=False), Next, f"{MEMBERS}.0"),
        (InOurRecord("taken", said="job_0"), Refused, "GROUP_TAKEN"),
        (InOurRecord("doubt", said=Group(custom_id="a", name="A").digest), Next, LOOK_FIRST),
        (InOurRecord("doubt", said="other"), Unknown, "NOT_CONFIRMED"),
    ],
)
def test_what_is_known_of_a_group_decides_before_a_call(said, becomes, what):
    outcome = spare(said=said)

    assert type(outcome) is becomes
    named = (getattr(outcome, name, None) for name in ("step", "code", "detail"))
    assert what in named


def test_only_a_group_that_nobody_has_is_made():
    assert spare() is None
    assert spare(step=READ_BACK) is None


def test_what_has_no_name_cannot_be_looked_for():
    doubt = InOurRecord("doubt", said=Group(custom_id="a").digest)

    assert isinstance(spare(step=READ_BACK, name=""), Unknown)
    assert isinstance(spare(said=doubt, name=""), Unknown)


def test_an_answer_without_a_gid_is_looked_for_like_a_lost_one():
    assert conclude(Done(Upstream("groupadd", 200))).step == READ_BACK


def test_members_that_do_not_fit_follow_and_the_last_call_ends_the_row():
    many = ",".join(f"member-{number:04d}-{'x' * 40}" for number in range(300))
    first = conclude(Done(SAID), members=many)

    last = first
    while isinstance(last, Next):
        at = item(members=many, why=first.why, step=last.step)
        last = operation.conclude(facts(), at, last.step, None, Done(LISTED))

    assert (first.why, isinstance(last, Done)) == ("404101", True)
    assert (last.detail, last.upstream.details) == ("created", {"gid": 404101})


@pytest.mark.parametrize("step", [READ_BACK, LOOK_FIRST])
def test_a_list_is_kept_for_the_record_to_compare(step):
    answer = Done(LISTED, groups=((404101, "A"), (404102, "A*"), (404103, "B")))

    outcome = conclude(answer, step)

    assert outcome.step == ADOPT
    assert Listed.of(outcome.why) == Listed([404101], False, step == LOOK_FIRST, "A")


@pytest.mark.parametrize(
    "said", [Refused("BADOP", "no", LISTED), Done(LISTED), Done(LISTED, groups=None)]
)
def test_a_list_that_cannot_be_read_leaves_it_unknown(said):
    assert isinstance(conclude(said, READ_BACK), Unknown)


@pytest.mark.parametrize(
    ("verdict", "again", "becomes"),
    [("none", False, Unknown), ("none", True, Next), ("many", True, Unknown), ("one", False, Done)],
)
def test_none_is_made_again_but_by_who_asked_for_a_look_first(verdict, again, becomes):
    listed = Listed([], False, again, "A").to_json()

    outcome = spare(step=ADOPT, said=InOurRecord(verdict, "404101"), why=listed)

    assert type(outcome) is becomes
    assert getattr(outcome, "step", REPEATED) == REPEATED


def test_a_question_nobody_answers_leaves_it_unknown():
    refused = Refused("BACKEND_UNREACHABLE", "never sent", LISTED)

    assert isinstance(operation.given_up(facts(), item(), LOOK_FIRST, refused), Unknown)


def test_the_record_is_told_what_is_certain_and_nothing_else():
    assert told(Done(SAID)) == [("put", "404101")]
    assert told(Next("members.1", SAID, why="404101")) == [("put", "404101")]
    assert told(Refused("REFUSED", "no", SAID)) == [("end", "c:a")]
    assert told(Refused("REFUSED", "no", LISTED), "members.0", why="12") == []
    assert told(Next(READ_BACK, Upstream("groupadd"))) == []
    assert told(Unknown("lost", LISTED), READ_BACK) == []
    assert told(Refused("BADOP", "no", LISTED), READ_BACK) == []


def test_a_row_without_custom_id_is_known_by_where_it_first_stood():
    outcome = Refused("REFUSED", "no", SAID)
    report = Report("lease", "acme/shop", "job_2", 1)

    remember(report, facts(root="job_1"), FIRST, item(custom_id=""), outcome)

    assert report.groups == [("end", "r:job_1:7", "")]
    assert told(outcome, custom_id="") == [("end", "r:job_1:7")]


@pytest.mark.parametrize("kind", ["groups.set", "groups.delete"])
def test_a_custom_id_that_nobody_knows_is_refused_without_a_call(kind):
    found = operation.prepare(facts(kind), item(said=InOurRecord()))

    assert (found.code, KNOWN_GROUPS.noun) == ("GROUP_UNKNOWN", "group")


def test_what_was_set_and_deleted_is_on_the_record():
    assert told(Done(LISTED), kind="groups.set", said=record()) == [("put", "404101")]
    assert told(Done(LISTED), kind="groups.delete", said=record()) == [("drop", "404101")]
    assert told(Done(LISTED), kind="groups.set", said=InOurRecord("known", "12")) == []


@pytest.mark.parametrize(
    ("listed", "becomes"),
    [
        (((404101, "A"),), REPEATED),
        (((404102, "A"),), "confirmed_by_read_back"),
        (tuple((number, "A") for number in range(20)), "NOT_CONFIRMED"),
    ],
)
def test_a_lost_deletion_is_told_by_the_list(listed, becomes):
    outcome = conclude(Done(LISTED, groups=listed), READ_BACK, "groups.delete", said=record())

    assert becomes in [getattr(outcome, name, None) for name in ("step", "detail", "code")]
