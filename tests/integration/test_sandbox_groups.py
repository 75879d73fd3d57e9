"""The six group operations, over a real socket, against a real sandbox process."""

from __future__ import annotations

import pytest

from tests.integration.sandbox_process import TOKEN

PEOPLE = ("ann", "ben", "cleo")


@pytest.fixture
def people(sandbox):
    for address in PEOPLE:
        sandbox.add(address)
    return sandbox


def make(sandbox, **group):
    return sandbox.call("groupadd", group=group)["group"]["gid"]


def edit(sandbox, gid, members, **group):
    return sandbox.call("groupeditmembers", group={"gid": gid, "members": members, **group})


def shown(sandbox, gid):
    [group] = sandbox.control("GET", f"groups?token={TOKEN}&gid={gid}")[1]["groups"]
    return group


def members(sandbox, gid):
    return shown(sandbox, gid)["members"]


def test_the_same_group_asked_for_twice_is_two_groups(sandbox):
    gids = {make(sandbox, name="staff") for _ in range(2)}

    groups = sandbox.control("GET", f"groups?token={TOKEN}")[1]

    assert groups["count"] == 2
    assert {group["gid"] for group in groups["groups"]} == gids


def test_a_group_keeps_what_it_was_made_with(people):
    gid = make(
        people,
        name="staff",
        flags=0x9,
        expiry=3600,
        expiryext=60,
        active=False,
        members={"m": "ann,ben", "permissions": {"send": True, "list": True}},
    )

    assert shown(people, gid) == {
        "gid": gid,
        "name": "staff",
        "flags": 9,
        "expiry": 3600,
        "expiryext": 60,
        "active": False,
        "members": {"ann": ["send", "list"], "ben": ["send", "list"]},
    }


def test_a_group_is_changed_only_in_what_is_named_and_its_members_are_added_to(people):
    gid = make(people, name="staff", flags=1, members={"m": "ann"})

    answer = people.call("groupset", group={"gid": gid, "name": "all", "members": {"m": "ben"}})

    assert answer["group"] == {"gid": gid}
    assert (shown(people, gid)["name"], shown(people, gid)["flags"]) == ("all", 1)
    assert list(members(people, gid)) == ["ann", "ben"]


def test_a_deleted_group_is_gone(sandbox):
    gid = make(sandbox, name="staff")

    assert sandbox.call("groupdel", group={"gid": str(gid)})["result"] is True
    assert sandbox.call("groupdel", group={"gid": gid})["error"] == "NOGROUP"
    assert sandbox.call("groupsget", group={"name": "*"})["groups"] == []


@pytest.mark.parametrize("op", ["groupset", "groupdel", "groupeditmembers", "groupgetmembers"])
@pytest.mark.parametrize("gid", [7, "7", "9" * 5000, None, {}])
def test_a_gid_that_is_no_group_is_refused(people, op, gid):
    answer = people.call(op, group={"gid": gid, "members": {"m": "ann"}})

    assert answer["error"] == "NOGROUP"


def test_a_member_added_again_has_the_rights_named_last(people):
    gid = make(people, name="staff", members={"m": "ann", "admin": {"owner": True}})
    assert members(people, gid) == {"ann": ["send", "recv", "owner"]}

    edit(people, gid, {"m": "ann", "permissions": {"recv": True}})

    assert members(people, gid) == {"ann": ["recv"]}


@pytest.mark.parametrize(
    "removal",
    [
        {"group": {"delete": True, "members": {"m": "ann,ben"}}},
        {"group": {"members": {"m": "ann,ben", "remove": 1}}},
        {"group": {}, "delete": 1, "m": "ann,ben"},
        {"delete": 1, "m": "ann,ben"},
    ],
)
def test_members_are_taken_away_in_each_spelling_seen_in_the_wild(people, removal):
    gid = make(people, name="staff", members={"m": "ann,ben,cleo"})
    named = {**removal, "group": {**removal["group"], "gid": gid}} if "group" in removal else {
        **removal, "gid": gid
    }  # fmt: skip

    answer = people.call("groupeditmembers", **named)

    assert answer["result"] is True
    assert list(members(people, gid)) == ["cleo"]


