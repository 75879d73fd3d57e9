"""All hosts of one store seal and open with one key."""

import pytest

from bulkhead.box import Box
from bulkhead.engine.fleet import SealedToken
from bulkhead.engine.keys import Keys
from bulkhead.engine.script import Scripts
from bulkhead.engine.verbs import Verbs
from bulkhead.errors import Conflict, NotPermitted

OURS, OTHER = Box("o" * 40), Box("p" * 40)


def test_the_first_to_come_names_the_key_and_another_is_refused(redis):
    keys = Keys(Scripts(redis))
    keys.agree(OURS.key_ids)

    assert keys.agree(OURS.key_ids) == OURS.key_id
    with pytest.raises(NotPermitted) as refused:
        keys.agree(OTHER.key_ids)

    assert "o" * 40 not in refused.value.in_three_lines()


def test_the_name_of_a_key_tells_nothing_of_it():
    assert OURS.key_id not in "o" * 40
    assert len(OURS.key_id) < 20


@pytest.fixture
def world_of_keys(world):
    world.app()
    world.fleet.set_token("acme/shop", sealed(OLD))
    return world


OLD, NEW, BOTH = OURS, OTHER, Box("p" * 40, ["o" * 40])


def sealed(box, key_id=None):
    return SealedToken(box.seal(b"token", "acme/shop", key_id), "oken", "f00d")


def test_a_host_with_both_keys_seals_with_the_old_one_until_the_store_names_the_new(world_of_keys):
    keys = Keys(world_of_keys.scripts)
    keys.agree(OLD.key_ids)

    before = keys.agree(BOTH.key_ids)
    done = keys.reseal(BOTH)
    version = world_of_keys.fleet.app("acme/shop").version

    assert before == OLD.key_id
    assert (done.key, done.before, done.tokens) == (NEW.key_id, OLD.key_id, 1)
    assert keys.agree(NEW.key_ids) == NEW.key_id
    assert NEW.open(world_of_keys.fleet.token_box("acme/shop"), "acme/shop") == b"token"
    assert keys.reseal(NEW).tokens == 0
    assert world_of_keys.fleet.app("acme/shop").version == version
    with pytest.raises(NotPermitted, match="still has the old secret key") as refused:
        keys.agree(OLD.key_ids)
    assert len(refused.value.in_three_lines().splitlines()) == 3


def test_a_worker_without_the_new_key_keeps_it_from_becoming_the_key(redis):
    scripts = Scripts(redis)
    keys = Keys(scripts)
    keys.agree(OLD.key_ids)
    worker = Verbs(scripts, "forgotten", cell="main", egress="default")
    worker.beat({"keys": OLD.key_id})

    with pytest.raises(Conflict, match="do not have the new key") as refused:
        keys.reseal(BOTH)

    assert "forgotten" in refused.value.why
    assert keys.agree(OLD.key_ids) == OLD.key_id
    worker.beat({"keys": ",".join(BOTH.key_ids)})
    assert keys.reseal(BOTH).key == NEW.key_id


def test_a_box_that_was_sealed_with_the_old_key_meanwhile_is_found_by_a_second_run(world_of_keys):
    keys = Keys(world_of_keys.scripts)
    keys.agree(OLD.key_ids)
    keys.reseal(BOTH)
    world_of_keys.fleet.set_token("acme/shop", sealed(BOTH, OLD.key_id))

    assert keys.reseal(BOTH).tokens == 1
    assert keys.reseal(BOTH).tokens == 0
