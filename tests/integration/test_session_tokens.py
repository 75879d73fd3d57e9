"""User tokens of senders: sealed in the store, each for its sender alone."""

from bulkhead.box import Box
from bulkhead.engine.keys import Keys
from bulkhead.engine.sessions import SenderId, Sessions
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
    Sessions(world.scripts, Box(OLD)).keep_token(NEWS, Secret("user-token-of-news"))

    done = Keys(world.scripts).reseal(Box(NEW, [OLD]))

    assert (done.senders, done.tokens, done.inbound, done.credentials) == (1, 0, 0, 0)
    assert Sessions(world.scripts, Box(NEW)).token(NEWS).reveal() == "user-token-of-news"
