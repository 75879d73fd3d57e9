"""A session's process: what it hears, how it ends, and what can never leave it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bulkhead.errors import InvalidInput, SessionEnded, SessionProblem
from bulkhead.realtime.package import examine
from bulkhead.realtime.session import Send, Session, Spec
from bulkhead.secrets import Secret
from tests.fakes.packages import write_package

TOKEN = "canary0user0token0of0ann0abcdefwxyz"


class Ears:
    """What was heard of a session, by kind."""

    def __init__(self, eventually):
        self.all = []
        self._eventually = eventually

    def __call__(self, heard):
        self.all.append(heard)

    def of(self, kind):
        return [one.about for one in self.all if one.kind == kind]

    def first(self, kind, **about):
        def found():
            return next((a for a in self.of(kind) if about.items() <= a.items()), None)

        return self._eventually(found, 60)


@pytest.fixture
def ears(eventually):
    return Ears(eventually)


@pytest.fixture
def begin(tmp_path, ears):
    """Start a session with a package that behaves so; it ends with the test."""
    sessions = []

    def begin(kind="whole", token=TOKEN, **more):
        name, environment = write_package(tmp_path, kind)
        spec = Spec(name, tmp_path / "own", environment=environment, **more)
        sessions.append(Session(spec, ears))
        sessions[-1].start(Secret(token))
        return sessions[-1]

    yield begin
    for session in sessions:
        session.close(0)


def test_a_session_signs_in_sends_and_says_what_became_of_it(begin, ears):
    session = begin()
    ears.first("connection", status=1)

    session.send(Send(4_000_000_000, to="ann", text="hello"))

    assert ears.first("returned") == {"mid": 4_000_000_000, "result": 0, "why": ""}
    about = {"mid": 4_000_000_000, "peer": "ann", "gid": 0, "status": 1, "word": "sent"}
    assert ears.first("status") == about


def test_a_message_whose_time_is_over_is_not_handed_to_the_package(begin, ears):
    session = begin()
    ears.first("connection", status=1)

    session.send(Send(1, to="ann", text="late", closes=time.monotonic()))
    session.send(Send(2, to="ann", text="in time", closes=time.monotonic() + 600))

    late = ears.first("returned", mid=1)
    assert (late["result"], late["why"]) == (141, "its time to be sent was over")
    assert ears.first("returned", mid=2)["result"] == 0
    assert ears.first("status")["mid"] == 2


def test_closing_ends_the_process_and_is_heard_once_and_last(begin, ears):
    session = begin()
    ears.first("connection", status=1)

    session.close()

    assert not psutil.pid_exists(session.pid)
    assert [one.kind for one in ears.all].count("ended") == 1
    assert ears.all[-1].about | {"said": ""} == {
        "code": 0, "signal": "", "said": "", "why": "closed",
    }  # fmt: skip
    with pytest.raises(SessionEnded):
        session.send(Send(1, to="ann", text="late"))


def test_a_killed_process_is_heard_with_its_signal(begin, ears):
    session = begin()
    ears.first("connection", status=1)

    os.kill(session.pid, signal.SIGKILL)

    assert ears.first("ended")["signal"] == "SIGKILL"


@pytest.mark.parametrize("kind", ["hangs_in_native_code", "hangs_aside"])
def test_a_call_that_never_comes_back_ends_the_process(begin, ears, kind):
    session = begin(kind, patience=1.0)
    ears.first("connection", status=1)

    session.send(Send(1, to="ann", text="x"))

    assert ears.first("ended")["why"] == "hung"


def test_closing_ends_a_process_that_hangs_in_native_code(begin, ears):
    session = begin("hangs_in_native_code")
    ears.first("connection", status=1)
    session.send(Send(1, to="ann", text="x"))

    session.close(0.2)

    assert ears.first("ended")["signal"] == "SIGKILL"


def test_megabytes_on_standard_output_stop_nothing_and_are_not_kept(begin, ears):
    session = begin("chatters")
    ears.first("connection", status=1)

    session.send(Send(1, to="ann", text="x"))

    assert ears.first("status", mid=1)["status"] == 1
    assert len(session.said) < 10_000


def test_a_process_that_takes_no_orders_is_given_up_before_they_fill_the_memory(begin, ears):
    session = begin("hangs_in_native_code")
    ears.first("connection", status=1)

    def send_without_end():
        for mid in range(1, 1000):
            session.send(Send(mid, to="ann", text="x" * 1_000_000))

    with pytest.raises(SessionEnded):
        send_without_end()

    assert ears.first("ended")["signal"] == "SIGKILL"


def test_a_line_that_was_cut_by_death_is_not_heard(begin, ears):
    session = begin("dies_in_a_line")
    ears.first("connection", status=1)

    session.send(Send(1, to="ann", text="x"))

    assert ears.first("ended")["signal"] == "SIGKILL"
    assert ears.of("status") == []


def test_what_breaks_in_a_callback_never_reaches_native_code(begin, ears):
    session = begin("says_other_things")
    ears.first("connection", status=1)

    session.send(Send(1, to="ann", text="x"))

    assert ears.first("returned")["result"] == 7


def test_an_ear_that_breaks_loses_one_word_and_not_the_session(tmp_path, ears, caplog):
    name, environment = write_package(tmp_path, "whole")

    def breaking(heard):
        ears(heard)
        if heard.kind == "connection":
            raise ValueError("a mistake of ours")

    session = Session(Spec(name, tmp_path / "own", environment=environment), breaking)
    session.start(Secret(TOKEN))
    ears.first("connection", status=1)
    session.send(Send(1, to="ann", text="x"))

    assert ears.first("returned")["result"] == 0
    session.close()
    assert "could not be taken: connection" in caplog.text


def test_the_token_is_in_no_argument_no_environment_and_no_word(begin, ears, caplog, tmp_path):
    caplog.set_level("DEBUG")
    talkative = begin("chatters")
    ears.first("connection", status=1)
    talkative.send(Send(1, to="ann", text="x"))
    ears.first("returned", mid=1)
    talkative.close()

    session = begin("tells_what_it_sees")
    ears.first("connection", status=1)
    session.send(Send(2, to="ann", text="x"))
    ears.first("returned", mid=2)
    seen = (tmp_path / "own" / "data" / "seen.json").read_text("utf-8")

    assert "wxyz" in talkative.said
    assert json.loads(seen)["stdin"] == ""
    shown = (seen, talkative.said, caplog.text, repr(talkative), repr(ears.all))
    assert [text for text in shown if TOKEN in text] == []


def test_the_environment_is_what_every_program_needs_and_what_was_named(
    begin, ears, tmp_path, monkeypatch
):
    monkeypatch.setenv("BULKHEAD_SECRET_KEY", "canary of the key, long enough for one")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    session = begin("tells_what_it_sees")
    ears.first("connection", status=1)
    session.send(Send(1, to="ann", text="x"))
    ears.first("returned")

    environ = json.loads((tmp_path / "own" / "data" / "seen.json").read_text("utf-8"))["environ"]

    assert "PATH" in environ
    assert environ["HOME"] == str(tmp_path / "own")
    assert not [text for text in environ.values() if "canary" in text]


def test_the_folder_is_for_nobody_else(begin, ears, tmp_path):
    begin()
    ears.first("started")

    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_used_is_said_before_anything_is_started(tmp_path, ears):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(SessionProblem, match="folder") as caught:
        Session(Spec("mesibo", tmp_path / "file" / "own"), ears).start(Secret(TOKEN))

    assert caught.value.why == "Not a directory"
    assert ears.all == []


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("exits", "SystemExit: copy the files first"),
        ("segfaults", "its process ended by SIGSEGV"),
    ],
)
def test_a_package_that_cannot_be_imported_is_broken_and_says_how(tmp_path, kind, why):
    name, environment = write_package(tmp_path, kind)

    package = examine(Spec(name, tmp_path / "own", environment=environment))

    assert (package.state, package.why) == ("broken", why)
    assert package.sentence == (
        f"the installed {name} package cannot be used ({why}): use --via backend"
    )


def test_a_package_that_changes_how_errors_are_shown_is_usable(tmp_path):
    name, environment = write_package(tmp_path, "hooks")

    assert examine(Spec(name, tmp_path / "own", environment=environment)).state == "usable"


def test_a_package_that_is_not_there_is_missing(tmp_path):
    package = examine(Spec("mesibo_of_tomorrow", tmp_path / "own"))

    assert package.state == "missing"
    assert package.sentence.startswith("the mesibo_of_tomorrow package is not installed: ")


PARENT = """
import sys, threading
from pathlib import Path
from bulkhead.realtime.session import Send, Session, Spec
from bulkhead.secrets import Secret

