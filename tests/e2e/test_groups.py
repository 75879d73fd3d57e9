"""Groups are made once, whatever happens to the answers."""

from __future__ import annotations

import pytest

from tests.e2e.group_rig import GroupRig


@pytest.fixture
def rig(standing, sandbox):
    return GroupRig(standing, sandbox)


def outcomes(rows):
    return {line: (row["outcome"], row["detail"], row["code"]) for line, row in rows.items()}


def test_a_file_makes_its_groups_with_all_that_its_rows_say(rig):
    rig.users("ann", "ben", "cleo")
    rows = (
        {"custom_id": "s", "name": "Sales", "flags": ["selected-send", "auto-add"],
         "expiry": "30d", "expiryext": 60, "active": False, "members": ["ann", "ben"],
         "permissions": "send,list", "admin": "owner"},
        {"name": "Plain"},
    )  # fmt: skip

    job, results = rig.run("create", rig.file(*rows))

    assert job["counts"]["succeeded"] == 2
    gid, plain = (results[line]["upstream"]["gid"] for line in (1, 2))
    assert [results[line]["key"] for line in (1, 2)] == [{"custom_id": "s"}, {"name": "Plain"}]
    assert rig.there()[gid] == {
        "gid": gid,
        "name": "Sales",
        "flags": 9,
        "expiry": 30 * 86400,
        "expiryext": 60,
        "active": False,
        "members": {who: ["send", "list", "owner"] for who in ("ann", "ben")},
    }
    assert rig.there()[plain]["name"] == "Plain"
    assert rig.known() == {"s": gid}


def test_a_second_run_makes_no_second_group_and_changed_rows_are_refused(rig):
    first = {"custom_id": "a", "name": "A"}
    job, results = rig.run("create", rig.file(first, {"custom_id": "b", "name": "B"}))

    again, rows = rig.run("create", rig.file(first, {"custom_id": "b", "name": "Other"}))

    gid = results[1]["upstream"]["gid"]
    assert outcomes(rows) == {
        1: ("skipped", "already_done", None),
        2: ("failed", None, "GROUP_EXISTS"),
    }
    assert str(gid) in rows[1]["message"]
    assert job["id"] in rows[1]["message"]
    assert rig.names() == {"A": 1, "B": 1}
    assert again["counts"]["total"] == 2


def test_members_that_fit_into_no_call_come_in_further_ones(rig):
    people = [f"person-{number:03d}-{'x' * 50}" for number in range(400)]
    rig.users(*people)

    _, rows = rig.run("create", rig.file({"custom_id": "big", "name": "Big", "members": people}))

    gid = rows[1]["upstream"]["gid"]
    assert outcomes(rows) == {1: ("succeeded", "created", None)}
    assert rig.members(gid) == set(people)
    calls = rig.sandbox.received(rig.token, summary=1)["by_op"]
    assert calls["groupadd"] == 1
    assert calls["groupeditmembers"] >= 3


def test_a_group_is_changed_and_deleted_by_custom_id_or_gid(rig):
    rig.users("ann", "ben")
    _, rows = rig.run(
        "create",
        rig.file(
            {"custom_id": "a", "name": "A", "members": "ann"}, {"custom_id": "b", "name": "B"}
        ),
    )
    a, b = (rows[line]["upstream"]["gid"] for line in (1, 2))

    _, changed = rig.run(
        "set",
        rig.file(
            {"custom_id": "a", "name": "A2", "members": "ben"},
            {"gid": b, "flags": "paused"},
            {"custom_id": "nobody", "name": "x"},
        ),
    )
    there = rig.there()
    _, deleted = rig.run("delete", rig.file({"custom_id": "a"}, {"gid": b}))

    assert [changed[line]["code"] for line in (1, 2, 3)] == [None, None, "GROUP_UNKNOWN"]
    assert (there[a]["name"], set(there[a]["members"])) == ("A2", {"ann", "ben"})
    assert there[b]["flags"] == 0x8000000
    assert {row["detail"] for row in deleted.values()} == {"deleted"}
    assert rig.there() == {}
    assert rig.known() == {}


