"""A canary token and a canary key go every way there is, and are then looked for everywhere."""

import base64
import json
import secrets
import socket
import threading
import zlib
from contextlib import suppress
from itertools import chain
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from redis import Redis

from bulkhead.engine.embedded import find
from tests.e2e.product import until
from tests.e2e.typed import typed
from tests.fakes.sieve import Sieve

PEOPLE = "address,name\n" + "".join(f"bird{n}@example.com,Bird {n}\n" for n in range(40))
CONTROL = "bird7@example.com"
"""Stands packed in the store and its files, so finding it shows that the search gets there."""
LOOKS = (
    *("status", "doctor", "health", "config show", "workers list", "tenants list", "apps list"),
    *("apps show bird/nest", "jobs list"),
)


class Wire:
    """Everything that is sent to the store while it is open, Celery's messages included."""

    def __init__(self, path):
        self.seen = bytearray()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._socket.sendall(b"MONITOR\r\n")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while data := self._socket.recv(1 << 16):
            self.seen += data

    def close(self):
        """The lines as they were sent, with the monitor's escapes undone."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.close()
        return bytes(self.seen).decode("unicode_escape").encode("latin-1", "replace")


@pytest.fixture
def token():
    # Of digits, because letters may happen to spell a word that means something in an answer.
    return f"canary{secrets.randbelow(10**40):040}"


@pytest.fixture
def key():
    return "keycanary" + secrets.token_hex(20)


def every_spelling(secret):
    raw = secret.encode()
    packed = zlib.compress(json.dumps([["x", secret]]).encode(), 1)
    body = base64.b64encode(json.dumps({"kwargs": {"token": secret}}).encode())
    return {
        "raw": b"a" + raw + b"z",
        "upper case": raw.upper(),
        **{f"base64 at {n}": base64.b64encode(b"x" * n + raw + b"yy") for n in range(3)},
        **{f"urlsafe at {n}": base64.urlsafe_b64encode(b"?>" * n + raw) for n in range(3)},
        "hex": raw.hex().upper().encode(),
        "percent": "".join(f"%{byte:02X}" for byte in raw).encode(),
        "quoted": quote(f"token={secret}&", safe="").encode(),
        "json": json.dumps({"token": secret}).encode(),
        "escaped json": "".join(f"\\u{ord(letter):04x}" for letter in secret).encode(),
        "packed": b"\x78\x01junk" + packed,
        "celery message": json.dumps({"body": body.decode(), "headers": {}}).encode(),
        "packed in base64": base64.b64encode(packed),
        "base64 in base64": base64.b64encode(body),
    }


def test_the_search_finds_the_canary_in_every_form(token):
    missed = [
        name for name, planted in every_spelling(token).items() if not Sieve(token).finds(planted)
    ]

    assert missed == []
    other = every_spelling("canary" + secrets.token_hex(20))
    assert not any(Sieve(token).finds(planted) for planted in other.values())


READ = {
    "string": lambda redis, name: [redis.get(name)],
    "hash": lambda redis, name: chain.from_iterable(redis.hgetall(name).items()),
    "list": lambda redis, name: redis.lrange(name, 0, -1),
    "set": lambda redis, name: redis.smembers(name),
    "zset": lambda redis, name: redis.zrange(name, 0, -1),
}


def in_the_store(redis):
    """(where, bytes) of every key and of every value, of whatever type."""
    for name in redis.scan_iter(count=1000):
        yield f"key {name}", name
        kind = redis.type(name).decode()
        for value in READ[kind](redis, name) if kind in READ else ():
            yield f"{kind} {name}", value or b""


def in_the_files(home):
    for path in home.rglob("*"):
        if path.is_file() and path.name != "secret.key":
            with suppress(FileNotFoundError):  # the store has replaced it meanwhile
                yield f"file {path.name}", path.read_bytes()


def in_the_processes():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield f"process {path.parent.name}", path.read_bytes()
        except OSError:  # it has ended meanwhile
            continue


def control(sandbox, what, document):
    requests.post(f"{sandbox}/_sandbox/{what}", json=document, timeout=60).raise_for_status()


def fly(product, sandbox, token):
    """Every way a token goes: the bytes of all that was said, with the command that said it."""
    said = []

    def run(*words, stdin=""):
        done = typed(product, *words, stdin=stdin)
        said.append((" ".join(words), (done.out + done.err).encode()))
        return done

    imported = ("users", "import", "-", "--app", "bird/nest", "-o", "json", "--wait")
    control(sandbox, "apps", {"token": token})
    url = ("--base-url", f"{sandbox}/backend/", "--read-timeout", "2s", "--max-attempts", "3")
    run("tenants", "add", "bird")
    assert run("apps", "add", "bird/nest", *url, "--token-file", "-", stdin=token).code == 0
    run("apps", "add", "bird/nest", *url, "--token-file", "-", stdin=token)
    run("apps", "add", "bird/x", "--base-url", token, "--token-file", "-", stdin=token)
    echo = {"fault": "word", "error": f"NOPE {token} {token}"}
    rules = [{**echo, "every": 3}, {"fault": "html", "every": 5}, {"fault": "cut_json", "every": 7}]
    control(sandbox, "faults", rules)
    ended = run(*imported, "--progress", "json", stdin=PEOPLE)
    assert ended.code == 3, ended
    job = ended.json["id"]
    for verb in ("show", "results", "errors"):
        for form in ("json", "csv", "table"):
            run("jobs", verb, job, "-o", form)
    control(sandbox, "faults", [{**echo, "error": f"AUTHFAIL {token}"}])
    run("apps", "check", "bird/nest", "--timeout", "60s")
    control(sandbox, "faults", [])
    run("apps", "set", "bird/nest", "--token-file", "-", stdin=f"{token}wrong")
    stopped = run(*imported, "--timeout", "240s", stdin=PEOPLE)
    assert stopped.code == 10, stopped
    for words in LOOKS:
        run(*words.split(), "-o", "json")
        run(*words.split(), "-o", "table")
    return said


def test_the_canary_is_nowhere(product, token, key):
    level = {"BULKHEAD_LOG_LEVEL": "DEBUG", "BULKHEAD_LOG_ADDRESSES": "full"}
    product.environment |= {"BULKHEAD_SECRET_KEY": key, **level}
    up = product.up(workers=1)
    url = find(product.home)

    with Redis.from_url(url) as redis:
        wire = Wire(redis.connection_pool.connection_kwargs["path"])
        said = fly(product, up.sandbox, token)
        until(lambda: b"item_finished" in up.log.read_bytes())
        sent = wire.close()
        places = [
            *said,
            ("the wire", sent),
            *in_the_store(redis),
            *in_the_files(product.home),
            *in_the_processes(),
        ]

    assert b"bulkhead.slices" in sent
    reached = {where.split()[0] for where, data in places if Sieve(CONTROL).finds(data)}
    assert reached >= {"the", "string", "file", "jobs"}
    leaks = [
        where for where, data in places for sieve in (Sieve(token), Sieve(key)) if sieve.finds(data)
    ]
    assert leaks == []
