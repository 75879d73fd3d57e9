"""A session with the stand-in: everything that a sender does and hears."""

import hashlib
import os
import signal

import pytest

from bulkhead.model.realtime import APP_ID
from bulkhead.realtime.package import examine
from bulkhead.realtime.session import Send, Session, Spec
from bulkhead.secrets import Secret
from tests.integration.sandbox_process import TOKEN, running
from tests.integration.test_realtime_session import Ears

STANDIN = "sandbox.standin"


@pytest.fixture(scope="module")
def server():
    with running() as sandbox:
        yield sandbox


class Sender:
    """A session of a user of the sandbox, and what was heard of it."""

    def __init__(self, server, folder, token, eventually):
        self.ears = Ears(eventually)
        url = f"http://127.0.0.1:{server.port}"
        spec = Spec(STANDIN, folder, environment={"MESIBO_SANDBOX": url})
        self.session = Session(spec, self.ears)
        self.session.start(Secret(token))

    def online(self):
        self.ears.first("connection", status=1)
        return self


@pytest.fixture
def sign_in(server, tmp_path, eventually):
    """Make an app with three users, and sign one in; its process ends with the test."""
    server.control("POST", "reset")
    server.register()
    senders = []

    def sign_in(address="news", token=None, folder=None):
        if token is None:
            token = token_of(server, address)
        folder = folder or tmp_path / f"{address}{len(senders)}"
        senders.append(Sender(server, folder, token, eventually))
        return senders[-1]

    for address in ("news", "ann", "ben"):
        server.add(address)
    yield sign_in
    for sender in senders:
        sender.session.close(0)


def token_of(server, address):
    user = {"address": address, "token": {"appid": APP_ID}}
    return server.call("useradd", user=user)["user"]["token"]


def do(server, name, **about):
    status, _ = server.control("POST", "realtime", {"token": TOKEN, "do": name, **about})
    assert status == 200


def shown(server):
    return server.control("GET", "realtime", token=TOKEN, keys="true")[1]


def test_a_message_is_taken_and_its_statuses_come_back(server, sign_in):
    news = sign_in().online()

    news.session.send(Send(4_294_967_295, to="ann", text="hello", title="Good morning"))

    assert news.ears.first("returned", mid=4_294_967_295)["result"] == 0
    assert news.ears.first("status", mid=4_294_967_295, status=1)["word"] == "sent"
    assert shown(server)["most_per_mid"] == 1


def test_a_group_hears_a_message_and_each_member_says_so(server, sign_in):
    members = {"name": "g", "members": {"m": "news,ann,ben"}}
    gid = server.call("groupadd", group=members)["group"]["gid"]
    news, ann = sign_in().online(), sign_in("ann").online()

    news.session.send(Send(7, gid=gid, text="to all of you"))

    came = ann.ears.first("message", mid=7)
    assert (came["peer"], came["gid"], came["text"]) == ("news", gid, "to all of you")
    assert (came["outgoing"], came["stored"], came["file"]) == (False, False, None)
    assert news.ears.first("status", mid=7, status=1)["gid"] == gid
    assert news.ears.first("status", mid=7, status=2, peer="ann")["word"] == "delivered"


def test_a_file_arrives_byte_for_byte(server, sign_in, tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "photo.bin").write_bytes(content)
    news = sign_in().online()

    news.session.send(Send(8, to="ann", text="look", file=str(tmp_path / "photo.bin")))

    news.ears.first("status", mid=8, status=1)
    digest = hashlib.sha256(content).hexdigest()
    assert [one["sha256"] for one in shown(server)["files"].values()] == [digest]


def test_a_file_that_is_not_there_is_not_taken(sign_in, tmp_path):
    news = sign_in().online()

    news.session.send(Send(9, to="ann", text="look", file=str(tmp_path / "gone")))

    assert news.ears.first("returned", mid=9)["result"] == -1


def test_nothing_is_handed_over_while_the_session_is_not_online(server, sign_in):
    news = sign_in().online()
    do(server, "trouble", unreachable=True)
    news.ears.first("connection", status=2)

    # With a title the package itself says yes here, and never sends it.
    news.session.send(Send(10, to="ann", text="x", title="a title"))

    said = news.ears.first("returned", mid=10)
    assert (said["result"], said["why"]) == (141, "the session is not online")
    do(server, "trouble", unreachable=False)