def test_what_was_set_is_what_a_later_file_may_say(rig):
    rig.run("create", rig.file({"custom_id": "a", "name": "A"}))
    rig.run("set", rig.file({"custom_id": "a", "name": "B"}))

    _, rows = rig.run("create", rig.file({"custom_id": "a", "name": "B"}))

    assert outcomes(rows) == {1: ("skipped", "already_done", None)}
    assert rig.names() == {"B": 1}


def test_a_lost_answer_is_settled_by_the_list_and_by_nothing_else(rig):
    rig.sandbox.faults({"fault": "drop_after_commit", "op": "groupadd", "key": "Came"})
    rig.users("ann")
    rows = [{"custom_id": "c", "name": "Came", "members": "ann"}]

    job, results = rig.run("create", rig.file(*rows))

    [gid] = rig.there()
    assert (results[1]["outcome"], results[1]["upstream"]["gid"]) == ("succeeded", gid)
    assert rig.known() == {"c": gid}
    assert rig.members(gid) == {"ann"}
    assert job["counts"]["succeeded"] == 1


def test_what_never_came_is_unknown_and_made_by_a_retry_that_has_looked(rig):
    lost = {"fault": "hang", "op": "groupadd", "s": 0, "times": 2}
    rig.sandbox.faults(lost)
    rows = ({"custom_id": "c", "name": "With"}, {"name": "Without"})
    job, results = rig.run("create", rig.file(*rows))
    assert {row["outcome"] for row in results.values()} == {"unknown"}
    assert rig.there() == {}

    made = rig.product.typed("jobs", "retry", job["id"], "--only", "unknown", "--yes", "-o", "json")
    _, again = rig.ended(made.json["id"])

    assert {row["outcome"] for row in again.values()} == {"succeeded"}
    assert rig.names() == {"With": 1, "Without": 1}


def test_a_retry_of_what_came_after_all_finds_it(rig):
    # Neither the groupadd nor the list is answered, so the first job cannot tell.
    rig.sandbox.faults(
        {"fault": "drop_after_commit", "op": "groupadd"},
        {"fault": "word", "op": "groupsget", "error": "BADOP"},
    )
    rows = ({"custom_id": "c", "name": "With"}, {"name": "Without"})
    job, results = rig.run("create", rig.file(*rows))
    assert {row["outcome"] for row in results.values()} == {"unknown"}
    rig.sandbox.faults()

    made = rig.product.typed("jobs", "retry", job["id"], "--only", "unknown", "--yes", "-o", "json")
    _, again = rig.ended(made.json["id"])

    assert {row["detail"] for row in again.values()} == {"confirmed_by_read_back"}
    assert rig.names() == {"With": 1, "Without": 1}


def test_of_two_lost_groups_of_one_name_neither_takes_the_other(rig):
    rig.sandbox.faults({"fault": "drop_after_commit", "op": "groupadd"})
    rows = [{"custom_id": f"twin-{number}", "name": "Twin"} for number in range(2)]

    _, results = rig.run("create", rig.file(*rows))

    assert {row["outcome"] for row in results.values()} == {"unknown"}
    assert rig.names() == {"Twin": 2}
    assert rig.known() == {}


def test_a_refused_member_leaves_no_group_and_the_mended_row_makes_one(rig):
    _, refused = rig.run("create", rig.file({"custom_id": "c", "name": "C", "members": "ghost"}))
    rig.users("ann")

    _, mended = rig.run("create", rig.file({"custom_id": "c", "name": "C", "members": "ann"}))

    assert refused[1]["outcome"] == "failed"
    assert mended[1]["outcome"] == "succeeded"
    assert rig.names() == {"C": 1}


