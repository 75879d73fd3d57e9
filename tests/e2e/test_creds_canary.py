"""Credentials go wrong in every way there is, and their bytes are then looked for everywhere."""

import json
import secrets
from itertools import chain

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from redis import Redis

from bulkhead.engine.embedded import find
from tests.e2e.product import until
from tests.e2e.push_rig import Rig, parts_of
from tests.e2e.test_canary import Wire, in_the_files, in_the_processes, in_the_store
from tests.fakes.push_files import certificate, sha256
from tests.fakes.sieve import Sieve

PROVEN = ("--verify", "test-push", "--test-user", "probe@example.com", "--auto-rollback")


def account():
    """A service account with a key of its own, and nothing in it that is anybody's but its own."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "type": "service_account",
        "project_id": "canary-project",
        "private_key_id": secrets.token_hex(20),
        "private_key": text,
        "client_email": f"bird{secrets.token_hex(8)}@canary-project.example",
        "client_id": f"{secrets.randbelow(10**21):021}",
        "token_uri": "https://oauth2.googleapis.com/token",
        "nest": secrets.token_hex(20),
    }


def secrets_of(account):
    """What of it nobody may see again: its key in stretches, and members that identify it."""
    lines = account["private_key"].splitlines()[1:-1]
    return [*(line[10:50] for line in lines[::5]), *(account[n] for n in ("client_id", "nest"))]


def secrets_in(p12):
    """The private number of its key, its key as it lies there, and stretches of all of it."""
    key = load_pkcs12(p12, None).key
    number = key.private_numbers().private_value.to_bytes(32, "big")
    return [number, number[:20], *parts_of(p12)]


@pytest.fixture
def rig(product):
    product.environment |= {"BULKHEAD_LOG_LEVEL": "DEBUG", "BULKHEAD_LOG_ADDRESSES": "full"}
    return Rig(product)


def fly(rig, accounts, p12s):
    """Every way a credential goes, good and bad: what was said, and the command that said it."""
    old, new, bad = (
        rig.place(f"{name}.json", json.dumps(one).encode())
        for name, one in zip(("old", "new", "bad"), accounts, strict=True)
    )
    a, b = (rig.place(f"{name}.p12", content) for name, content in zip("ab", p12s, strict=True))
    cut = rig.place("cut.json", old.read_bytes()[:-40])
    app = rig.app(bad_push=[sha256(bad.read_bytes())])
    app.give_webhook()
    said = []

    def run(*words, code=0):
        done = app.typed(*words, code=code)
        said.append((" ".join(map(str, words[:2])), (done.out + done.err).encode()))
        return done

    def rotate(file, *words, kind="fcm", code=0):
        how = ("--apps", app.name, f"--{kind}", file, "--yes", "--wait", "--timeout", "100s")
        return run("creds", "rotate", *how, *words, "-o", "json", code=code).json["id"]

    def fault(**how):
        rig.faults({"op": "pushupload", "token": app.token, **how})

    run("creds", "upload", old, a, "--app", app.name, "--wait", "--timeout", "60s")
    run("creds", "inspect", old, a, cut, "-o", "table", code=9)
    run("creds", "rotate", "--apps", app.name, "--fcm", cut, "--yes", code=9)
    fault(fault="html", times=1)
    jobs = [rotate(new)]
    fault(fault="html")
    jobs.append(rotate(old, "--max-attempts", "2", code=3))
    echo = accounts[0]["private_key"]
    fault(fault="word", error=f"NOPE {echo} {accounts[0]['nest']}")
    jobs.append(rotate(old, "--force", code=3))
    rig.faults()
    jobs += [rotate(bad, *PROVEN, code=3), rotate(b, kind="apn")]
    for job in jobs:
        for words in (("results", "json"), ("results", "csv"), ("errors", "csv"), ("show", "json")):
            run("jobs", words[0], job, "-o", words[1])
    for words in (("history", app.name), ("status", "--app", app.name)):
        run("creds", *words, "-o", "json", code=0)
    for words in (("audit", "list"), ("errors", "list"), ("status",), ("jobs", "list")):
        run(*words, "-o", "json")
    return said


def test_no_credential_is_seen_after_everything_that_can_go_wrong(rig):
    accounts, p12s = [account() for _ in range(3)], [certificate(), certificate()]
    home = rig.product.home

    with Redis.from_url(find(home)) as redis:
        wire = Wire(redis.connection_pool.connection_kwargs["path"])
        said = fly(rig, accounts, p12s)
        until(lambda: '"item_finished"' in rig.logs())
        sent = wire.close()
        ours = {"old.json", "new.json", "bad.json", "cut.json", "a.p12", "b.p12"}
        files = (one for one in in_the_files(home) if one[0].removeprefix("file ") not in ours)
        places = [*said, ("the wire", sent), *in_the_store(redis), *files, *in_the_processes()]

    wanted = [*chain(*map(secrets_of, accounts)), *chain(*map(secrets_in, p12s))]
    found = {where.split()[0] for where, data in places if b"canary-project" in data}
    assert {"creds", "the", "file", "hash"} <= found
    assert len(wanted) > 30
    sieves = [Sieve(one) for one in wanted]
    leaks = {where for where, data in places for sieve in sieves if sieve.finds(data)}
    assert leaks == set()


def test_the_search_finds_stretches_of_a_file():
    p12, one = certificate(), account()

    assert all(Sieve(part).finds(b"x" * 5 + p12) for part in parts_of(p12))
    assert all(Sieve(part).finds(json.dumps(one).encode()) for part in secrets_of(one))
