"""`kill -9` of a worker at each point of one call that may be made only once."""

import json
from urllib.parse import unquote, urlsplit

import pytest

from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import EmbeddedStore
from bulkhead.engine.script import source
from bulkhead.model.result import STATES
from tests.e2e.product import until
from tests.fakes.gate import ANSWER, QUESTION, Gate

MESSAGE = {"from": "news", "to": "ann@example.com", "message": "Hello"}
HANG = {"fault": "hang", "op": "message", "s": 60, "commit": True}

SUCCESS = f'"set":[[{STATES["succeeded"]},'
"""A report of what succeeded, and not one of what was given back unsent."""


@pytest.fixture
def store(product):
    """The site's store, that outlives every worker."""
    with EmbeddedStore.start(product.home) as running:
        with connect(running.url) as redis:
            for verb in ("begin", "settle"):
                redis.script_load(source(verb))
        yield running


@pytest.fixture
def gate(store):
    with Gate(unquote(urlsplit(store.url).path)) as made:
        yield made


def worker(product, log, gate=None):
    """A worker process; with a gate that is its only way to the store."""
    way = {}
    if gate:
        way["BULKHEAD_REDIS_URL"] = gate.url
        way["BULKHEAD_SECRET_KEY"] = (product.home / "secret.key").read_text().strip()
    process = product.start("worker", log=log, **way)
    until(lambda: process.pid in product.workers() or process.poll() is not None)
    assert process.poll() is None, process.log.read_text()
    return process


def at_a_verb(verb, what, having=""):
    def reach(_sandbox, gate):
        gate.shut_at(verb, what, having)
        return gate.shut.is_set

    return reach


def while_it_is_on_the_wire(sandbox, _gate):
    sandbox.faults(HANG)
    return lambda: sandbox.received(op="message")["requests"] == 1


POINTS = {
    "claimed and not begun": (at_a_verb("begin", QUESTION), "succeeded", (0, 1)),
    "begun and not sent": (at_a_verb("begin", ANSWER), "unknown", (0, 0)),
    "sent and not answered": (while_it_is_on_the_wire, "unknown", (1, 1)),
    "answered and not settled": (at_a_verb("settle", QUESTION, SUCCESS), "unknown", (1, 1)),
    "settled": (at_a_verb("settle", ANSWER, SUCCESS), "succeeded", (1, 1)),
}


@pytest.mark.parametrize(("reach", "outcome", "calls"), POINTS.values(), ids=POINTS)
def test_what_is_told_is_true_and_no_call_is_made_twice(product, gate, reach, outcome, calls):
    sandbox = product.sandbox()
    product.app("acme/shop", sandbox)
    killed = worker(product, "killed", gate)
    reached = reach(sandbox, gate)
    words = ("call", "message", "--app", "acme/shop", "--body", "-", "--no-wait", "-o", "json")
    job = product.typed(*words, stdin=json.dumps(MESSAGE)).json["id"]
    until(reached)

    killed.kill()
    killed.wait()
    before = sandbox.received(op="message")["requests"]
    sandbox.faults()
    worker(product, "next")
    done = product.wait(job)
    audit = product.typed("jobs", "audit", job, "-o", "json")

    assert done.code == (0 if outcome == "succeeded" else 3), done
    assert done.json["counts"][outcome] == done.json["counts"]["total"] == 1
    assert (before, sandbox.received(op="message")["requests"]) == calls
    assert (audit.code, audit.json["right"]) == (0, True), audit
