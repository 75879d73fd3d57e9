"""Members of groups: the calls, who shares one, and what follows where several were refused."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.backend.envelope import ONPREM_BODY_LIMIT
from bulkhead.backend.members import edit
from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.errors import InvalidInput
from bulkhead.model.kind import FIRST, KINDS, joined
from bulkhead.model.members import ADMIN, PERMISSIONS, Member, Membership, Reader
from bulkhead.model.outcome import Done, Next, Refused, Repeat, Retry, Throttled, Upstream
from tasks import operation
from tasks.joined import bundled
from tasks.members import STEPS

KIND = "groups.members"
MAPPING = {"address": 0}
SAID = Upstream("groupeditmembers", 200, "NOUSER")


def facts(verb="add", gid=404101, mapping=MAPPING, **more):
    return JobFacts(KIND, mapping, {"verb": verb, "gid": gid, **more}, {})


def people(*addresses):
    return [Item(index, index + 1, [address]) for index, address in enumerate(addresses)]


def bundles(told, items, most=100):
    return list(bundled(operation.alike(KIND, FIRST), told, items, most))


def parted(step, outcome):
    return operation.conclude_joined(facts(), people("ann")[0], step, None, outcome)


def test_new_members_are_a_comma_list_and_said_once_more_change_nothing():
    call = operation.prepare_joined(facts(), people("ann", "ben"), FIRST)

    assert (call.op, call.repeat) == ("groupeditmembers", Repeat.SAFE)
    assert call.members == {"group": {"gid": 404101, "members": {"m": "ann,ben"}}}


def test_rights_that_are_not_named_are_taken_and_said_to_be():
    told = facts(permissions=["recv", "list"], admin=["owner"])

    members = operation.prepare_joined(told, people("ann"), FIRST).members["group"]["members"]

    assert members["permissions"] == {
        "send": False,
        "recv": True,
        "pub": False,
        "sub": False,
        "list": True,
    }
    assert members["admin"] == {"owner": True}


@pytest.mark.parametrize(
    ("spelling", "members"),
    [
        ("delete", {"group": {"gid": 7, "delete": 1, "members": {"m": "ann,ben"}}}),
        ("remove", {"group": {"gid": 7, "members": {"m": "ann,ben", "remove": 1}}}),
        ("flat", {"gid": 7, "m": "ann,ben", "delete": 1}),
    ],
)
def test_a_removal_is_written_as_the_app_says(spelling, members):
    told = facts("remove", 7, remove_by=spelling)

    assert operation.prepare_joined(told, people("ann", "ben"), FIRST).members == members


def test_members_of_other_groups_go_in_calls_of_their_own():
    told = facts(gid=None, mapping={"member": 0, "gid": 1})
    rows = [("ann", "12"), ("ben", "12"), ("cy", "13"), ("di", "12")]
    items = [Item(index, index + 1, [*row]) for index, row in enumerate(rows)]

    assert [[item.index for item in one] for one in bundles(told, items)] == [[0, 1], [2], [3]]


def test_a_row_that_cannot_be_sent_stands_alone_and_costs_no_call():
    items = people("ann", "with,comma", "ben")

    apart = bundles(facts(), items)

    assert [len(one) for one in apart] == [1, 1, 1]
    refused = operation.prepare_joined(facts(), apart[1], FIRST)
    assert isinstance(refused, Refused)
    assert refused.code == "ADDRESS_HAS_COMMA"


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=63), max_size=250))
def test_every_item_is_in_one_call_in_order_and_every_call_fits_an_on_premise_body(addresses):
    told = facts(permissions=[*PERMISSIONS], admin=[*ADMIN])
    items = people(*addresses)

    apart = bundles(told, items)

    assert [item for one in apart for item in one] == items
    for one in apart:
        call = operation.prepare_joined(told, one, FIRST)
        if isinstance(call, Refused):
            assert len(one) == 1
            continue
        whole = {"op": call.op, "token": "t" * 128, **call.members}
        assert len(json.dumps(whole, ensure_ascii=False).encode()) <= ONPREM_BODY_LIMIT


def test_a_refused_call_for_several_goes_on_with_half_as_many_down_to_one():
    steps, step = [], FIRST
    while isinstance(outcome := parted(step, Refused("REFUSED", "no", SAID)), Next):
        step = outcome.step
        steps.append(step)

    assert steps == [*STEPS[1:]]
    assert isinstance(outcome, Refused)
    sizes = [int(joined(KIND)[f"join:{step}" if step else "join"]) for step in STEPS]
    assert sizes[0] == 100
    assert sizes[-1] == 1
    assert all(2 * after <= before + 1 for before, after in pairwise(sizes))
    assert set(KINDS[KIND].steps) == set(STEPS)


@pytest.mark.parametrize(
    "outcome",
    [
        Retry("NO_ANSWER", "lost", SAID),
        Throttled("THROTTLED", "slow", SAID),
        Refused("BADOP", "no such operation", Upstream("groupeditmembers", 200, "BADOP")),
        Refused("REFUSED", "no", Upstream("groupeditmembers", 200, "NOGROUP")),
        Retry("UNLISTED", "a word", Upstream("groupeditmembers", 200, "BADGID")),
        Done(SAID),
    ],
)
def test_what_is_nobodys_fault_is_not_searched_for(outcome):
    assert type(parted(FIRST, outcome)) is type(outcome)


def test_a_word_nobody_has_listed_is_searched_for_at_once_among_several():
    refused = Retry("UNLISTED", "a word", Upstream("groupeditmembers", 200, "NOSUCHMEMBEROFGROUP"))

    assert isinstance(parted(FIRST, refused), Next)


def test_a_member_who_was_called_for_alone_is_refused_for_good():
    outcome = operation.conclude(
        facts(), people("ann")[0], FIRST, None, Refused("REFUSED", "no", SAID)
    )

    assert isinstance(outcome, Refused)
    assert outcome.upstream.details == {"gid": 404101}


@pytest.mark.parametrize(
    "wrong",
    [
        {"verb": "move"},
        {"permissions": ("fly",)},
        {"admin": ("king",)},
        {"verb": "remove", "permissions": ("send",)},
        {"remove_by": "magic"},
    ],
)
def test_what_no_call_could_say_is_refused(wrong):
    with pytest.raises(InvalidInput):
        Membership(**wrong)


def test_what_a_job_keeps_is_what_was_asked_for():
    for asked in (
        Membership("add", 12, ("send",), ("owner",)),
        Membership("remove", None, remove_by="flat"),
    ):
        assert Membership.of(json.loads(json.dumps(asked.params()))) == asked


def test_a_row_names_its_person_and_where_the_job_does_not_its_group():
    mapping = {"member": 1, "gid": 0}

    assert Reader(None, mapping).read([" 12 ", " ann "]) == Member(12, "ann")
    assert Reader(7, {"address": 0}).read(["ann"]) == Member(7, "ann")
    assert Reader(None, mapping).read(["", "ann"]).code == "GROUP_NOT_IN_RECORD"
    assert Reader(None, mapping).read(["staff", "ann"]).code == "GROUP_NOT_IN_RECORD"
    assert Reader(7, {"address": 0}).read([]).code == "ADDRESS_MISSING"


def test_a_call_is_named_by_its_group_and_by_nobody_in_it():
    assert edit(Membership(), 12, ["ann"]).key == "gid:12"
