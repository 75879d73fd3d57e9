"""The secrets that inbound deliveries are known by, in a real store."""

import pytest

from bulkhead.box import Box
from bulkhead.engine.inbound_secret import InboundSecrets
from bulkhead.engine.keys import Keys
from bulkhead.errors import NotFound
from bulkhead.secrets import Secret

APP = "acme/shop"
OLD, NEW = Box("o" * 40), Box("p" * 40)
BOTH = Box("p" * 40, ["o" * 40])


@pytest.fixture
def secrets(world):
    world.app(APP)
    return InboundSecrets(world.scripts, OLD)


def inbound_keys(world):
    names = (key.decode().partition(":")[2] for key in world.redis.scan_iter())
    return sorted(name for name in names if "inbound" in name)


def test_the_secret_is_made_once_and_leads_to_its_app(secrets):
    first = secrets.issue(APP)
    again = secrets.issue(APP)

    assert (first.made, again.made) == (True, False)
    assert again.secret == first.secret
    assert len(first.secret.reveal()) >= 43
    assert secrets.whose(first.secret.reveal()).app == APP
    assert secrets.whose(first.secret.reveal()[:-1]) is None
    assert secrets.whose("") is None
    assert secrets.whose("\ud800") is None


def test_the_store_holds_no_secret_in_the_clear(world, secrets):
    said = [secrets.issue(APP).secret.reveal(), secrets.rotate(APP, 60).secret.reveal(), "of-body"]
    secrets.demand(APP, Secret(said[2]))

    dumped = repr(world.redis.hgetall(world.key("app", APP))) + "".join(inbound_keys(world))

    assert not [secret for secret in said if secret in dumped]


def test_an_app_that_does_not_exist_has_no_secret(world):
    with pytest.raises(NotFound):
        InboundSecrets(world.scripts, OLD).issue("acme/none")


def test_after_a_rotation_the_old_one_leads_nowhere(world, secrets):
    old = secrets.issue(APP).secret.reveal()

    new = secrets.rotate(APP)

    assert new.made
    assert secrets.whose(old) is None
    assert secrets.whose(new.secret.reveal()).app == APP
    assert secrets.issue(APP).secret == new.secret
    assert len([name for name in inbound_keys(world) if name.startswith("inbound:")]) == 1


def test_with_a_grace_the_old_one_holds_on_until_the_next_rotation_at_most(world, secrets):
    first = secrets.issue(APP).secret.reveal()
    second = secrets.rotate(APP, 60).secret.reveal()

    held = secrets.whose(first)
    third = secrets.rotate(APP, 60).secret.reveal()

    assert held.app == APP
    assert secrets.whose(first) is None
    assert secrets.whose(second).app == secrets.whose(third).app == APP


def test_the_old_one_ends_with_its_grace(secrets, eventually):
    first = secrets.issue(APP).secret.reveal()

    secrets.rotate(APP, 0.05)

    assert eventually(lambda: secrets.whose(first) is None)


def test_only_bodies_with_the_secret_are_believed_once_there_is_one(secrets):
    path = secrets.issue(APP).secret.reveal()
    before = secrets.whose(path)

    secrets.demand(APP, Secret("of-body"))
    demanding = secrets.whose(path)
    secrets.demand(APP, None)
    after = secrets.whose(path)

    assert secrets.accepts(before, None)
    assert secrets.accepts(before, Secret("anything"))
    assert secrets.accepts(demanding, Secret("of-body"))
    assert not secrets.accepts(demanding, Secret("of-bodY"))
    assert not secrets.accepts(demanding, Secret("\ud800"))
    assert not secrets.accepts(demanding, None)
    assert secrets.accepts(after, None)


def test_a_reseal_seals_both_secrets_anew(world, secrets):
    world.fleet.set_token(APP, type(world.TOKEN)(OLD.seal(b"token", APP), "oken", "f00d"))
    path = secrets.issue(APP).secret
    secrets.demand(APP, Secret("of-body"))

    done = Keys(world.scripts).reseal(BOTH)

    new = InboundSecrets(world.scripts, NEW)
    assert (done.tokens, done.inbound) == (1, 2)
    assert new.issue(APP).secret == path
    assert new.accepts(new.whose(path.reveal()), Secret("of-body"))
    assert Keys(world.scripts).reseal(BOTH).inbound == 0


def test_a_secret_of_one_kind_does_not_open_as_another(world, secrets):
    secrets.issue(APP)
    name = world.key("app", APP)
    world.redis.hset(name, "inbound_body_box", world.redis.hget(name, "inbound_box"))

    whose = secrets.whose(secrets.issue(APP).secret.reveal())

    with pytest.raises(Exception, match="cannot be opened"):
        secrets.accepts(whose, Secret("x"))
