"""What the sandbox can let happen to a session, and what the stand-in makes of it."""

import pytest

from tests.contract.realtime.test_online import said


def statuses(stage):
    return [
        one["about"]["status"] for one in stage.heard if one["heard"] == "Mesibo_onConnectionStatus"
    ]


def test_a_dropped_connection_comes_back_by_itself_with_what_was_missed(radio):
    ann = radio.stage("ann")

    assert radio.do("kick", address="ann") == 1
    radio.do("message", **{"from": "news", "address": "ann", "text": "meanwhile"})

    assert ann.wait_heard("onConnectionStatus", 2, status=1)
    assert statuses(ann)[:5] == [6, 1, 2, 6, 1]
    assert ann.wait_heard("onMessage", data="meanwhile")


@pytest.mark.parametrize("status", [3, 5, 9, 10, 21, 22])
def test_some_states_end_the_session_for_good(radio, status):
    ann = radio.stage("ann")
    radio.do("connection", address="ann", status=status)
    assert ann.wait_heard("onConnectionStatus", status=status)
    assert radio.show()["sessions"] == []
    assert said(ann, "news", "hello") == 141
    assert statuses(ann) == [6, 1, status]


@pytest.mark.parametrize("status", [-1, 20])
def test_some_states_pass_by(radio, status):
    ann = radio.stage("ann")
    radio.do("connection", address="ann", status=status)
    assert ann.wait_heard("onConnectionStatus", status=status)
    assert ann.mesibo.getConnectionStatus() == 1


@pytest.mark.parametrize("status", [21, 22, 23])
def test_a_call_is_a_message_with_a_status_of_its_own(radio, status):
    ann = radio.stage("ann")
    radio.do("call", **{"from": "news", "address": "ann", "status": status})
    assert ann.wait_heard("onMessage", peer="news", getStatus=status, isCall=1)


def test_updates_presence_and_encryption_have_callbacks_of_their_own(radio):
    ann = radio.stage("ann")
    about = {"from": "news", "address": "ann"}

    radio.do("update", **about, mid=12, text="changed")
    radio.do("presence", **about, presence=3)
    radio.do("e2e", **about)

    assert ann.wait_heard("onMessageUpdate", mid=12, data="changed", peer="news")
    assert ann.wait_heard("onPresence", peer="news", presence=3)
    assert ann.wait_heard("onEndToEndEncryption", peer="news")


def test_send_returns_what_it_is_told_to_and_then_sends_again(radio):
    news = radio.stage("news")
    radio.do("results", address="news", results=[140, 135, 180])

    assert [said(news, "ann", "x", mid=mid) for mid in (1, 2, 3, 4)] == [140, 135, 180, 0]

    assert news.wait_heard("onMessageStatus", mid=4, getStatus=1)
    assert radio.show()["messages"] == 1


def test_messages_fail_with_a_status_so_many_times(radio):
    news = radio.stage("news")
    radio.do("trouble", fail=2, status=130)

    for mid in (1, 2, 3):
        said(news, "ann", "x", mid=mid)

    assert [news.wait_heard("onMessageStatus", mid=mid)[0]["getStatus"] for mid in (1, 2, 3)] == [
        130,
        130,
        1,
    ]
    shown = radio.show()
    assert (shown["messages"], shown["refused"]) == (1, 2)


def test_a_swallowed_status_never_comes_though_the_message_was_taken(radio):
    news, ann = radio.stage("news"), radio.stage("ann")
    radio.do("trouble", swallow=1)

    said(news, "ann", "x", mid=1)
    said(news, "ann", "y", mid=2)

    assert news.wait_heard("onMessageStatus", mid=2, getStatus=2)
    assert ann.wait_heard("onMessage", mid=1)
    assert not [one for one in news.heard if one["about"].get("mid") == 1 and one["on"] == "other"]
    assert radio.show()["messages"] == 2


def test_a_message_whose_answer_is_lost_was_taken_once_and_is_not_sent_again(radio):
    news = radio.stage("news")
    radio.do("trouble", lose=1)

    said(news, "ann", "x", mid=1)
    news.wait_heard("onMessageStatus", mid=1)
    said(news, "ann", "y", mid=2)

    assert news.wait_heard("onMessageStatus", mid=2, getStatus=1)
    assert radio.show()["most_per_mid"] == 1


def test_a_message_sent_twice_under_one_mid_is_seen_as_a_double(radio):
    news = radio.stage("news")
    for _ in range(2):
        said(news, "ann", "x", mid=1)
    news.wait_heard("onMessageStatus", 2, mid=1, getStatus=1)

    shown = radio.show(keys=1)

    assert (shown["messages"], shown["distinct"], shown["most_per_mid"]) == (2, 1, 2)
    assert shown["by_mid"][0]["count"] == 2


def test_while_the_server_is_out_of_reach_it_tries_again_and_sends_nothing(radio):
    news = radio.stage("news")

    radio.do("trouble", unreachable=True)
    news.wait_heard("onConnectionStatus", status=7)
    assert said(news, "ann", "x", mid=1) == 141
    radio.do("trouble", unreachable=False)

    assert news.wait_heard("onConnectionStatus", 2, status=1)
    assert said(news, "ann", "y", mid=2) == 0
    assert news.wait_heard("onMessageStatus", mid=2, getStatus=1)
    assert radio.show()["messages"] == 1


def test_statuses_come_later_if_told_so(radio, eventually):
    news = radio.stage("news")
    radio.do("trouble", delay_s=2)
    said(news, "ann", "x", mid=1)
    eventually(lambda: radio.show()["messages"] == 1)
    radio.do("trouble", delay_s=0)
    said(news, "ann", "y", mid=2)

    news.wait_heard("onMessageStatus", mid=1, getStatus=1)

    told = [one["about"]["mid"] for one in news.heard if one["heard"] == "Mesibo_onMessageStatus"]
    assert told == [2, 1]


def test_a_killed_process_is_seen_to_be_gone_and_the_next_hears_what_was_delivered(
    radio, eventually
):
    radio.register(receipts={"read": 0, "delay_s": 0.5})
    gid = radio.group("news", "ann", "ben")
    token = radio.token("news")
    news = radio.stage("news", token=token)
    for mid in range(1, 21):
        said(news, gid, f"message {mid}", mid=mid)
    eventually(lambda: radio.show()["messages"] == 20)
    news.kill()
    eventually(lambda: not radio.show()["sessions"][0]["connected"])

    later = radio.stage("news", token=token)

    told = later.wait_heard("onMessageStatus", 40, getStatus=2)
    assert {one["mid"] for one in told} == set(range(1, 21))
    assert radio.show()["most_per_mid"] == 1


def test_a_wrong_order_says_what_is_wrong(radio):
    for about in ({"do": "dance"}, {"do": "message"}, {"do": "kick", "colour": 1}):
        status, answer = radio.server.control("POST", "realtime", {"token": radio.app, **about})
        assert status == 400
        assert answer["error"].startswith("realtime.")


def test_a_reset_forgets_sessions_messages_and_tokens(radio):
    news = radio.stage("news")
    said(news, "ann", "x", mid=1)
    radio.server.control("POST", "reset")

    assert news.wait_heard("onConnectionStatus", status=4)
    assert radio.show()["messages"] == 0
