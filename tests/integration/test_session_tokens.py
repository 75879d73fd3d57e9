"""User tokens of senders: sealed in the store, each for its sender alone."""

from bulkhead.box import Box
from bulkhead.engine.keys import Keys
from bulkhead.engine.sessions import Ask, SenderId, Sessions, State
from bulkhead.secrets import Secret

NEWS = SenderId("acme/shop", "news@acme")
OLD, NEW = "an old key of thirty-two characters", "a new key of thirty-two characters!"


def test_a_token_is_sealed_for_its_sender_alone(world):
    world.app()
    sessions = Sessions(world.scripts, Box(OLD))
    sessions.keep_token(NEWS, Secret("user-token-of-news"))

    kept = world.redis.hgetall(world.key("app", "acme/shop", "senders"))

    assert b"user-token" not in kept[b"news@acme"]
    assert sessions.token(NEWS).reveal() == "user-token-of-news"
    assert sessions.token(SenderId("acme/shop", "other@acme")) is None
    sessions.forget_token(NEWS)
    assert sessions.token(NEWS) is None


def test_tokens_of_senders_are_sealed_anew_with_the_next_key(world):
    world.redis.sadd(world.key("apps"), "acme/shop")
    world.redis.hset(world.key("app", "acme/shop"), "base_url", "https://backend.example")
    Sessions(world.scripts, Box(OLD)).keep_token(NEWS, Secret("user-token-of-news"))

    done = Keys(world.scripts).reseal(Box(NEW, [OLD]))

    assert (done.senders, done.tokens, done.inbound, done.credentials) == (1, 0, 0, 0)
    assert Sessions(world.scripts, Box(NEW)).token(NEWS).reveal() == "user-token-of-news"


def test_a_token_that_was_issued_while_its_app_was_removed_is_not_kept(world):
    world.app()
    sessions = Sessions(world.scripts, Box(OLD))
    world.fleet.remove_app("acme/shop")

    sessions.keep_token(NEWS, Secret("user-token-of-news"))

    assert sessions.token(NEWS) is None


def test_an_app_that_is_removed_leaves_nothing_of_its_sessions(world):
    world.app()
    sessions = Sessions(world.scripts, Box(OLD))
    sessions.want(NEWS, listen=60)
    sessions.acquire(NEWS, "w1")
    sessions.renew("w1", {NEWS: State("online")})
    sessions.keep_token(NEWS, Secret("user-token-of-news"))
    sessions.tell(NEWS, [{"kind": "message", "text": "for us alone"}])
    sessions.ask([Ask("one", NEWS, "send", {"text": "for ann alone"}, worker="w9")])

    world.fleet.remove_app("acme/shop")

    assert sessions.renew("w1", {NEWS: State("online")}) == [NEWS]
    left = [name.decode() for name in world.redis.keys("*") if b"shop" in name]
    assert [name for name in left if "audit" not in name] == []
