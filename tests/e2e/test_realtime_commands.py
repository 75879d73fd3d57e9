"""`bulkhead realtime` as a person types it, with real workers and the sandbox's stand-in."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
import requests

from tests.e2e.broadcast_rig import SENDER
from tests.e2e.product import COMMAND, Product, Sandbox, until
from tests.e2e.realtime_rig import Realtime

ANN, BOB = "ann@example.com", "bob@example.com"
ROOT = Path(__file__).parents[2]
EVERY_BYTE = bytes(range(256)) * 4_096


class Near(Sandbox):
    """The sandbox that `up --sandbox` started."""

    def __init__(self, url):
        self.url = url


@pytest.fixture(scope="module")
def upped():
    """What `up --sandbox` is: one worker, and a stand-in for mesibo and its package."""
    folder = Path(tempfile.mkdtemp(prefix="bh-"))
    product = Product(folder)
    # Each test has a sender of its own: none waits for another's session to be given up.
    product.environment["BULKHEAD_REALTIME_SESSIONS"] = "32"
    try:
        product.near = Near(product.up(workers=1).sandbox)
        yield product
    finally:
        product.end()
        shutil.rmtree(folder)


@pytest.fixture
def app(upped):
    return Realtime(upped, upped.near, people=[ANN, BOB])


class Listening:
    """`realtime listen` in another terminal."""

    def __init__(self, app, *words, sender=SENDER):
        folder = Path(tempfile.mkdtemp(dir=app.product.home))
        self._out, self._err = folder / "out", folder / "err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*COMMAND, "realtime", "listen", "--app", app.name, "--as", sender, *words],
                env=app.product.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        app.product.processes.append(self.process)

    @property
    def notes(self):
        return self._err.read_text("utf-8").splitlines()

    @property
    def events(self):
        """What was printed in whole lines."""
        whole = self._out.read_text("utf-8").rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def online(self):
        until(lambda: any("is online" in note for note in self.notes) or self.process.poll())
        assert self.process.poll() is None, self.notes
        return self

    def heard(self, kind, **about):
        """The first event of that kind with these members, waited for."""

        def look():
            for event in self.events:
                if event["event"] == kind and about.items() <= event.items():
                    return event
            return None

        return until(look, 60)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


def kinds(events):
    return {event["event"] for event in events}


def test_listen_prints_every_kind_of_event_as_it_happens(app):
    listening = Listening(app).online()

    app.do("message", **{"from": ANN, "address": SENDER, "text": "Grüß dich\n", "mid": 71})
    app.do("presence", **{"from": ANN, "presence": 1})
    app.do("call", **{"from": BOB})
    app.do("update", **{"from": ANN, "mid": 71, "text": "Hello"})
    app.do("e2e", **{"from": ANN})
    app.do("kick", address=SENDER)
    listening.heard("connection", word="offline")
    listening.heard("connection", word="online")
    sent = app.send(people=[ANN])
    assert app.product.wait(sent).code == 0
    [(_, _, mid)] = app.outcomes(sent).values()

    assert listening.heard("message", mid=71)["text"] == "Grüß dich\n"
    assert listening.heard("presence")["peer"] == ANN
    assert listening.heard("call")["peer"] == BOB
    assert listening.heard("update")["mid"] == 71
    assert listening.heard("e2e")
    assert listening.heard("status", mid=mid)["word"] == "sent"
    assert listening.interrupt() == 130
    assert f"realtime listen --app {app.name} --as {SENDER}" in listening.notes[-1]
    assert kinds(listening.events) == {
        *("connection", "message", "status", "update", "presence", "call", "e2e")
    }


def test_each_event_is_printed_once_and_in_order_across_a_reconnect(app):
    listening = Listening(app, "--only", "message").online()

    for number in range(1, 61):
        app.do("message", **{"from": ANN, "address": SENDER, "text": "x", "mid": number})
        if number % 20 == 0:
            app.do("kick", address=SENDER)
    listening.heard("message", mid=60)

    assert [event["mid"] for event in listening.events] == [*range(1, 61)]
    assert listening.interrupt() == 130


def test_listening_ends_by_itself_after_its_time(app):
    done = app.typed(
        *("realtime", "listen", "--app", app.name, "--as", SENDER),
        *("--only", "presence", "--for", "1s"),
    )

    assert done.out == ""
    assert done.err.startswith("waiting for a worker to take the session")


def test_what_it_waits_for_is_said_until_the_session_is_online(app):
    notes = Listening(app).online().notes

    assert notes[0] == (f"waiting for a worker to take the session of {SENDER}")
    assert notes[-1] == f"{SENDER} is online"


def test_a_file_arrives_byte_for_byte_under_its_name(app):
    path = app.product.home / "a menu.pdf"
    path.write_bytes(EVERY_BYTE)

    ann = Listening(app, "--only", "message", sender=ANN).online()
    given = ("realtime", "send", "--app", app.name, "--as", SENDER, "--to", f"{ANN},{BOB}")
    job = app.typed(*given, "--file", path, "--wait", "--timeout", "60s", "-o", "json").json

    assert job["counts"]["succeeded"] == 2
    digest = hashlib.sha256(EVERY_BYTE).hexdigest()
    files = app.at()["files"].values()
    assert {(one["sha256"], one["size"]) for one in files} == {(digest, len(EVERY_BYTE))}
    assert ann.heard("message", peer=SENDER)["file"]["name"] == path.name


def test_a_message_goes_to_a_group_and_to_people_with_a_mid_of_ours(app):
    [gid] = app.groups(1, members={"m": f"{SENDER},{ANN}"})
    given = ("realtime", "send", "--app", app.name, "--as", SENDER, "--message", "Hi")
    waits = ("--wait", "--timeout", "60s", "-o", "json")

    group = app.typed(*given, "--gid", gid, *waits).json
    people = app.typed(*given, "--to", ANN, *waits).json

    rows = app.results(group["id"]) + app.results(people["id"])
    assert [row["outcome"] for row in rows] == ["succeeded"] * 2
    known = app.at(keys=1)
    assert {one["mid"] for one in known["by_mid"]} == {row["upstream"]["mid"] for row in rows}
    assert known["most_per_mid"] == 1
    assert app.received() == []


def test_history_is_what_the_session_has_stored_newest_first(app):
    Listening(app).online()
    app.do("message", **{"from": ANN, "address": SENDER, "text": "one"})
    app.do("message", **{"from": BOB, "address": SENDER, "text": "two"})
    app.do("message", **{"from": ANN, "address": SENDER, "text": "three"})
    given = ("realtime", "history", "--app", app.name, "--as", SENDER, "-o", "json", "--with")

    of_ann = until(lambda: _all_of(app.typed(*given, ANN).json, 2), 60)
    newest = app.typed(*given, ANN, "--limit", "1").json
    of_bob = app.typed(*given, BOB).json

    assert [message["text"] for message in of_ann] == ["three", "one"]
    assert [message["text"] for message in newest] == ["three"]
    assert [message["text"] for message in of_bob] == ["two"]


def _all_of(found, number):
    return found if len(found) == number else None


def test_status_shows_the_session_and_the_package_of_its_worker(app):
    Listening(app).online()

    given = ("realtime", "status", "--app", app.name, "-o", "json")
    shown = app.typed(*given).json

    [session] = shown["sessions"]
    assert (session["sender"], session["state"], session["listening"]) == (SENDER, "online", True)
    [worker] = shown["workers"]
    assert worker["worker"] == session["worker"]
    assert (worker["package"]["name"], worker["package"]["state"]) == ("sandbox.standin", "usable")


def test_a_session_hears_who_got_and_who_read_it_without_any_webhook(app):
    chosen = {"token": app.token, "receipts": {"delivered": 1, "read": 1}}
    address = f"{app.stand_in.url}/_sandbox/receipts"
    requests.post(address, json=chosen, timeout=60).raise_for_status()

    job = app.send(people=[ANN, BOB])
    assert app.product.wait(job).code == 0

    given = ("broadcast", "stats", job, "-o", "json")
    told = until(lambda: _read_by(app.typed(*given).json, 2), 60)
    assert told["lower_bound"] is True
    [note] = told["notes"]
    assert "sender's session" in note


def _read_by(told, number):
    stages = {row["stage"]: row["recipients"] for row in told["stages"]}
    return told if stages["read"] == stages["delivered"] == stages["sent"] == number else None


def test_a_program_sends_a_file_in_real_time(app):
    from bulkhead.client import Bulkhead  # noqa: PLC0415
    from bulkhead.engine.embedded import find  # noqa: PLC0415

    with Bulkhead(find(app.product.home)) as bulkhead:
        job = bulkhead.broadcast(
            app=app.name, sender=SENDER, users=[ANN], file=b"by a program", via="realtime"
        )
        job = job.wait(timeout=60)

    assert job.counts.succeeded == 1
    digest = hashlib.sha256(b"by a program").hexdigest()
    assert digest in {one["sha256"] for one in app.at()["files"].values()}


@pytest.fixture(params=["tests.fakes.too_old_package", "mesibo"])
def unusable(product, request):
    """An app whose workers have a package that refuses to start: played, and the vendor's own."""
    sandbox = product.sandbox()
    Realtime.prepare(product, sandbox, package=request.param)
    product.environment["PYTHONPATH"] = os.pathsep.join([str(ROOT)])
    product.up(workers=1, sandbox=False)
    made = Realtime(product, sandbox, people=[ANN])
    made.package = request.param
    return made