def test_every_kind_of_event_is_heard(server, sign_in):
    ann = sign_in("ann").online()

    do(server, "message", address="ann", **{"from": "ben", "text": "héllo 👋", "mid": 11})
    do(server, "presence", address="ann", **{"from": "ben", "presence": 3})
    do(server, "call", address="ann", **{"from": "ben", "mid": 12})
    do(server, "update", address="ann", **{"from": "ben", "mid": 13, "text": "better"})
    do(server, "e2e", address="ann", **{"from": "ben"})
    do(server, "connection", address="ann", status=20)

    assert ann.ears.first("message", mid=11)["text"] == "héllo 👋"
    assert ann.ears.first("presence", peer="ben")["presence"] == 3
    assert ann.ears.first("call", mid=12)["word"] == "call_missed"
    assert ann.ears.first("update", mid=13)["text"] == "better"
    ann.ears.first("e2e")
    assert ann.ears.first("connection", status=20)["word"] == "update_available"


def test_word_of_a_newer_package_does_not_keep_messages_back(server, sign_in):
    news = sign_in().online()
    do(server, "connection", address="news", status=20)
    news.ears.first("connection", status=20)

    news.session.send(Send(14, to="ann", text="x"))

    assert news.ears.first("returned", mid=14)["result"] == 0


def test_a_second_login_with_the_token_signs_the_first_out(server, sign_in):
    token = token_of(server, "news")
    first = sign_in(token=token).online()

    sign_in(token=token).online()

    assert first.ears.first("connection", status=3)["word"] == "signed_out"


def test_a_token_that_is_not_accepted_is_said(server, sign_in):
    ann = sign_in("ann", token="f" * 64)

    assert ann.ears.first("connection", status=4)["word"] == "auth_failed"


def test_stored_messages_are_read_page_by_page(sign_in):
    news = sign_in().online()
    for mid in range(1, 6):
        news.session.send(Send(mid, to="ann", text=f"message {mid}"))
        news.ears.first("status", mid=mid, status=1)

    news.session.history("few", peer="ann", gid=0, count=2)
    news.session.history("all", peer="ann", gid=0, count=50)
    news.session.history("none", peer="nobody", gid=0, count=50)

    few, every = (
        news.ears.first("history", request="few"),
        news.ears.first("history", request="all"),
    )
    assert (len(few["messages"]), few["last"]) == (2, False)
    assert sorted(one["mid"] for one in every["messages"]) == [1, 2, 3, 4, 5]
    assert (every["last"], every["messages"][0]["stored"]) == (True, True)
    nothing = news.ears.first("history", request="none")
    assert (nothing["messages"], nothing["last"]) == ([], True)


def test_history_before_the_first_login_is_refused_and_ends_nothing(server, sign_in):
    do(server, "trouble", unreachable=True)
    news = sign_in()
    news.ears.first("connection", status=7)

    news.session.history("early", peer="ann", gid=0, count=5)

    said = news.ears.first("history", request="early")
    assert said["why"] == "the session has not been online yet"
    do(server, "trouble", unreachable=False)
    news.online()


def test_after_a_kill_a_new_process_goes_on_and_what_was_out_is_not_sent_by_itself(
    server, sign_in, tmp_path
):
    folder, token = tmp_path / "kept", token_of(server, "news")
    first = sign_in(token=token, folder=folder).online()
    for mid in range(1, 301):
        first.session.send(Send(mid, to="ann", text="x"))
    first.ears.first("status", mid=40)

    os.kill(first.session.pid, signal.SIGKILL)
    assert first.ears.first("ended")["signal"] == "SIGKILL"
    second = sign_in(token=token, folder=folder).online()
    second.session.send(Send(301, to="ann", text="x"))
    second.ears.first("status", mid=301, status=1)

    after = shown(server)
    assert after["most_per_mid"] == 1
    assert after["distinct"] >= 41


def test_the_self_check_says_usable_of_one_that_works_and_too_old_of_an_expired_one(tmp_path):
    good = examine(Spec(STANDIN, tmp_path / "a"))
    old = examine(Spec(STANDIN, tmp_path / "b", environment={"MESIBO_STANDIN": "too_old"}))

    assert (good.state, good.sentence) == ("usable", "")
    assert old.state == "too_old"
    assert old.sentence.startswith("the installed sandbox.standin package refuses to start (")
    assert old.sentence.endswith("install a newer release or use --via backend")
