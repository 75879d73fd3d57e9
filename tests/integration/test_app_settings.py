"""What a person sets for an app is kept, shown, found again, and taken back."""

import json

import pytest

from bulkhead.box import Box
from bulkhead.engine.cabinet import Cabinet
from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.script import Scripts
from bulkhead.model.app import AppSettings
from bulkhead.model.retry_policy import RetryPolicy
from tests.command import KEY, typed

URL = "https://backend.example/"


@pytest.fixture
def site(store_server, redis, home):
    fleet = Fleet(Scripts(redis))
    fleet.add_tenant("acme")
    fleet.add_app("acme/shop", AppSettings(URL), SealedToken("box", "1234", "f00d"))
    fleet.add_app(
        "acme/blog", AppSettings(URL, labels={"team": "x"}), SealedToken("box", "5678", "beef")
    )
    return {"redis_url": store_server.url, "secret_key": KEY, "home": home}


def test_labels_classes_senders_and_retries_are_kept_and_shown_and_found(site):
    words = ("--label", "team=growth", "--label", "env=prod", "--class", "message=5/s")
    times = ("--retry-first", "1s", "--retry-longest", "2m", "--give-up-after", "1h")
    change = typed("apps", "set", "acme/shop", *words, *times, "--senders", "news,ann", **site)

    assert change.returncode == 0, change.stderr
    shown = json.loads(typed("apps", "show", "acme/shop", "-o", "json", **site).stdout)
    assert shown["labels"] == {"team": "growth", "env": "prod"}
    assert shown["classes"] == {"message": 5.0}
    assert shown["senders"] == ["news", "ann"]
    assert [shown[name] for name in ("retry_first", "retry_longest", "give_up_after")] == [
        *(1.0, 120.0, 3600.0)
    ]
    found = typed("apps", "list", "--label", "team=growth", "--tenant", "acme", **site)
    assert [app["app"] for app in json.loads(found.stdout)] == ["acme/shop"]

    taken = ("--label", "env=", "--class", "message=", "--senders", "")
    after = json.loads(typed("apps", "set", "acme/shop", *taken, **site).stdout)
    assert (after["labels"], after["classes"], after["senders"]) == ({"team": "growth"}, {}, None)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--label", "team"), "--label team=growth"),
        (("--class", "message=often"), "20/s"),
        (("--class", "mesage=5/s"), "did you mean message?"),
        (("--class", "Message=5/s"), "did you mean message?"),
        (("--class", "provisions=5/s"), "did you mean provision?"),
        (("--class", "no such=5/s"), "name"),
        (("--senders", "a" * 64), "sender"),
        (("--retry-first", "2m"), "--retry-longest"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_in_three_lines(site, words, says):
    refused = typed("apps", "set", "acme/shop", *words, **site)

    assert refused.returncode == 2
    assert says in refused.stderr
    assert len(refused.stderr.splitlines()) == 3
    assert refused.stdout == ""


def test_an_app_from_before_these_settings_has_their_defaults(redis, site):
    del site
    name = "{bulkhead}:app:acme/shop"
    redis.hdel(name, "retry_first", "retry_longest", "give_up_after", "labels", "classes")
    redis.hdel(name, "senders")

    assert Fleet(Scripts(redis)).app("acme/shop").settings == AppSettings(URL)


def test_a_job_may_wish_for_other_retries_than_its_app_has(world):
    world.app()
    world.fleet.set_app("acme/shop", AppSettings(URL, max_attempts=4, retry_longest=10.0))
    job = world.submit(1, max_attempts=2, give_up_after=60.0)
    box = Box(KEY)
    world.fleet.set_token("acme/shop", SealedToken(box.seal(b"t", "acme/shop"), "", ""))
    cabinet = Cabinet(world.scripts, box)

    policy = cabinet.app("acme/shop", "1").retry

    assert policy == RetryPolicy(4, longest=10.0)
    wished = policy.changed(cabinet.job(job).retry)
    assert wished == RetryPolicy(2, longest=10.0, give_up_after=60.0)
