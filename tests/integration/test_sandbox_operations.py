"""Each backend operation, over a real socket, against a real sandbox process."""

from __future__ import annotations

import json

import pytest

from tests.integration.sandbox_process import TOKEN

BARE = ["uacset"]


def listed(sandbox, pattern="*", **members):
    return sandbox.call("usersget", user={"address": pattern}, **members)["users"]


@pytest.mark.parametrize("path", ["/backend/", "/backend", "/mesiboapi", "/api.php"])
def test_every_path_mesibo_is_known_by_is_served(sandbox, path):
    body = json.dumps({"op": "useradd", "token": TOKEN, "user": {"address": "ann"}})

    status, _, answer = sandbox.send("POST", path, body)

    assert status == 200
    assert json.loads(answer)["result"] is True


def test_an_answer_repeats_the_op_and_the_id(sandbox):
    answer = sandbox.add("ann", id=77)

    assert (answer["op"], answer["id"], answer["result"]) == ("useradd", 77, True)


def test_an_answer_without_an_id_asked_for_has_none(sandbox):
    assert "id" not in sandbox.add("ann")


@pytest.mark.parametrize("odd", [[], {}, "9" * 5000, None])
def test_odd_members_are_answered_like_any_other(sandbox, odd):
    assert sandbox.add("ann", id=odd)["result"] is True
    assert sandbox.call("userset", uid=odd)["error"] == "NOUSER"
    assert sandbox.call("usersget", count=3, user=odd)["result"] is True


def test_adding_a_user_twice_keeps_its_uid_and_takes_the_new_name(sandbox):
    first = sandbox.call("useradd", user={"address": "ann", "name": "Ann"})
    second = sandbox.call("useradd", user={"address": "ann", "name": "Anna", "active": False})

    assert first["user"]["uid"] == second["user"]["uid"]
    assert [user["active"] for user in listed(sandbox)] == [False]


def test_a_user_gets_no_token_unless_one_is_asked_for(sandbox):
    assert "token" not in sandbox.add("ann")["user"]


def test_asking_again_for_the_same_app_id_rotates_the_token_and_another_id_is_added(sandbox):
    phone = {"address": "ann", "token": {"appid": "phone"}}
    laptop = {"address": "ann", "token": {"appid": "laptop", "expiry": 60}}

    tokens = [sandbox.call("useradd", user=u)["user"]["token"] for u in (phone, phone, laptop)]

    assert len(set(tokens)) == 3
    assert [user["appid"] for user in listed(sandbox)] == ["phone", "laptop"]


def test_a_v2_token_needs_no_app_id(sandbox):
    answer = sandbox.call("useradd", user={"address": "ann", "token": {"v2": True}})

    assert answer["user"]["token"]


def test_a_token_without_app_id_or_v2_is_refused_and_the_user_is_not_made(sandbox):
    answer = sandbox.call("useradd", user={"address": "ann", "token": {}})

    assert (answer["result"], answer["error"]) == (False, "BADPARAM")
    assert listed(sandbox) == []


@pytest.mark.parametrize("user", [None, {}, {"address": ""}, {"address": 5}, "ann"])
def test_a_user_without_an_address_is_refused(sandbox, user):
    answer = sandbox.call("useradd", user=user)

    assert (answer["result"], answer["error"]) == (False, "BADPARAM")


def test_userset_changes_a_user_by_address_or_uid(sandbox):
    uid = sandbox.add("ann")["user"]["uid"]

    assert sandbox.call("userset", user={"address": "ann", "flags": 3})["result"] is True
    assert sandbox.call("userset", uid=str(uid), active=False)["result"] is True

    assert listed(sandbox) == [
        {"uid": uid, "address": "ann", "appid": "", "active": False, "flags": 3}
    ]


def test_userset_issues_and_revokes_tokens(sandbox):
    sandbox.add("ann")

    issued = sandbox.call("userset", user={"address": "ann", "token": {"appid": "phone"}})
    assert issued["user"]["token"]
    assert listed(sandbox)[0]["appid"] == "phone"

    revoked = sandbox.call("userset", user={"address": "ann", "token": {"remove": True}})
    assert "token" not in revoked["user"]
    assert listed(sandbox)[0]["appid"] == ""


