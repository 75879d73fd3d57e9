import pytest

from bulkhead.backend.call import Call
from bulkhead.backend.users import TokenRequest, User, raw, useradd, userdel, userset
from bulkhead.errors import InvalidInput
from bulkhead.model.outcome import Repeat


def test_a_user_is_added_with_what_is_known_and_nothing_else():
    assert useradd(User("ann@example.com", "Ann", active=False)) == Call(
        "useradd",
        {"user": {"address": "ann@example.com", "name": "Ann", "active": False}},
        Repeat.SAFE,
        "ann@example.com",
    )


def test_no_token_object_is_sent_unless_a_token_is_asked_for():
    assert "token" not in useradd(User("ann")).members["user"]


def test_adding_a_user_with_a_token_is_never_repeated_blindly():
    call = useradd(User("ann", token=TokenRequest("com.example", 1440)))

    assert call.members["user"]["token"] == {"appid": "com.example", "expiry": 1440}
    assert call.repeat is Repeat.ONCE


def test_a_token_request_without_wishes_is_still_a_request():
    call = useradd(User("ann", token=TokenRequest()))

    assert call.members["user"]["token"] == {}
    assert call.repeat is Repeat.ONCE


def test_changing_and_revoking_may_be_repeated_and_a_deletion_is_read_back():
    assert userset("ann", active=False, flags=0) == Call(
        "userset", {"user": {"address": "ann", "active": False, "flags": 0}}, Repeat.SAFE, "ann"
    )
    assert userset("ann", revoke_token=True).members["user"]["token"] == {"remove": True}
    assert userdel("ann") == Call("userdel", {"user": {"address": "ann"}}, Repeat.CHECK, "ann")


@pytest.mark.parametrize(
    "op", ["message", "groupadd", "usertoken", "otp", "pushtest", "pushdebug", "neverheardof"]
)
def test_a_raw_call_is_made_once_unless_a_second_is_known_to_change_nothing(op):
    assert raw(op, {}).repeat is Repeat.ONCE


@pytest.mark.parametrize("op", ["usersget", "groupsget", "groupgetmembers", "userdel", "groupset"])
def test_a_raw_read_may_be_repeated(op):
    assert raw(op, {}).repeat is Repeat.SAFE


@pytest.mark.parametrize("op", ["useradd", "userset"])
def test_a_raw_user_is_made_once_when_it_asks_for_a_token(op):
    assert raw(op, {"user": {"address": "a"}}).repeat is Repeat.SAFE
    assert raw(op, {"user": {"token": {"remove": True}}}).repeat is Repeat.SAFE
    assert raw(op, {"user": {"token": {}}}).repeat is Repeat.ONCE
    assert raw(op, {"user": "odd"}).repeat is Repeat.SAFE


@pytest.mark.parametrize("member", ["op", "token"])
def test_the_envelope_cannot_be_set_from_within(member):
    with pytest.raises(InvalidInput) as caught:
        raw("useradd", {member: "hunter2"})

    assert member in caught.value.what
    assert "hunter2" not in repr(caught.value)


@pytest.mark.parametrize("op", ["", " useradd", "user add", "1op", "üseradd", "x" * 65, "a\n"])
def test_a_name_that_can_be_no_operation_is_refused(op):
    with pytest.raises(InvalidInput):
        raw(op, {})


def test_an_upload_is_not_a_raw_call():
    with pytest.raises(InvalidInput):
        raw("pushupload", {})


@pytest.mark.parametrize("value", [object(), float("nan"), "\ud800", {1, 2}, b"x"])
def test_a_body_that_json_cannot_carry_is_refused(value):
    with pytest.raises(InvalidInput):
        raw("useradd", {"user": value})
