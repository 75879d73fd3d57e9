"""What `realtime listen`, `history` and `status` read of the store; a test plays the worker."""

import json
import threading
from contextlib import suppress

import pytest

from bulkhead.engine.audit import Audit
from bulkhead.engine.packages import Packages
from bulkhead.engine.sessions import Answer, SenderId, Sessions, State
from bulkhead.errors import Unreachable
from producers.cli.realtime_event import KINDS, line_of
from producers.cli.realtime_listen import Listening
from tests.command import KEY, typed
from tests.e2e.product import until

NEWS = SenderId("acme/shop", "news@example.com")
GIVEN = ("--app", NEWS.app, "--as", NEWS.sender)
SENTENCE = (
    "the installed mesibo package refuses to start (built 2024-11-21, reports itself too old): "
    "install a newer release or use --via backend"
)


@pytest.fixture
def sessions(door):
    return Sessions(door.scripts)


@pytest.fixture
def run(door, store_server, home):
    def typed_here(*words):
        site = {"redis_url": store_server.url, "secret_key": KEY, "home": home}
        return typed("realtime", *words, **site)

    return typed_here


def nothing(view):
    """Looks at a session, and says nothing."""


def keep(sessions, state="online", why=""):
    assert sessions.acquire(NEWS, "w1")
    assert sessions.renew("w1", {NEWS: State(state, why)}) == []


class Listener:
    """Listens in a thread of its own, as a person does in another terminal."""

    def __init__(self, sessions, enough):
        self.lines = []
        self._enough = enough
        self._thread = threading.Thread(target=self._listen, args=(sessions,), daemon=True)
        self._thread.start()
        until(lambda: sessions.view(NEWS).listening)

    def _listen(self, sessions):
        with suppress(StopIteration):
            Listening(sessions, NEWS, nothing, self._write).run(frozenset(KINDS), None)

    def _write(self, line):
        self.lines.append(json.loads(line))
        if len(self.lines) == self._enough:
            raise StopIteration

    def heard(self):
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.lines


def test_each_event_is_printed_once_and_in_order_whatever_the_session_goes_through(sessions):
    listener = Listener(sessions, 2_000)
    for number in range(20):
        keep(sessions, "online" if number % 2 else "offline")
        told = [{"kind": "status", "at_ms": 1, "mid": 100 * number + n} for n in range(100)]
        sessions.tell(NEWS, told)

    assert [line["mid"] for line in listener.heard()] == [*range(2_000)]


def test_what_was_heard_before_somebody_listened_is_not_news(sessions):
    sessions.want(NEWS, listen=60)
    sessions.tell(NEWS, [{"kind": "status", "at_ms": 1, "mid": 1}])

    listener = Listener(sessions, 1)
    sessions.tell(NEWS, [{"kind": "status", "at_ms": 2, "mid": 2}])

    assert [line["mid"] for line in listener.heard()] == [2]


def test_two_who_listen_hear_the_same(sessions):
    both = [Listener(sessions, 3) for _ in range(2)]

    sessions.tell(NEWS, [{"kind": "presence", "at_ms": n, "peer": f"p{n}"} for n in range(3)])

    first, second = (one.heard() for one in both)
    assert first == second
    assert [line["peer"] for line in first] == ["p0", "p1", "p2"]


def test_a_line_says_when_what_and_all_that_was_told():
    event = {"kind": "message", "at_ms": 1_790_000_000_123, "peer": "ann", "text": "é\n\x1b[2J"}
    event["sent_ms"] = event["at_ms"] - 60_000

    line = line_of(event)

    assert "\n" not in line
    assert "\x1b" not in line
    assert json.loads(line) == {
        "at": "2026-09-21T14:13:20.123Z",
        "event": "message",
        "peer": "ann",
        "text": "é\n\x1b[2J",
        "sent_at": "2026-09-21T14:12:20.123Z",
    }


def test_a_package_that_cannot_be_used_ends_the_listening_with_its_sentence(run, sessions):
    sessions.want(NEWS)
    keep(sessions, "unusable", SENTENCE)

    done = run("listen", *GIVEN)

    assert (done.returncode, done.stdout) == (11, "")
    assert f"why: {SENTENCE}" in done.stderr.splitlines()


def test_it_is_said_what_is_waited_for_once_each_time_it_changes(run, door):
    door.scripts.run("beat", "w1", 60, "host", "h", "pid", "1")

    done = run("listen", *GIVEN, "--for", "2500ms")

    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "waiting for a worker to take the session of news@example.com"
    ]


def test_who_waits_where_no_worker_is_running_is_told_so(run):
    done = run("listen", *GIVEN, "--for", "100ms")

    assert done.stderr.splitlines() == [
        "waiting for a worker to take the session of news@example.com: none is running, "
        "start `bulkhead up` or `bulkhead worker`"
    ]


TO_ANN = ("--to", "ann@example.com", "--message", "Hi")


def test_who_waits_for_a_job_is_told_what_its_session_is_at(run, door, sessions):
    door.scripts.run("beat", "w1", 60, "host", "h", "pid", "1")
    sessions.want(NEWS)
    keep(sessions, "unusable", SENTENCE)

    done = run("send", *GIVEN, *TO_ANN, "--wait", "--timeout", "600ms", "-o", "table")

    said = f"no worker can sign news@example.com in ({SENTENCE})"
    assert done.returncode == 8
    assert done.stderr.splitlines().count(said) == 1
    assert f"waits         {said}" in done.stdout.splitlines()