def test_usertoken_issues_and_deletes_one_token(sandbox):
    uid = sandbox.add("ann")["user"]["uid"]

    issued = sandbox.call("usertoken", uid=uid, appid="phone")["user"]
    assert (issued["uid"], issued["appid"]) == (uid, "phone")
    assert issued["token"]

    deleted = sandbox.call("usertoken", uid=uid, appid="phone", delete=1)["user"]
    assert "token" not in deleted
    assert listed(sandbox)[0]["appid"] == ""


def test_userdel_forgets_the_user_and_its_uid(sandbox):
    uid = sandbox.add("ann")["user"]["uid"]

    assert sandbox.call("userdel", user={"address": "ann"}) == {"op": "userdel", "result": True}

    assert listed(sandbox) == []
    assert sandbox.call("userdel", uid=uid)["error"] == "NOUSER"
    assert sandbox.add("ann")["user"]["uid"] != uid


@pytest.mark.parametrize("op", ["userset", "usertoken", "userdel"])
def test_an_unknown_user_is_refused(sandbox, op):
    answer = sandbox.call(op, user={"address": "nobody"})

    assert (answer["result"], answer["error"]) == (False, "NOUSER")


def test_usersget_lists_twenty_at_most_and_knows_the_star_alone(sandbox):
    for n in range(25):
        sandbox.add(f"user{n}@a.test")
    sandbox.add("user[1]?")

    assert len(listed(sandbox, count=1000)) == 20
    assert len(listed(sandbox, count=3)) == 3
    assert [user["address"] for user in listed(sandbox, "*24@*")] == ["user24@a.test"]
    assert [user["address"] for user in listed(sandbox, "user[1]*")] == ["user[1]?"]
    assert listed(sandbox, "ser1") == []


def test_otp_gives_six_digits(sandbox):
    answer = sandbox.call("otp", otp={"address": "ann"})

    assert answer["otp"].isdecimal()
    assert len(answer["otp"]) == 6


def test_each_group_gets_a_new_gid_and_each_message_a_new_mid(sandbox):
    gids = [sandbox.call("groupadd", group={"name": "g"})["group"]["gid"] for _ in range(3)]
    sandbox.add("a")
    mids = [sandbox.call("message", message={"from": "a", "to": "b"})["mid"] for _ in range(3)]

    assert len(set(gids)) == 3
    assert len(set(mids)) == 3


@pytest.mark.parametrize("op", BARE)
def test_an_operation_of_a_later_part_gets_the_bare_envelope(sandbox, op):
    assert sandbox.call(op) == {"op": op, "result": True}


@pytest.mark.parametrize("op", ["nosuch", "userget", "deluser", ""])
def test_an_unknown_op_is_a_logical_error(sandbox, op):
    assert sandbox.call(op, id=9) == {"op": op, "id": 9, "result": False, "error": "BADOP"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_a_call_is_a_logical_error(sandbox, body):
    status, _, answer = sandbox.send("POST", "/backend/", body)

    assert (status, json.loads(answer)) == (200, {"result": False, "error": "BADJSON"})


def test_an_app_sees_nothing_of_another(sandbox):
    other = "canary0app0token0of0another0shop"
    sandbox.register(other)
    sandbox.add("ann")

    assert sandbox.call("usersget", token=other)["users"] == []
    assert sandbox.received(token=other)["distinct"] == 0


def test_the_cloud_serves_three_operations_for_an_on_premise_app(sandbox):
    sandbox.register(edition="cloud-for-onprem")

    assert sandbox.add("ann")["result"] is True
    assert sandbox.call("userset", user={"address": "ann"})["result"] is True
    assert sandbox.call("usertoken", user={"address": "ann"})["result"] is True
    assert sandbox.call("userdel", user={"address": "ann"})["error"] == "BADOP"


def test_an_on_premise_server_refuses_bodies_above_8192_bytes(sandbox):
    sandbox.register(edition="onprem")
    body = json.dumps({"op": "useradd", "token": TOKEN, "user": {"address": "ann"}})

    assert sandbox.send("POST", "/mesiboapi", body.ljust(8192))[0] == 200
    assert sandbox.send("POST", "/mesiboapi", body.ljust(8193))[0] == 413
    assert sandbox.outcomes() == ["ok", "TOOLARGE"]