def test_a_package_that_refuses_to_start_is_told_everywhere_and_sends_nothing(unusable):
    app = unusable
    given = ("--app", app.name, "--as", SENDER)

    heard = app.typed("realtime", "listen", *given, "--for", "60s", code=11)
    waits = app.typed("realtime", "send", *given, "--to", ANN, "--message", "Hi", "-o", "json").json
    refused = app.typed(
        *("realtime", "send", *given, "--to", ANN, "--message", "Hi", "-o", "json"),
        *("--on-no-session", "refuse", "--wait", "--timeout", "60s"),
        code=3,
    ).json

    built = "built 2024-11-21, " if app.package == "mesibo" else ""
    said = f"the installed {app.package} package refuses to start ({built}"
    sentence = heard.err.partition("why: ")[2].splitlines()[0]
    assert sentence.startswith(said)
    assert sentence.endswith(
        "reports itself too old): install a newer release or use --via backend"
    )
    until(lambda: sentence in app.typed("jobs", "explain", waits["id"], "-o", "json").out, 60)
    assert app.counts(waits["id"])["pending"] == 1
    [row] = app.results(refused["id"])
    assert (row["code"], row["attempts"]) == ("NO_SESSION", 0)
    assert sentence in row["message"]
    [worker] = app.typed("realtime", "status", "-o", "json").json["workers"]
    assert (worker["said"], worker["package"]["state"]) == (sentence, "too_old")
    assert app.at()["messages"] == 0
