"""An app that does not go as it is set to says so, since when, why, and what to do."""

import json

import pytest

from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.script import Scripts
from bulkhead.model.app import AppSettings
from tests.command import KEY, typed

APP = "{bulkhead}:app:acme/shop"


@pytest.fixture
def site(store_server, redis, home):
    fleet = Fleet(Scripts(redis))
    fleet.add_tenant("acme")
    settings = AppSettings("https://b.example/", rate=50)
    fleet.add_app("acme/shop", settings, SealedToken("box", "1234", "f00d"))
    return {"redis_url": store_server.url, "secret_key": KEY, "home": home}


def shown(site, form="json"):
    run = typed("apps", "show", "acme/shop", "-o", form, **site)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout) if form == "json" else run.stdout


def held_up(site):
    run = typed("status", "-o", "json", **site)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)["apps_held_up"]


def test_an_app_that_goes_as_it_is_set_says_no_more_than_that(site):
    app = shown(site)

    assert (app["pace"], app["to_do"]) == ("configured 50/s", None)
    assert held_up(site) == []


def test_a_backend_that_bears_less_shows_in_the_app_and_in_status(site, redis):
    redis.hset(APP, mapping={"learned": "41.04", "slowed_at": int(redis.time()[0]) * 10**6})

    app, [held] = shown(site), held_up(site)

    assert app["pace"] == "configured 50/s, learned 41/s"
    assert (held["state"], held["why"]) == ("throttled", "configured 50/s, learned 41/s")
    assert held["since"]
    assert "by itself" in held["next"]
    assert "configured 50/s, learned 41/s" in shown(site, "table")


def test_a_storm_shows_as_one_trial_call_at_a_time(site, redis):
    redis.hset(APP, mapping={"learned": "0", "storm_at": int(redis.time()[0]) * 10**6})

    assert shown(site)["pace"] == "configured 50/s, now one trial call at a time"
    assert [app["state"] for app in held_up(site)] == ["throttled"]


def test_a_stopped_app_says_since_when_the_vendors_word_and_what_to_do(site, redis):
    since = int(redis.time()[0]) * 10**6
    told = {"state": "stopped", "code": "AUTH_FAILED", "why": "TOKENBREACH", "since": since}
    redis.hset(APP, mapping=told)

    app, [held] = shown(site), held_up(site)

    for document in (app, held):
        assert document["state"] == "stopped"
        assert (document["code"], document["why"]) == ("AUTH_FAILED", "TOKENBREACH")
        assert document["since"]
    new_token = "give it a new token: bulkhead apps set acme/shop --token-file -"
    assert (app["to_do"], held["next"]) == (new_token, new_token)