def test_a_lost_deletion_is_read_back(rig):
    rig.run("create", rig.file({"custom_id": "a", "name": "A"}, {"custom_id": "b", "name": "B"}))
    rig.sandbox.faults(
        {"fault": "drop_after_commit", "op": "groupdel", "times": 1},
        {"fault": "reset", "op": "groupdel", "times": 1},
    )

    _, rows = rig.run("delete", rig.file({"custom_id": "a"}, {"custom_id": "b"}))

    assert {row["outcome"] for row in rows.values()} == {"succeeded"}
    assert rig.there() == {}
    assert rig.known() == {}


def test_people_join_their_groups_as_they_are_imported_and_a_changed_cell_is_noticed(rig):
    _, rows = rig.run("create", rig.file({"custom_id": "a", "name": "A"}, {"name": "B"}))
    a, b = (rows[line]["upstream"]["gid"] for line in (1, 2))
    one = {"address": "ann", "groups": f"a,{b}"}
    two = {"address": "ben", "groups": ["nowhere"]}

    _, first = rig.run("import", rig.file(one, two), of="users")
    _, again = rig.run("import", rig.file(one, {**two, "groups": "a"}), of="users")

    assert (first[1]["outcome"], first[2]["code"]) == ("succeeded", "GROUP_UNKNOWN")
    assert (again[1]["detail"], again[2]["outcome"]) == ("already_done", "succeeded")
    assert rig.members(a) == {"ann", "ben"}
    assert rig.members(b) == {"ann"}


def test_people_with_groups_get_their_token_behind_them(rig):
    rig.run("create", rig.file({"custom_id": "a", "name": "A"}))
    person = {"address": "ann", "groups": "a", "appid": "x"}

    job, rows = rig.run("import", rig.file(person), "--tokens", "missing", of="users")

    assert rows[1]["detail"] == "token_issued" or rows[1]["outcome"] == "succeeded"
    assert rig.sandbox.received(rig.token, summary=1)["by_op"] == {
        "groupadd": 1,
        "groupeditmembers": 1,
        "useradd": 2,
    }
    assert job["counts"]["succeeded"] == 1


def test_a_dry_run_says_what_is_done_already_and_what_would_be_made_twice(rig):
    rig.run("create", rig.file({"custom_id": "a", "name": "A"}))
    path = rig.file({"custom_id": "a", "name": "A"}, {"custom_id": "b"}, {"name": "Loose"}, {})

    done = rig.product.typed("groups", "create", str(path), "--app", "acme/shop", "--dry-run",
                             "-o", "json")  # fmt: skip

    assert done.json["counts"]["already_done"] == 1
    assert done.json["counts"]["to_send"] == 3
    assert done.json["calls"] == 3
    assert "2 of the groups have no custom_id" in done.json["note"]
    assert rig.names() == {"A": 1}


def test_our_groups_are_listed_and_the_template_can_be_made(rig):
    template = rig.product.home / "template.csv"
    template.write_text(rig.product.typed("groups", "template").out)
    rig.users("ann@example.com", "0049301234567")

    checked = rig.product.typed("groups", "validate", str(template), "-o", "json")
    rig.run("create", template)
    listed = rig.product.typed("groups", "list", "--app", "acme/shop", "-o", "json")

    assert (checked.code, checked.json["valid"]) == (0, 2)
    found = {one["custom_id"]: one["name"] for one in listed.json}
    assert found == {"team-sales": "Sales", "team-all": "All, everywhere"}


def test_the_group_that_was_made_last_is_listed_first(rig):
    order = ["m", "z", "a", "k"]
    for name in order:
        rig.run("create", rig.file({"custom_id": name, "name": name}))

    listed = rig.product.typed("groups", "list", "--app", "acme/shop", "-o", "json")
    newest = rig.product.typed("groups", "list", "--app", "acme/shop", "-o", "json", "--limit", "2")

    assert [one["custom_id"] for one in listed.json] == order[::-1]
    assert newest.json == listed.json[:2]
