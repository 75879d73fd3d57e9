"""What a worker keeps at hand of jobs, rows and apps, and how it reads what it does not."""

import pytest

from bulkhead.box import Box
from bulkhead.engine.app_fields import SealedToken
from bulkhead.engine.cabinet import Cabinet
from bulkhead.errors import NotFound
from bulkhead.model.app import AppSettings

KEY = "k" * 32
APPS = ("acme/one", "acme/two", "bolt/three")


def counted(redis):
    return sum(
        int(told["calls"])
        for name, told in redis.info("commandstats").items()
        if name in ("cmdstat_get", "cmdstat_hgetall", "cmdstat_hget", "cmdstat_smembers")
    )


@pytest.fixture
def granted(world):
    """A slice of each app, and a cabinet that has read nothing yet."""
    box = Box(KEY)
    for app in APPS:
        world.app(app)
        world.fleet.set_app(app, AppSettings("https://backend.example/"))
        world.fleet.set_token(app, SealedToken(box.seal(app.encode(), app), "", ""))
        world.submit(2, app)
    return world.claim(slots=8), Cabinet(world.scripts, box)


def versions(world):
    return {
        app: world.redis.hget(world.scripts.key("app", app), "version").decode() for app in APPS
    }


def test_what_was_fetched_is_at_hand_without_asking_the_store_again(world, granted):
    parts, cabinet = granted
    now = versions(world)
    cabinet.fetch(parts)
    before = counted(world.redis)

    cabinet.fetch(parts)
    found = [(cabinet.job(part.job), cabinet.items(part)) for part in parts]
    tokens = {part.app: cabinet.app(part.app, now[part.app]).token.reveal() for part in parts}

    assert counted(world.redis) == before
    assert {part.app for part in parts} == set(APPS)
    assert all(facts.kind == "users.import" and len(items) == 2 for facts, items in found)
    assert tokens == {app: app for app in APPS}


def test_one_that_cannot_be_read_costs_the_others_nothing_and_is_named_when_asked_for(
    world, granted
):
    parts, cabinet = granted
    gone, *others = parts
    for key in world.redis.scan_iter(world.scripts.key("job", gone.job) + "*"):
        world.redis.delete(key)

    cabinet.fetch(parts)

    assert [len(cabinet.items(part)) for part in others] == [2, 2]
    with pytest.raises(NotFound, match=gone.job):
        cabinet.job(gone.job)


def test_an_app_with_other_settings_is_read_again(world, granted):
    parts, cabinet = granted
    cabinet.fetch(parts)

    world.fleet.set_app("acme/one", AppSettings("https://other.example/"))

    facts = cabinet.app("acme/one", versions(world)["acme/one"])
    assert "other.example" in facts.endpoint.base_url


def test_another_app_of_a_name_that_was_removed_has_its_own_token(world):
    box, cabinet = Box(KEY), Cabinet(world.scripts, Box(KEY))
    world.fleet.add_tenant("acme")
    seen = []

    for token in ("before", "after"):
        sealed = SealedToken(box.seal(token.encode(), "acme/shop"), "", "")
        added = world.fleet.add_app("acme/shop", AppSettings("https://backend.example/"), sealed)
        seen.append(cabinet.app("acme/shop", added.version).token.reveal())
        world.fleet.remove_app("acme/shop")

    assert seen == ["before", "after"]
