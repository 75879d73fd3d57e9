"""The way to the store: clear refusals, no repeated commands, no password in any message."""

import socketserver
import threading
import traceback

import pytest
from redis.exceptions import NoPermissionError

from bulkhead.engine.connect import broker_url, connect, facts
from bulkhead.errors import InvalidInput, NotPermitted, Unreachable

PASSWORD = "canary-of-the-store"


class OldRedis(socketserver.StreamRequestHandler):
    """Speaks as much of Redis 6.2 as a handshake needs."""

    def handle(self):
        while line := self.rfile.readline():
            if line.strip().upper() == b"INFO":
                text = b"redis_version:6.2.14\r\n"
                self.wfile.write(b"$%d\r\n%s\r\n" % (len(text), text))
            elif line.strip().upper() == b"PING":
                self.wfile.write(b"+PONG\r\n")
            elif line.strip().upper() in {b"HELLO", b"CLIENT"}:
                self.wfile.write(b"-ERR unknown command\r\n")


@pytest.fixture
def old_redis():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), OldRedis) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"redis://127.0.0.1:{server.server_address[1]}/0?protocol=2"
        server.shutdown()


def everything_said_by(error):
    lines = traceback.format_exception(error)
    return "".join(lines) + error.what + error.why + error.to_do


def test_a_store_that_does_not_answer_is_named_without_its_password():
    with pytest.raises(Unreachable) as refused:
        connect(f"redis://ann:{PASSWORD}@127.0.0.1:1/0")

    assert "redis://ann:***@127.0.0.1:1/0" in refused.value.what
    assert "bulkhead up" in refused.value.to_do
    assert PASSWORD not in everything_said_by(refused.value)


@pytest.mark.parametrize("url", ["http://:{}@host", "redis://:{}@host:port/0", "{}"])
def test_a_url_that_cannot_be_one_is_refused_without_its_password(url):
    with pytest.raises(InvalidInput) as refused:
        connect(url.format(PASSWORD))

    assert PASSWORD not in everything_said_by(refused.value)


def test_a_wrong_password_is_told_apart_from_a_store_that_is_away(redis, store_server):
    redis.acl_setuser("ann", enabled=True, passwords=["+right"], commands=["+@all"])

    with pytest.raises(NotPermitted) as refused:
        connect(store_server.url.replace("unix://", f"unix://ann:{PASSWORD}@"))

    redis.acl_deluser("ann")
    assert PASSWORD not in everything_said_by(refused.value)


def test_a_redis_older_than_seven_is_refused(old_redis):
    with pytest.raises(InvalidInput, match=r"Redis 6\.2\.14"):
        connect(old_redis)


def test_a_client_never_repeats_a_command_by_itself(redis):
    retry = redis.connection_pool.connection_kwargs["retry"]

    assert retry.get_retries() == 0


def test_facts_of_any_store_are_those_it_was_started_with(any_store):
    known = facts(any_store)

    assert known.server in {"valkey", "redis"}
    assert int(known.version.split(".")[0]) >= 7
    assert (known.appendonly, known.appendfsync) == ("yes", "always")
    assert known.maxmemory_policy == "noeviction"


def test_facts_tolerate_a_server_that_keeps_its_configuration_to_itself(redis, store_server):
    redis.acl_setuser(
        "managed", enabled=True, nopass=True, commands=["+@all", "-config"], keys=["*"]
    )
    managed = connect(store_server.url.replace("unix://", "unix://managed:x@"))

    with pytest.raises(NoPermissionError):
        managed.config_get("appendfsync")
    known = facts(managed)

    redis.acl_deluser("managed")
    assert known.appendfsync is None
    assert known.appendonly == "yes"
    assert known.maxmemory_policy == "noeviction"


@pytest.mark.parametrize(
    ("store", "broker"),
    [
        ("redis://host:6379/3", "redis://host:6379/3"),
        ("rediss://:word@host/0", "rediss://:word@host/0"),
        ("unix:///run/a%20b.sock", "redis+socket:///run/a%20b.sock?virtual_host=0"),
        ("unix://:word@/run/s.sock?db=2", "redis+socket://:word@/run/s.sock?virtual_host=2"),
    ],
)
def test_the_broker_is_the_store_in_the_words_of_kombu(store, broker):
    assert broker_url(store) == broker
