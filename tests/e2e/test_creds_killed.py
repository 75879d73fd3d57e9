"""`kill -9` of the worker at each point of one app's rotation: done or undone, never between."""

import itertools
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import EmbeddedStore
from bulkhead.engine.script import source
from bulkhead.model.result import STATES
from tests.e2e.product import Product, free_port, until
from tests.e2e.push_rig import FCM, Rig
from tests.e2e.typed import typed
from tests.fakes.gate import ANSWER, QUESTION, Gate
from tests.fakes.push_files import sha256

NEW = FCM.read_bytes().replace(b'"private_key_id": "', b'"private_key_id": "9')
SUCCEEDED, FAILED = (f'"set":[[{STATES[word]},' for word in ("succeeded", "failed"))
"""In a report: what has ended."""


class Theatre(Rig):
    """A store, an api and a sandbox that outlive every worker, and a worker behind a gate."""

    def __init__(self, product):
        self.open = ExitStack()
        self.product = product
        self.store = self.open.enter_context(EmbeddedStore.start(product.home))
        with connect(self.store.url) as redis:
            for verb in ("begin", "settle"):
                redis.script_load(source(verb))
        self.sandbox = product.sandbox()
        product.start("api", "--port", str(free_port()))
        until((product.home / "api.url").exists)
        typed(product, "tenants", "add", "acme")
        self._numbers = itertools.count(1)
        self.next_worker()

    def next_worker(self):
        """A worker whose only way to the store is a gate of its own."""
        self.gate = self.open.enter_context(Gate(unquote(urlsplit(self.store.url).path)))
        way = {
            "BULKHEAD_REDIS_URL": self.gate.url,
            "BULKHEAD_SECRET_KEY": (self.product.home / "secret.key").read_text().strip(),
        }
        self.worker = self.product.start(
            "worker", log=f"worker{len(self.product.processes)}", **way
        )
        until(lambda: self.worker.pid in self.product.workers() or self.worker.poll() is not None)
        assert self.worker.poll() is None, self.worker.log.read_text()

    def kill(self):
        self.worker.kill()
        self.worker.wait()


@pytest.fixture(scope="module")
def theatre():
    # A home of its own: the workers here die, and the store outlives them.
    folder = Path(tempfile.mkdtemp(prefix="bh-"))
    product = Product(folder)
    try:
        made = Theatre(product)
        yield made
        made.worker.terminate()
        made.worker.wait(60)
        made.open.close()
    finally:
        product.end()
        shutil.rmtree(folder)


@pytest.fixture
def app(theatre):
    """One app with the old file in its slot, and a webhook."""
    made = theatre.app(words=("--read-timeout", "20s"))
    made.give_webhook()
    made.upload(FCM)
    yield made
    theatre.faults()


def at_a_verb(verb, what, having="", nth=1):
    """The worker stands where its question is not heard, or its answer not told."""

    def reach(theatre, app):
        theatre.gate.shut_at(verb, what, having, nth)
        return theatre.gate.shut.is_set

    return reach


def on_the_wire(op, commit=False, nth=1):
    """The nth such call from now on is sent, and not answered."""

    def reach(theatre, app):
        before = theatre.sandbox.received(app.token, op=op)["requests"]
        fault = {"fault": "hang", "op": op, "token": app.token, "s": 60, "commit": commit}
        theatre.faults(fault | {"after": nth - 1, "times": 1})
        return lambda: theatre.sandbox.received(app.token, op=op)["requests"] == before + nth

    return reach


def while_it_waits(theatre, app):
    """The test is sent, and the webhook has said nothing yet."""
    app.register(webhook=app.registered["webhook"] | {"delay_s": 2})
    app.upload(FCM, "--force")
    return lambda: app.push()["tests"]


def to(step):
    return f'"next":[["{step}"'


GOOD = {
    "upload claimed": at_a_verb("begin", QUESTION),
    "upload begun": at_a_verb("begin", ANSWER),
    "upload on the wire, and lost": on_the_wire("pushupload"),
    "upload on the wire, and taken": on_the_wire("pushupload", commit=True),
    "upload answered and not settled": at_a_verb("settle", QUESTION, to("verify")),
    "upload settled": at_a_verb("settle", ANSWER, to("verify")),
    "test begun": at_a_verb("begin", ANSWER, nth=2),
    "test on the wire": on_the_wire("pushtest", commit=True),
    "test answered and not settled": at_a_verb("settle", QUESTION, '"wait":[['),
    "waiting for the webhook": while_it_waits,
    "waited, and begun": at_a_verb("begin", ANSWER, nth=3),
    "proven and not settled": at_a_verb("settle", QUESTION, SUCCEEDED),
    "proven and settled": at_a_verb("settle", ANSWER, SUCCEEDED),
}
OPTIONS = {
    "options begun": at_a_verb("begin", ANSWER, nth=2),
    "options on the wire": on_the_wire("pushset", commit=True),
    "options answered and not settled": at_a_verb("settle", QUESTION, SUCCEEDED),
}
BAD = {
    "refused and not settled": at_a_verb("settle", QUESTION, to("undo_result")),
    "refused and settled": at_a_verb("settle", ANSWER, to("undo_result")),
    "way back on the wire, and lost": on_the_wire("pushupload", nth=2),
    "way back on the wire, and taken": on_the_wire("pushupload", commit=True, nth=2),
    "back and not settled": at_a_verb("settle", QUESTION, FAILED),
    "back and settled": at_a_verb("settle", ANSWER, FAILED),
}
QUICK = {
    *("upload on the wire, and taken", "upload answered and not settled"),
    *("waiting for the webhook", "back and not settled"),
}