def test_who_waits_for_a_job_is_not_told_what_passes_in_seconds(run, door, sessions):
    door.scripts.run("beat", "w1", 60, "host", "h", "pid", "1")
    sessions.want(NEWS)
    keep(sessions, "connecting")

    done = run("send", *GIVEN, *TO_ANN, "--wait", "--timeout", "300ms", "-o", "table")

    assert done.stderr == ""
    assert "waits         news@example.com is connecting" in done.stdout.splitlines()


def test_a_slip_names_only_options_of_its_command(run):
    nothing_named = run("send", *GIVEN, "--to", "ann@example.com")
    no_text = run("send", *GIVEN, "--to", "ann@example.com", "--message", "")

    assert "to do: give one of --message, --file-url and --file" in nothing_named.stderr
    assert no_text.stderr.startswith("error: the message is empty\n")


def test_the_status_of_the_site_says_what_workers_found_their_package_to_be(
    door, store_server, home
):
    door.scripts.run("beat", "w1", 60, "host", "h", "pid", "1")
    door.scripts.run("beat", "w2", 60, "host", "h", "pid", "2")
    Packages(door.scripts).say("w1", {"name": "mesibo", "state": "too_old", "sentence": SENTENCE})
    site = {"redis_url": store_server.url, "secret_key": KEY, "home": home}

    table, document = (typed("status", "-o", form, **site) for form in ("table", "json"))

    assert f"realtime  {SENTENCE}" in table.stdout.splitlines()
    told = {
        one["worker"]: one["package"] for one in json.loads(document.stdout)["realtime_packages"]
    }
    assert told["w1"]["state"] == "too_old"
    assert told["w2"] is None


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["listen", *GIVEN, "--only", "message,calls"], "'calls' is no kind of event"),
        (["listen", "--app", NEWS.app, "--as", "a,b"], "--as is no address"),
        (["history", *GIVEN, "--with", "ann", "--gid", "7"], "two conversations"),
        (["history", *GIVEN], "no conversation"),
        (["status", "--as", "ann"], "--as needs --app"),
        (["listen", "--app", "acme/shpo", "--as", "ann"], "acme/shpo"),
    ],
)
def test_a_slip_is_told_before_any_session_is_wanted(run, sessions, words, what):
    done = run(*words)

    assert (done.returncode, done.stdout) == (2, "")
    assert what in done.stderr
    assert sessions.views() == []


def test_who_listens_and_who_reads_is_on_the_audit(run, door, sessions):
    run("listen", *GIVEN, "--for", "100ms")
    run("history", *GIVEN, "--with", "ann@example.com", "--timeout", "100ms")
    run("history", *GIVEN, "--gid", "7", "--timeout", "100ms")

    told = [(entry.action, entry.about) for entry in Audit(door.scripts).newest()]
    whose = {"tenant": "acme", "app": NEWS.app, "sender": NEWS.sender}
    assert told[:3] == [
        ("realtime.history", whose | {"gid": "7"}),
        ("realtime.history", whose | {"peer": "ann@example.com"}),
        ("realtime.listen", whose),
    ]


def test_history_is_what_the_session_says_once_it_is_online(run, sessions):
    sessions.want(NEWS)
    keep(sessions)
    message = {"mid": 7, "peer": "ann@example.com", "text": "Hi", "outgoing": True, "status": 3}
    messages = [{**message, "stored": True, "at_ms": 1_790_000_000_123}]
    asked = []

    def play():
        taken = until(lambda: sessions.take("w1", [NEWS], 0.1), 30)
        asked.extend((one.op, dict(one.about)) for one in taken)
        said = {"history": messages, "last": True}
        sessions.answer([Answer(one.id, one.worker, said) for one in taken])

    worker = threading.Thread(target=play)
    worker.start()
    done = run("history", *GIVEN, "--with", "ann@example.com", "--limit", "5", "-o", "json")
    worker.join()

    when = "2026-09-21T14:13:20.123Z"
    assert json.loads(done.stdout) == [{"at": when, **message, "word": "read"}]
    assert asked == [("history", {"peer": "ann@example.com", "gid": 0, "count": 5})]


def test_history_that_does_not_come_in_time_says_how_the_session_is(run, sessions):
    done = run("history", *GIVEN, "--gid", "7", "--timeout", "200ms")

    assert (done.returncode, done.stdout) == (8, "")
    assert "wanted: no worker has taken it yet" in done.stderr


def test_status_shows_sessions_and_the_package_of_each_worker(run, door, sessions):
    door.scripts.run("beat", "w1", 60, "host", "h", "pid", "1")
    door.scripts.run("beat", "w2", 60, "host", "h", "pid", "2")
    Packages(door.scripts).say("w1", {"name": "mesibo", "state": "too_old", "sentence": SENTENCE})
    sessions.want(NEWS)
    keep(sessions)
    other = SenderId(NEWS.app, "eve@example.com")
    sessions.want(other)

    shown = json.loads(run("status", "-o", "json").stdout)
    one = json.loads(run("status", *GIVEN, "-o", "json").stdout)
    table = run("status", "-o", "csv")

    assert {row["sender"]: row["state"] for row in shown["sessions"]} == {
        NEWS.sender: "online",
        other.sender: "wanted",
    }
    assert [row["sender"] for row in one["sessions"]] == [NEWS.sender]
    said = {row["worker"]: row["said"] for row in shown["workers"]}
    assert said["w1"] == SENTENCE
    assert "nobody has wanted a session" in said["w2"]
    assert f"w1: {SENTENCE}" in table.stderr
    assert "news@example.com,online" in table.stdout


def test_a_store_that_never_answers_is_told(door):
    class Away:
        def position(self, who):
            raise Unreachable("the store is away")

    with pytest.raises(Unreachable):
        Listening(Away(), NEWS, nothing, print).run(frozenset(KINDS), None)
