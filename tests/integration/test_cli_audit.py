"""`bulkhead audit`: what a person must answer for is on it, and changes to it are found."""

import csv
import io
import json

import pytest

from bulkhead.engine.audit import Audit, who_we_are
from bulkhead.engine.audit_chain import AuditKeys
from bulkhead.engine.audit_writer import AuditWriter, Deed
from bulkhead.engine.script import Scripts
from bulkhead.secrets import Secret, fingerprint
from tests.command import KEY, environment, in_process, typed

URL = "https://backend.example/"
TOKEN, OTHER = "a" * 44 + "0001", "b" * 44 + "0002"


@pytest.fixture
def site(store_server, redis, home):
    del redis
    return {"redis_url": store_server.url, "secret_key": KEY, "home": home}


@pytest.fixture
def run(site, monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    monkeypatch.setenv("OTHER_TOKEN", OTHER)

    def command(*words):
        return typed(*words, **site)

    return command


@pytest.fixture
def shop(run):
    """acme/shop, made as a person makes it."""
    assert run("tenants", "add", "acme", "--max-open-jobs", "9").returncode == 0
    words = ("--base-url", URL, "--token-env", "SHOP_TOKEN")
    assert run("apps", "add", "acme/shop", *words).returncode == 0
    return "acme/shop"


def listed(run, *words):
    done = run("audit", "list", *words, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def verified(run, *words):
    done = run("audit", "verify", *words, "-o", "json")
    return done.returncode, json.loads(done.stdout), done.stderr


def test_what_is_done_to_an_app_is_told_with_who_and_fingerprint_the_newest_first(run, shop):
    commands = (
        ("apps", "set", shop, "--rate", "40/s", "--token-env", "OTHER_TOKEN"),
        ("apps", "pause", shop, "--why", "the bill"),
        ("apps", "resume", shop),
        ("apps", "remove", shop, "--yes"),
        ("tenants", "set", "acme", "--weight", "2"),
        ("tenants", "pause", "acme", "--why", "holiday"),
        ("tenants", "resume", "acme"),
        ("tenants", "remove", "acme", "--yes"),
    )
    for words in commands:
        done = run(*words)
        assert done.returncode == 0, done.stderr

    entries = listed(run)

    assert [entry["action"] for entry in entries] == [
        *(".".join(words[:2]) for words in reversed(commands)),
        "apps.add",
        "tenants.add",
    ]
    assert {entry["who"] for entry in entries} == {who_we_are()}
    told = {entry["action"]: entry for entry in entries}
    assert told["tenants.add"]["about"] == {"weight": "1", "quotas": "max_open_jobs=9"}
    assert told["apps.add"]["fingerprint"] == fingerprint(Secret(TOKEN))
    assert told["apps.add"]["about"] == {"token": "…0001", "base_url": URL}
    assert told["apps.set"]["fingerprint"] == fingerprint(Secret(OTHER))
    assert told["apps.set"]["about"] == {"token": "…0002", "changes": "rate 20 → 40"}
    assert told["apps.pause"]["about"] == {"why": "the bill"}
    assert told["apps.remove"]["fingerprint"] == fingerprint(Secret(OTHER))
    assert {entry["tenant"] for entry in entries} == {"acme"}
    assert TOKEN not in str(entries)
    assert verified(run)[0] == 0


def test_a_fleet_file_is_told_app_by_app_and_a_dry_run_not_at_all(run, shop, home):
    file = home / "FLEET.yaml"
    app = f"base_url: {URL}\n    token_env: "
    file.write_text(
        f"apps:\n  acme/shop:\n    {app}SHOP_TOKEN\n    rate: 50/s\n"
        f"  zeta/store:\n    {app}OTHER_TOKEN\n"
    )
    before = len(listed(run))

    assert run("apps", "apply", str(file), "--dry-run").returncode == 0
    unchanged = len(listed(run))
    assert run("apps", "apply", str(file)).returncode == 0
    entries = listed(run)
    assert run("apps", "apply", str(file)).returncode == 0

    assert unchanged == before
    assert len(listed(run)) == len(entries)
    told = {(entry["action"], entry["app"] or entry["tenant"]) for entry in entries[:-before]}
    assert told == {("tenants.add", "zeta"), ("apps.add", "zeta/store"), ("apps.set", shop)}
    assert {entry["about"]["by"] for entry in entries[:-before]} == {"apps apply"}
    assert entries[0]["about"]["changes"] == "rate 20 → 50"


def test_a_password_in_a_proxys_address_is_not_told(run, shop):
    assert run("apps", "set", shop, "--proxy", "http://ann:hunter2@proxy.example:1").returncode == 0

    (entry,) = listed(run, "--action", "apps.set")

    assert entry["about"]["changes"] == "proxy none → http://ann:***@proxy.example:1"


def test_what_was_refused_before_anything_was_done_is_not_told(run, shop):
    before = len(listed(run))

    refused = (
        run("apps", "set", shop),
        run("apps", "set", "acme/none", "--rate", "1/s"),
        run("apps", "pause", "acme/none"),
        run("apps", "remove", shop),
        run("tenants", "pause", "none"),
        run("errors", "map", "ROOMFULL=nonsense"),
        run("errors", "map", "TOKENBREACH=auth"),
        run("jobs", "cancel", "--all", "--app", "acme/none", "--yes"),
        run("submissions", "dead", "drop", "dead_0", "--yes"),
    )

    assert [done.returncode for done in refused if done.returncode == 0] == []
    assert len(listed(run)) == before


def test_words_that_are_mapped_or_taken_back_are_told(run, shop):
    run("errors", "map", "ROOMFULL=throttled")
    run("errors", "map", "--remove", "ROOMFULL")

    taken, said = listed(run, "--action", "errors.map")

    assert said["about"] == {"word": "ROOMFULL", "meaning": "throttled"}
    assert taken["about"] == {"word": "ROOMFULL", "removed": "yes"}


def test_a_brake_on_all_jobs_is_told_with_what_narrowed_it(run, shop):
    assert run("jobs", "cancel", "--all", "--app", shop, "--why", "wrong file").returncode == 0
    assert run("jobs", "pause", "--all").returncode == 0

    paused, cancelled = listed(run, "--action", "jobs")

    assert (cancelled["action"], cancelled["app"]) == ("jobs.cancel", shop)
    assert cancelled["about"] == {"why": "wrong file", "open_jobs": "0"}
    assert (paused["action"], paused["app"]) == ("jobs.pause", None)


def test_a_rotation_is_told_with_the_new_tokens_fingerprint(run, shop, site):
    words = ("apps", "rotate-token", shop, "--token-file", "-", "--timeout", "1ms")

    done = in_process(words, environment(**site), stdin=OTHER)

    assert done.returncode == 8
    (entry,) = listed(run, "--action", "apps.rotate-token")
    assert (entry["app"], entry["fingerprint"]) == (shop, fingerprint(Secret(OTHER)))


def test_a_change_of_the_secret_key_is_told_and_both_keys_prove_the_chain(run, shop, site):
    new = {**site, "secret_key": "n" * 40, "secret_key_old": KEY}

    resealed = typed("apps", "reseal", **new)
    typed("tenants", "set", "acme", "--weight", "3", **new)
    both = typed("audit", "verify", "-o", "json", **new)
    alone = typed("audit", "verify", "-o", "json", **{**site, "secret_key": "n" * 40})

    assert resealed.returncode == 0, resealed.stderr
    assert listed(run)[1]["action"] == "apps.reseal"
    assert (both.returncode, json.loads(both.stdout)["checked"]) == (0, 4)
    assert alone.returncode == 3
    assert "which is not here" in alone.stderr


def test_a_brake_does_not_wait_for_the_right_key_and_the_wrong_one_is_named(run, shop, site):
    stray = {**site, "secret_key": "s" * 40}

    braked = typed("jobs", "cancel", "--all", "--yes", **stray)
    code, found, _ = verified(run)

    assert braked.returncode == 0, braked.stderr
    assert (code, found["checked"]) == (3, 2)
    assert "which is not here" in found["misfit"]["why"]


def test_a_list_is_narrowed_by_app_action_age_and_number(run, shop, redis):
    run("apps", "set", shop, "--rate", "40/s")
    run("apps", "set", shop, "--rate", "41/s")
    old = {"who": "ann@host", "action": "tokens.read", "app": "acme/gone"}
    name = Scripts(redis).key("audit")
    entries = redis.xrange(name)
    redis.delete(name)
    redis.xadd(name, old, id="1-1")
    for entry, fields in entries:
        redis.xadd(name, fields, id=entry)

    assert len(listed(run, "--app", shop)) == 3
    assert len(listed(run, "--action", "apps")) == 3
    assert listed(run, "--action", "app") == []
    assert [one["about"]["changes"] for one in listed(run, "--limit", "1")] == ["rate 40 → 41"]
    assert listed(run)[-1]["app"] == "acme/gone"
    assert len(listed(run, "--since", "1h")) == len(listed(run)) - 1
    assert listed(run, "--app", "acme/gone")[0]["at"] == "1970-01-01T00:00:00.001Z"


def test_every_form_has_every_entry(run, shop):
    run("apps", "pause", shop, "--why", "=1+1")

    lines = run("audit", "list", "-o", "jsonl").stdout.splitlines()
    rows = list(csv.DictReader(io.StringIO(run("audit", "list", "-o", "csv").stdout)))
    table = run("audit", "list", "-o", "table").stdout

    assert [json.loads(line)["action"] for line in lines] == [row["action"] for row in rows]
    assert [row["number"] for row in rows] == ["3", "2", "1"]
    assert json.loads(rows[0]["about"]) == {"why": "=1+1"}
    assert len(table.splitlines()) == 4
    assert "why: =1+1" in table


def test_a_changed_entry_is_named_and_what_follows_can_be_checked_alone(run, shop, redis):
    run("apps", "pause", shop)
    name = Scripts(redis).key("audit")
    entries = redis.xrange(name)
    redis.delete(name)
    for number, (entry, fields) in enumerate(entries):
        redis.xadd(name, fields | ({b"who": b"bob@host"} if number == 1 else {}), id=entry)

    code, found, advice = verified(run)
    shown = run("audit", "verify", "-o", "table")
    rest = verified(run, "--after", found["misfit"]["id"])

    assert (code, found["whole"], found["checked"]) == (3, False, 1)
    assert found["misfit"]["id"] == entries[1][0].decode()
    assert f"--after {found['misfit']['id']}" in advice
    assert shown.returncode == 3
    assert "does not follow" in shown.stdout
    assert (rest[0], rest[1]["checked"]) == (0, 1)


def test_a_noted_head_is_found_again_until_the_end_is_taken_away(run, shop, redis):
    head = verified(run)[1]["head"]
    run("apps", "pause", shop)

    there = verified(run, "--head", head.upper())
    redis.delete(Scripts(redis).key("audit"), Scripts(redis).key("audit", "head"))
    gone = verified(run, "--head", head)

    assert (there[0], there[1]["number"]) == (0, 3)
    assert there[1]["noted_head_at"] is not None
    assert (gone[0], gone[1]["whole"], gone[1]["misfit"]) == (3, False, None)
    assert "taken away at its end" in gone[2]


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--head", "abc"), 2), (("--after", "yesterday"), 2), (("--after", "5-5"), 2)],
)
def test_a_word_that_is_no_hash_or_no_entry_is_a_usage_problem(run, words, code):
    done = run("audit", "verify", *words)

    assert done.returncode == code
    assert done.stdout == ""
    assert "to do:" in done.stderr


def test_an_empty_audit_is_whole(run):
    code, found, _ = verified(run)

    assert (code, found["whole"], found["checked"], found["head"]) == (0, True, 0, None)
    assert listed(run) == []


def test_a_list_longer_than_a_page_is_told_without_a_gap(run, redis):
    scripts = Scripts(redis)
    deeds = [Deed("apps.set", {"app": "acme/shop", "changes": str(n)}) for n in range(1203)]
    AuditWriter(scripts, AuditKeys(KEY)).add_all("ann@host", deeds)

    told = [int(entry["about"]["changes"]) for entry in listed(run)]

    assert told == list(range(1202, -1, -1))
    assert verified(run)[1]["checked"] == len(list(Audit(scripts).entries())) == 1203
