"""The stand-in signed in at the sandbox: what the package is documented, or taken, to do."""

import hashlib
import json

import pytest

from tests.contract.realtime.stage import Ended
from tests.fakes.hostile import Hostile, http


def said(stage, to, text, mid=None, title=None):
    """Send text to an address or a gid; what send() returned."""
    mesibo = stage.mesibo
    message = mesibo.newGroupMessage(to) if isinstance(to, int) else mesibo.newMessage(to)
    message.message = text
    if title:
        message.title = title
    if mid is not None:
        message.mid = mid
    return message.send()


def test_a_good_token_connects_on_a_thread_of_its_own(radio):
    news = radio.stage("news")

    assert [one["about"]["status"] for one in news.heard] == [6, 1]
    assert {one["on"] for one in news.heard} == {"other"}
    assert news.mesibo.getConnectionStatus() == 1
    assert news.mesibo.getAddress() == "news"
    assert radio.show()["sessions"][0]["address"] == "news"


@pytest.mark.parametrize("wrong", ["a token of nobody", "an app token", "another app id"])
def test_a_token_that_is_not_the_users_for_this_app_id_is_an_authentication_failure(radio, wrong):
    token = {
        "a token of nobody": "ab" * 32,
        "an app token": "canary0app0token0of0the0shop0wxyz",
        "another app id": radio.token("news", "com.other"),
    }[wrong]

    news = radio.stage("news", token=token, start=False)
    news.mesibo.start()

    assert news.wait_heard("onConnectionStatus", status=4)
    assert radio.show()["logins"] == 0


def test_a_message_to_a_person_is_sent_under_the_mid_we_chose_and_delivered(radio):
    news, ann = radio.stage("news"), radio.stage("ann")

    assert said(news, "ann", "hello", mid=-5) == 0

    assert news.wait_heard("onMessageStatus", mid=-5, getStatus=1, peer="ann")
    [heard] = ann.wait_heard("onMessage")
    assert (heard["mid"], heard["peer"], heard["data"], heard["isOutgoing"]) == (
        -5,
        "news",
        "hello",
        0,
    )
    assert news.wait_heard("onMessageStatus", mid=-5, getStatus=2, peer="ann")
    [kept] = radio.show(keys=1)["by_mid"]
    assert (kept["mid"], kept["to"], kept["text"], kept["count"]) == (2**32 - 5, "ann", "hello", 1)


def test_a_message_to_a_group_reaches_its_members_but_for_the_sender(radio):
    gid = radio.group("news", "ann", "ben")
    news, ann, cy = radio.stage("news"), radio.stage("ann"), radio.stage("cy")

    said(news, gid, "to all", mid=7, title="news")

    assert news.wait_heard("onMessageStatus", mid=7, getStatus=1, peer=None, groupid=gid)
    [heard] = ann.wait_heard("onMessage", groupid=gid)
    assert (heard["peer"], heard["message"], heard["title"]) == ("news", "to all", "news")
    assert news.wait_heard("onMessageStatus", mid=7, getStatus=2, peer="ann")
    assert not [one for one in cy.heard if one["heard"] == "Mesibo_onMessage"]


def test_whoever_is_away_gets_it_at_the_next_login(radio):
    news = radio.stage("news")
    said(news, "ben", "wait for me", mid=9)
    news.wait_heard("onMessageStatus", mid=9, getStatus=1)

    ben = radio.stage("ben")

    assert ben.wait_heard("onMessage", data="wait for me", mid=9)
    assert news.wait_heard("onMessageStatus", mid=9, getStatus=2)


@pytest.mark.parametrize(
    ("to", "status"), [("nobody", 131), (999, 131), ("closed", 144), ("not mine", 145)]
)
def test_what_cannot_be_delivered_says_why(radio, to, status):
    if to == "closed":
        to = radio.group("news", "ann")
        radio.server.call("groupset", group={"gid": to, "active": 0})
    elif to == "not mine":
        to = radio.group("ann", "ben")
    news = radio.stage("news")

    assert said(news, to, "hello", mid=3) == 0

    assert news.wait_heard("onMessageStatus", mid=3, getStatus=status)
    assert radio.show()["messages"] == 0


def test_a_message_that_may_not_wait_fails_if_nobody_is_there(radio):
    news = radio.stage("news")
    for mid, seconds in ((1, 0), (2, 60)):
        message = news.mesibo.newMessage("ann")
        message.mid, message.message = mid, "now or never"
        message.setExpiry(seconds)
        message.send()

    assert news.wait_heard("onMessageStatus", mid=1)[0]["getStatus"] == 129
    assert news.wait_heard("onMessageStatus", mid=2)[0]["getStatus"] == 1


def test_receipts_say_what_becomes_of_each_member(radio):
    radio.register(receipts={"delivered": 1, "read": 1})
    gid = radio.group("news", "ann", "ben", "cy")
    news = radio.stage("news")

    said(news, gid, "to all", mid=1)

    for status in (2, 3):
        told = news.wait_heard("onMessageStatus", 3, mid=1, getStatus=status)
        assert {one["peer"] for one in told} == {"ann", "ben", "cy"}
    assert len(news.wait_heard("onMessageStatus", mid=1, getStatus=1)) == 1