def heard(one):
    if one.kind == "connection": session.send(Send(1, to="ann", text="x"))

spec = Spec(sys.argv[1], Path(sys.argv[2]), environment={"PYTHONPATH": sys.argv[3]})
session = Session(spec, heard)
session.start(Secret("t" * 40))
print(session.pid, flush=True)
threading.Event().wait()
"""


@pytest.mark.parametrize("kind", ["whole", "hangs_in_native_code"])
def test_a_session_ends_with_its_worker_even_if_it_hangs(tmp_path, kind, eventually):
    name, _ = write_package(tmp_path, kind)
    command = [sys.executable, "-c", PARENT, name, tmp_path / "own", tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        pid = int(worker.stdout.readline())
        child = psutil.Process(pid)
        eventually((tmp_path / "own" / "process.lock").exists)

        worker.send_signal(signal.SIGKILL)
        worker.wait(30)

        eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 30)


def test_two_processes_never_have_one_folder(begin, ears, tmp_path):
    first = begin()
    ears.first("connection", status=1)
    second_ears = Ears(ears._eventually)
    name, environment = write_package(tmp_path, "whole")
    second = Session(Spec(name, tmp_path / "own", environment=environment), second_ears)
    second.start(Secret(TOKEN))

    first.close()

    assert second_ears.first("connection", status=1)["word"] == "online"
    second.close()


WRONG = [
    {"mid": 0, "to": "ann", "text": "x"},
    {"mid": 2**32, "to": "ann", "text": "x"},
    {"mid": True, "to": "ann", "text": "x"},
    {"mid": 1, "to": "ann\0ben", "text": "x"},
    {"mid": 1, "to": "ann", "text": "x\0y"},
    {"mid": 1, "to": "ann", "text": "\ud800"},
    {"mid": 1, "to": b"ann", "text": "x"},
    {"mid": 1, "to": None, "text": "x"},
    {"mid": 1, "text": "x"},
    {"mid": 1, "to": "ann", "gid": 5, "text": "x"},
    {"mid": 1, "gid": 2**31, "text": "x"},
    {"mid": 1, "to": "ann"},
    {"mid": 1, "to": "ann", "url": "/etc/passwd"},
    {"mid": 1, "to": "ann", "url": "https://a.test/x", "file": "/x"},
    {"mid": 1, "to": "ann", "text": "x", "expiry": -1},
]


@pytest.mark.parametrize("about", WRONG, ids=lambda about: ascii(about)[:60])
def test_what_would_not_arrive_whole_is_refused_where_it_is_made(about):
    with pytest.raises(InvalidInput):
        Send(**about)


def test_the_process_checks_again_and_refuses_without_a_call(begin, ears):
    session = begin()
    ears.first("connection", status=1)

    for at, about in enumerate(WRONG):
        shown = {name: said for name, said in about.items() if not isinstance(said, bytes)}
        session._order({"op": "send", "message": shown | {"text": "x\0"}})
        ears._eventually(lambda at=at: len(ears.of("returned")) == at + 1)

    assert {one["result"] for one in ears.of("returned")} == {133}
    assert ears.of("status") == []


def test_an_app_id_that_the_package_dies_of_is_refused():
    with pytest.raises(InvalidInput, match="'bulkhead' cannot be the app id"):
        Spec("mesibo", Path("own"), app_id="bulkhead")


def test_a_spec_does_not_show_what_its_process_is_told():
    spec = Spec("mesibo", Path("own"), environment={"MESIBO_SANDBOX": "http://canary@host"})

    assert "canary" not in repr(spec)
