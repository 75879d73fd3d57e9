"""Messages over a real socket to a real sandbox process."""

import pytest

from tests.integration.sandbox_process import TOKEN


def sent(sandbox, **message):
    sandbox.add("news")
    return sandbox.call("message", message={"from": "news", **message})


def keys(sandbox):
    return sandbox.received(token=TOKEN, op="message", keys=1)["keys"]


def test_one_mid_a_call_however_many_people_it_is_for(sandbox):
    answers = [sent(sandbox, to=to) for to in ("ann", "ann,bob,cid", "ann")]

    assert [list(answer) for answer in answers] == [["op", "result", "mid"]] * 3
    assert len({answer["mid"] for answer in answers}) == 3
    assert keys(sandbox) == {"ann": 2, "ann,bob,cid": 1}


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"to": ""},
        {"to": ","},
        {"to": 5},
        {"to": "ann", "gid": 404101},
        {"gid": 0},
        {"gid": -1},
        {"gid": "four"},
        {"gid": 1.5},
        {"gid": "9" * 5000},
    ],
)
def test_a_message_for_nobody_or_for_people_and_a_group_at_once_is_refused(sandbox, message):
    answer = sent(sandbox, **message)

    assert (answer["result"], answer["error"]) == (False, "BADPARAM")
    assert "mid" not in answer


def test_a_sender_that_is_no_user_is_refused_unless_the_app_takes_any(sandbox):
    message = {"from": "stranger", "to": "ann"}

    refused = sandbox.call("message", message=message)
    sandbox.register(any_sender=True)
    taken = sandbox.call("message", message=message)

    assert (refused["error"], taken["result"]) == ("BADSENDER", True)


@pytest.mark.parametrize("message", [{}, {"to": "ann"}, {"from": 7, "to": "ann"}, None, []])
def test_a_message_without_a_sender_is_refused_even_where_any_will_do(sandbox, message):
    sandbox.register(any_sender=True)

    assert sandbox.call("message", message=message)["error"] == "BADPARAM"


@pytest.mark.parametrize("spelt", [int, str])
def test_a_message_to_a_group_is_on_record_under_its_gid(sandbox, spelt):
    gid = sandbox.call("groupadd", group={"name": "g"})["group"]["gid"]

    answer = sent(sandbox, gid=spelt(gid))

    assert answer["result"] is True
    assert keys(sandbox) == {f"gid:{gid}": 1}


def test_a_flat_message_is_a_message_too(sandbox):
    sandbox.add("news")

    answer = sandbox.call("message", **{"from": "news", "to": "ann", "message": "Hello"})

    assert answer["mid"]
    assert keys(sandbox) == {"ann": 1}