def test_the_webhook_is_told_of_a_real_time_message_as_of_any_other(radio, eventually):
    with Hostile(lambda peer: peer.say(http(b"MESIBO OK"))) as server:
        radio.register(receipts={"read": 0}, webhook={"url": server.url})
        news = radio.stage("news")

        said(news, "ann", "hello", mid=-2)

        eventually(lambda: len(server.requests) == 2)
        told = [json.loads(one.partition(b"\r\n\r\n")[2])["events"][0] for one in server.requests]
    assert {one["status"] for one in told} == {"sent", "delivered"}
    assert [one["message"]["mid"] for one in told] == [2**32 - 2] * 2
    assert news.wait_heard("onMessageStatus", mid=-2, getStatus=2)


def test_a_second_login_with_the_same_token_signs_the_first_out(radio):
    token = radio.token("news")
    first = radio.stage("news", token=token)
    second = radio.stage("news", token=token)

    assert first.wait_heard("onConnectionStatus", status=3)
    assert first.mesibo.getConnectionStatus() == 3
    assert second.mesibo.getConnectionStatus() == 1
    assert said(first, "ann", "too late") == 141
    assert len(radio.show()["sessions"]) == 1


def test_of_processes_that_sign_in_at_the_same_instant_one_stays(radio, eventually):
    token = radio.token("news")
    stages = [radio.stage("news", token=token, start=False) for _ in range(4)]
    for stage in stages:
        stage.mesibo.start()

    for stage in stages:
        stage.wait_heard("onConnectionStatus", status=1)

    eventually(lambda: sorted(one.mesibo.getConnectionStatus() for one in stages) == [1, 3, 3, 3])
    shown = radio.show()
    assert shown["logins"] == 4
    assert [one["address"] for one in shown["sessions"]] == ["news"]


def test_a_token_that_is_replaced_signs_its_session_out(radio):
    news = radio.stage("news")
    radio.token("news")
    said(news, "ann", "hello")
    assert news.wait_heard("onConnectionStatus", status=3)


def test_a_file_arrives_byte_for_byte(radio, tmp_path):
    content = bytes(range(256)) * 5_000
    (tmp_path / "photo.bin").write_bytes(content)
    news, ann = radio.stage("news"), radio.stage("ann")
    message = news.mesibo.newMessage("ann")
    message.mid = 4
    message.message = "look"
    message.setContent(str(tmp_path / "photo.bin"))

    assert message.send() == 0

    assert news.wait_heard("onMessageStatus", mid=4, getStatus=1)
    assert news.wait_heard("onMessageUpdate")
    assert ann.wait_heard("onMessage", mid=4)
    [stored] = radio.show()["files"].values()
    wanted = hashlib.sha256(content).hexdigest()
    assert stored == {"sha256": wanted, "size": len(content), "whole": True}
    assert radio.show(keys=1)["by_mid"][0]["file"]["sha256"] == wanted


def test_a_file_by_its_address_is_passed_on_as_such(radio):
    news, ann = radio.stage("news"), radio.stage("ann")
    message = news.mesibo.newMessage("ann")
    message.setContent("https://example.com/a.png")
    message.send()
    [heard] = ann.wait_heard("onMessage")
    assert heard["file"]["url"] == "https://example.com/a.png"


def test_presence_is_heard_by_who_is_there(radio):
    news, ann = radio.stage("news"), radio.stage("ann")
    assert news.mesibo.newPresence("ann").sendTyping() == 0
    assert ann.wait_heard("onPresence", peer="news", presence=3)


def test_what_was_sent_and_came_is_read_from_the_folder_also_by_a_later_process(radio):
    news = radio.stage("news", folder="kept")
    said(news, "ann", "first", mid=1)
    radio.do("message", **{"from": "ann", "address": "news", "text": "second"})
    news.wait_heard("onMessage", data="second")
    news.wait_heard("onMessageStatus", mid=1, getStatus=1)
    news.kill()

    later = radio.stage("news", folder="kept")
    listener = later.listen()
    session = later.mesibo.createReadSession("ann", 0, None, listener)

    assert session.read(10) == 2
    read = later.wait_heard("onMessage", 2, isDbMessage=1)
    assert [(one["data"], one["isOutgoing"], one["isLastMessage"]) for one in read] == [
        ("second", 0, 0),
        ("first", 1, 1),
    ]
    assert session.read(10) == 0


def test_a_read_session_with_receipts_tells_the_sender(radio):
    news, ann = radio.stage("news"), radio.stage("ann")
    said(news, "ann", "hello", mid=2)
    ann.wait_heard("onMessage")
    session = ann.mesibo.createReadSession("news", 0, None, ann.listen())
    session.enableReadReceipt(True)
    session.read(5)
    assert news.wait_heard("onMessageStatus", mid=2, getStatus=3, peer="ann")


def test_what_the_backend_sends_is_heard_by_who_is_signed_in(radio):
    ann = radio.stage("ann")
    radio.server.call("message", message={"from": "news", "to": "ann", "message": "by backend"})
    assert ann.wait_heard("onMessage", data="by backend", peer="news")


def test_a_callback_that_raises_on_a_thread_of_the_package_ends_the_process(radio):
    ann = radio.stage("ann")
    ann.listen("raises")
    radio.do("message", **{"from": "news", "address": "ann", "text": "boom"})
    assert ann.ended() == "SIGABRT"


def test_without_a_server_it_keeps_trying(staged):
    alone = staged()
    alone.listen()
    alone.signed_in("ab" * 32).start()
    told = alone.wait_heard("onConnectionStatus", 2, status=7)
    assert len(told) >= 2


def test_to_stop_signs_out(radio, eventually):
    news = radio.stage("news")
    assert news.mesibo.stop() == 0
    assert eventually(lambda: radio.show()["sessions"] == [])
    with pytest.raises(Ended):
        news.package.getInstance().setAccessToken(None)