def test_members_in_the_flat_spelling_are_added_with_their_rights(people):
    gid = make(people, name="staff")

    people.call("groupeditmembers", gid=gid, m="ann,ben", cs=1, canlist=1)

    assert members(people, gid) == {"ann": ["send", "list"], "ben": ["send", "list"]}


def test_taking_away_whoever_is_no_member_is_no_error(people):
    gid = make(people, name="staff", members={"m": "ann"})

    assert edit(people, gid, {"m": "ben", "remove": 1})["result"] is True
    assert list(members(people, gid)) == ["ann"]


def test_one_stranger_spoils_the_whole_list(people):
    gid = make(people, name="staff", members={"m": "ann"})

    answers = [
        edit(people, gid, {"m": "ben,nobody,cleo"}),
        edit(people, gid, {"m": "ann,nobody", "remove": 1}),
        people.call("groupadd", group={"name": "x", "members": {"m": "ann,nobody"}}),
    ]

    assert [answer["error"] for answer in answers] == ["NOUSER"] * 3
    assert list(members(people, gid)) == ["ann"]
    assert people.control("GET", f"groups?token={TOKEN}")[1]["count"] == 1


def test_in_partial_mode_all_but_the_stranger_join(people):
    assert people.control("POST", "groups", {"token": TOKEN, "partial_members": True})[0] == 200
    gid = make(people, name="staff", members={"m": "ann,nobody"})

    answer = edit(people, gid, {"m": "ben,nobody,cleo"})

    assert answer["error"] == "NOUSER"
    assert list(members(people, gid)) == ["ann", "ben", "cleo"]


def test_an_app_may_be_registered_in_partial_mode(people):
    people.control("POST", "apps", {"token": "another-token-000000", "partial_members": True})

    switched = people.control("POST", "groups", {"token": "another-token-000000"})

    assert switched == (200, {"partial_members": True})


def test_at_most_twenty_members_and_twenty_groups_are_listed(sandbox):
    for index in range(25):
        sandbox.add(f"user-{index}")
        make(sandbox, name=f"room {index}")
    gid = make(sandbox, name="full", members={"m": ",".join(f"user-{i}" for i in range(25))})

    listed = sandbox.call("groupgetmembers", group={"gid": gid}, count=50)["members"]
    groups = sandbox.call("groupsget", group={"name": "room*"}, count=50)["groups"]

    assert [one["address"] for one in listed] == [f"user-{index}" for index in range(20)]
    assert (listed[0]["cansend"], listed[0]["canlist"]) == (1, 0)
    assert len(groups) == 20


def test_groups_are_found_by_their_whole_name_or_a_pattern(sandbox):
    one, two = make(sandbox, name="room 1"), make(sandbox, name="room 12")
    make(sandbox, name="hall")

    def found(name, **more):
        return [group["gid"] for group in sandbox.call("groupsget", name=name, **more)["groups"]]

    assert found("room 1") == [one]
    assert found("room*") == [one, two]
    assert found("*m*", count=1) == [one]


@pytest.mark.parametrize(
    "group",
    [{"flags": "many"}, {"name": 7}, {"members": "ann"}, {"members": {"m": ["ann"]}}],
)
def test_a_group_with_a_member_of_the_wrong_kind_is_refused(people, group):
    assert people.call("groupadd", group=group)["error"] == "BADPARAM"


def test_an_edit_that_names_nobody_is_refused(people):
    assert edit(people, make(people, name="staff"), {"m": ","})["error"] == "BADPARAM"


def test_groups_are_forgotten_at_a_reset(sandbox):
    make(sandbox, name="staff")

    sandbox.control("POST", "reset")

    assert sandbox.control("GET", f"groups?token={TOKEN}")[1]["count"] == 0


def test_the_groups_of_an_app_nobody_registered_are_not_shown(sandbox):
    status, answer = sandbox.control("GET", "groups?token=nobody")

    assert (status, answer) == (400, {"error": "token: expected an app token that is registered"})
