"""A store for simulations: it waits for no disk."""

import pytest

QUICK = {"appendfsync": "no"}


@pytest.fixture
def quick_store(redis):
    """A client of an empty store that syncs nothing."""
    before = {name: redis.config_get(name)[name] for name in QUICK}
    for name, value in QUICK.items():
        redis.config_set(name, value)
    yield redis
    for name, value in before.items():
        redis.config_set(name, value)
