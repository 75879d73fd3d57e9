"""`kill -9` of workers in the middle of a submit, while a Celery client enqueues."""

import base64
import json
import os
import signal
import time
from collections import Counter
from contextlib import closing

import pytest

from bulkhead.engine.connect import broker_url
from bulkhead.engine.embedded import find
from tests.e2e.product import alive, measured, until
from tests.fakes.bare_client import BareClient

MESSAGES, ITEMS = 12, 20
"""A kill, and in each."""
LOOKED_FOR = 5.0
"""Seconds: so long a dozen messages are at most in anybody's hands."""


def in_hand(scripts):
    """The process ids of workers that have a message in hand."""
    names = scripts.redis.scan_iter(scripts.key("taken", "*"))
    return [int(name.decode().rsplit("-", 2)[-2]) for name in names]


def told(scripts):
    """Which states of each job were sent to the program that asked."""
    found = {}
    for raw in scripts.redis.lrange("mine", 0, -1):
        body = json.loads(base64.b64decode(json.loads(raw)["body"]))
        job = body[1]["job"]
        found.setdefault(job["idempotency_key"], set()).add(job["state"])
    return found


def enqueue(client, first):
    """The ids of so many messages, each with items of its own."""
    sent = []
    for number in range(first, first + MESSAGES):
        items = [{"address": f"u{number}-{item}@example.com"} for item in range(ITEMS)]
        asked = {"v": 1, "app": "acme/shop", "items": items}
        asked["notify"] = {"task": "myapp.done", "queue": "mine"}
        # Some to each of the four lists.
        sent.append(client.send("tasks.import_users", asked, priority=number * 3 % 10))
    return sent


def kill_in_the_middle(scripts):
    """Kill a worker that has just taken a message; its process id, None if none was seen."""
    deadline = time.monotonic() + LOOKED_FOR
    while time.monotonic() < deadline:
        for victim in filter(alive, in_hand(scripts)):
            os.kill(victim, signal.SIGKILL)
            return victim
    return None


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_each_message_becomes_one_job_and_each_end_is_told_whoever_is_killed(product, kills):
    sandbox = product.sandbox()
    product.up(workers=2, sandbox=False)
    words = ("--rate", "5000/s", "--burst", "500", "--max-in-flight", "64")
    token = product.app("acme/shop", sandbox, *words)
    sent = []
    asking = closing(BareClient(broker_url(find(product.home))))
    with asking as client, product.look() as scripts:
        for _ in range(kills):
            killed = None
            # All may have been put away before one was looked at.
            while not killed:
                sent += enqueue(client, len(sent))
                killed = kill_in_the_middle(scripts)
            until(lambda pid=killed: not alive(pid) and any(map(alive, product.workers())))
        until(lambda: set(told(scripts)) >= set(sent), 240)
        until(lambda: all("completed" in told(scripts)[task] for task in sent), 240)
        letters = scripts.redis.zcard(scripts.key("dead"))
        # Told by whoever ran the job, perhaps before its message was put away.
        until(lambda: not list(scripts.redis.scan_iter(scripts.key("taken", "*"))))

    # What died with a worker before its seal was no job yet, and is forgotten within the hour.
    jobs = [product.job(job) for job in product.jobs()]
    jobs = [job for job in jobs if job["state"] != "validating"]
    assert Counter(job["idempotency_key"] for job in jobs) == Counter(sent)
    assert {job["counts"]["succeeded"] for job in jobs} == {ITEMS}
    assert sandbox.received(token)["distinct_keys"] == len(sent) * ITEMS
    assert letters == 0
    measured(f"{kills} kills in the middle of a submit: {len(sent)} messages, {len(jobs)} jobs")
