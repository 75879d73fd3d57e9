"""The record as Python looks it up: the same buckets as the scripts, whatever their number."""

import pytest

from bulkhead.engine.record import Past, Record, bucket_of
from tests.fakes.engine import START
from tests.integration.test_engine_record import APP, OLD, imported


@pytest.mark.parametrize("items", [1, 39, 41, 400])
def test_every_address_on_the_record_is_found(world, items):
    world.app()
    imported(world, items)
    record = Record(world.scripts)

    found = record.look_up(APP, [f"user{n}" for n in range(items + 1)])

    assert [past.digest for past in found[:-1]] == [OLD] * items
    assert all(isinstance(past, Past) and past.at >= START // 10**6 for past in found[:-1])
    assert found[-1] is None


def test_an_app_without_a_record_knows_nobody(world):
    world.app()

    assert Record(world.scripts).look_up(APP, ["ann@example.com"]) == [None]
    assert Record(world.scripts).look_up(APP, []) == []


def test_addresses_are_spread_over_all_buckets():
    used = {bucket_of(f"user{n}@example.com", 13) for n in range(1000)}

    assert used == set(range(13))
