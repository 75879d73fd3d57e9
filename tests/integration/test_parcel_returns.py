"""A slice that began and cannot run: its rows come back at once instead of with its lease."""

import pytest

from bulkhead import client
from bulkhead.box import Box
from bulkhead.engine.draft import Request
from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import Scripts
from bulkhead.model.app import AppSettings
from bulkhead.settings import Settings
from tasks import parcel
from tasks.clocks import Clocks
from worker.runtime import build

KEY = "a key that the worker was given, long enough"
REQUEST = Request("users.import", "acme", "acme/shop", columns=["address"], mapping={"address": 0})


@pytest.fixture
def scripts(redis):
    """An app whose token was sealed with another key than the worker's."""
    made = Scripts(redis)
    fleet = Fleet(made)
    fleet.add_tenant("acme")
    box = Box("another key than the worker's, just as long").seal(b"token", "acme/shop")
    settings = AppSettings(base_url="https://api.example.com/backend/")
    fleet.add_app("acme/shop", settings, SealedToken(box, "oken", "print"))
    return made


def test_rows_of_an_app_whose_token_cannot_be_opened_come_back_and_the_app_waits(
    scripts, store_server
):
    rows = [client.Entry(n, [f"user{n}@example.com"]) for n in range(1, 6)]
    job = client.submit(scripts, REQUEST, rows, lambda: {"rows": len(rows)})
    runtime = build(
        Settings.load({"BULKHEAD_REDIS_URL": store_server.url, "BULKHEAD_SECRET_KEY": KEY})
    )
    claimed = list(runtime.verbs.claim(64, 50).slices)
    runtime.slots.take(claimed)

    parcel.run(claimed, runtime, Clocks())

    after = Jobs(scripts).get(job.id)
    assert (after.counts.pending, after.counts.in_flight) == (5, 0)
    assert after.attempts == {"calls": 0, "retries": 0}
    assert scripts.redis.zcard(scripts.key("lease")) == 0
    assert runtime.verbs.claim(64, 50).slices == ()
    app = Fleet(scripts).app("acme/shop")
    assert app.in_flight == 0
    assert app.cooling_until is not None