def points(of):
    return [
        pytest.param(reach, id=name, marks=() if name in QUICK else pytest.mark.slow)
        for name, reach in of.items()
    ]


def rotating(theatre, app, reach):
    """The job of a rotation that has come to a point, and what was uploaded before it."""
    reached, before = reach(theatre, app), app.uploads()
    new = theatre.place("new.json", NEW)
    words = ("creds", "rotate", "--apps", app.name, "--fcm", new, "--yes")
    proof = ("--verify", "test-push", "--test-user", "probe@example.com")
    job = app.typed(*words, *proof, "-o", "json").json["id"]
    until(reached)
    return job, len(before)


def next_one(theatre):
    """The worker is killed, and another one takes its place."""
    theatre.kill()
    theatre.faults()
    theatre.next_worker()


def took_twice_at_most(app, before):
    """True if no file was put into the slot a third time; what did not arrive is not among them."""
    taken = [one["sha256"] for one in app.uploads()[before:]]
    return all(taken.count(one) <= 2 for one in taken)


def in_no_doubt(app):
    (row,) = app.creds("status", "--app", app.name).json
    return not row["in_doubt"]


@pytest.mark.parametrize("reach", points(GOOD))
def test_a_good_credential_is_committed(theatre, app, reach):
    job, before = rotating(theatre, app, reach)

    next_one(theatre)
    done = theatre.product.wait(job)

    assert (done.code, done.json["state"]) == (0, "completed"), done
    assert app.held() == {"fcm": NEW}
    assert in_no_doubt(app)
    assert app.creds("history", app.name).json[0]["job"] == job
    assert took_twice_at_most(app, before)


@pytest.mark.parametrize("reach", points(BAD))
def test_a_bad_credential_is_rolled_back(theatre, app, reach):
    app.register(bad_push=[sha256(NEW)])
    app.upload(FCM, "--force")
    job, before = rotating(theatre, app, reach)

    next_one(theatre)
    done = theatre.product.wait(job)

    assert [code["code"] for code in done.json["errors_by_code"]] == ["PUSH_FAILED"], done
    assert (done.code, app.held()) == (3, {"fcm": FCM.read_bytes()})
    assert in_no_doubt(app)
    assert took_twice_at_most(app, before)


@pytest.mark.slow
@pytest.mark.parametrize("reach", points(OPTIONS))
def test_options_are_set_whoever_is_killed_meanwhile(theatre, app, reach):
    reached = reach(theatre, app)
    job = order_with_options(theatre, app)
    until(reached)

    next_one(theatre)
    done = theatre.product.wait(job)

    assert (done.code, app.held()) == (0, {"fcm": NEW}), done
    assert app.push()["options"] == {"sound": True}
    assert in_no_doubt(app)


def test_an_upload_whose_every_answer_is_lost_to_a_kill_is_rolled_back(theatre, app):
    wire = on_the_wire("pushupload", commit=True)
    job, before = rotating(theatre, app, wire)
    # Told at once: it hangs before the next worker can send it.
    theatre.kill()
    again = wire(theatre, app)
    theatre.next_worker()
    until(again)

    next_one(theatre)
    done = theatre.product.wait(job)

    assert [one["code"] for one in done.json["errors_by_code"]] == ["UPLOAD_NOT_CONFIRMED"], done
    assert app.held() == {"fcm": FCM.read_bytes()}
    assert in_no_doubt(app)
    assert [one["sha256"] for one in app.uploads()[before:]] == [
        *(sha256(NEW), sha256(NEW), sha256(FCM.read_bytes()))
    ]


def order_with_options(theatre, app):
    """A rotation that sets an option too."""
    new = theatre.place("new.json", NEW)
    words = ("creds", "rotate", "--apps", app.name, "--fcm", new, "--sound", "--yes")
    return app.typed(*words, "-o", "json").json["id"]
