"""`apps apply`: one file makes the fleet, again changes nothing, and a mistake changes nothing."""

import json
import re
import sys
import time

import pytest

from bulkhead.box import Box
from bulkhead.engine.draft import Draft, Request
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.script import Scripts
from bulkhead.model.batch import Batch
from tests.command import KEY, ROOT, typed

PAGE = ROOT / "docs" / "how-to" / "run-a-fleet.md"
URL = "https://backend.example/"
TOKEN = "a" * 44 + "0001"
OTHER = "b" * 44 + "0002"


@pytest.fixture
def site(store_server, redis, home):
    del redis
    return {"redis_url": store_server.url, "secret_key": KEY, "home": home}


@pytest.fixture
def fleet(redis):
    return Fleet(Scripts(redis))


@pytest.fixture
def apply(site, home, monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)

    def run(content, *words):
        file = home / "FLEET.yaml"
        file.write_text(content, "utf-8")
        return typed("apps", "apply", str(file), *words, **site)

    return run


def one(rate="20/s", more=""):
    start = f"apps:\n  acme/shop:\n    base_url: {URL}\n    token_env: SHOP_TOKEN\n"
    return f"{start}    rate: {rate}\n{more}"


def test_the_file_of_the_page_makes_the_fleet_it_shows(site, home, fleet, monkeypatch):
    (home / "FLEET.yaml").write_text(
        re.search(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.S)[1]
    )
    (home / "tokens").mkdir()
    (home / "tokens" / "acme-blog").write_text(TOKEN + "\n")
    monkeypatch.setenv("ACME_SHOP_TOKEN", OTHER)
    monkeypatch.setenv("ZETA_STORE_TOKEN", TOKEN)
    words = ("apps", "apply", str(home / "FLEET.yaml"))

    planned = typed(*words, "--dry-run", "-o", "table", **site)
    assert planned.returncode == 0, planned.stderr
    assert fleet.apps() == []
    done = typed(*words, **site)
    again = typed(*words, "-o", "table", **site)

    assert len(planned.stdout.splitlines()) == 5
    assert json.loads(done.stdout)["added"] == ["acme/shop", "acme/blog", "zeta/store"]
    assert again.stdout == ""
    assert "no change; 3 apps" in again.stderr
    shop, blog, store = fleet.app("acme/shop"), fleet.app("acme/blog"), fleet.app("zeta/store")
    assert (shop.settings.rate, blog.settings.rate) == (50.0, 20.0)
    assert (shop.settings.classes, shop.settings.senders) == ({"message": 5.0}, ("news",))
    assert store.settings.labels == {"env": "prod", "team": "growth"}
    assert store.settings.give_up_after == 7200.0
    assert fleet.tenant("acme").weight == 2.0
    opened = Box(KEY).open(fleet.token_box("acme/blog"), "acme/blog")
    assert opened.decode() == TOKEN
    assert not [run for run in (planned, done, again) if TOKEN in run.stdout + run.stderr]


def test_a_changed_setting_and_a_changed_token_are_a_line_each(apply, fleet, monkeypatch):
    apply(one())
    before = fleet.app("acme/shop")

    faster = apply(one("30/s"), "-o", "table")
    monkeypatch.setenv("SHOP_TOKEN", OTHER)
    turned = apply(one("30/s"))

    assert faster.stdout == "~ acme/shop  rate 20 → 30\n"
    assert json.loads(turned.stdout)["changed"] == [
        {"app": "acme/shop", "changes": {"token": "…0001 → …0002"}}
    ]
    assert fleet.app("acme/shop").fingerprint != before.fingerprint
    assert int(fleet.app("acme/shop").version) == int(before.version) + 2


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (one(more="    max_in_flihgt: 9\n"), 6, "did you mean max_in_flight?"),
        (one("often"), 5, "20/s"),
        (one(more="    burst: 0\n"), 6, "whole number"),
        (one(more="    retry_longest: 1ms\n"), 3, "--retry-first"),
        (one(more="    rate: 1/s\n"), 6, "stood in line 5"),
        ("ap:\n  x: 1\n", 1, "did you mean apps?"),
        (
            "apps:\n  a/b: {base_url: 'https://x.example/', token_env: NOT_THERE}\n",
            2,
            "NOT_T",
        ),
        ("apps:\n  acme/shop:\n   a: b: c\n", 3, "not YAML"),
        ("apps: [acme/shop]\n", 1, "base_url"),
        ("tenants: {acme: {apps: {zeta/shop: {}}}}\n", 1, "below tenant acme"),
        ("cells: {east: }\n" + one(), 4, "cell main"),
        ("", 1, "empty"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_changes_nothing(apply, fleet, content, line, says):
    wrong = apply(content)

    assert wrong.returncode == 9, wrong.stderr
    assert len(wrong.stderr.splitlines()) == 3, wrong.stderr
    assert f"FLEET.yaml, line {line}:" in wrong.stderr
    assert says in wrong.stderr
    assert wrong.stdout == ""
    assert (fleet.apps(), fleet.tenants()) == ([], [])


def test_an_app_that_exists_needs_no_token_in_the_file_and_a_new_one_does(apply, fleet):
    apply(one())
    bare = one("5/s").replace("    token_env: SHOP_TOKEN\n", "")

    known = apply(bare)
    new = apply(bare + f"  acme/blog: {{base_url: '{URL}'}}\n")

    assert json.loads(known.stdout)["changed"][0]["changes"] == {"rate": "20 → 5"}
    assert new.returncode == 9
    assert "acme/blog would be new and has no token" in new.stderr
    assert len(fleet.apps()) == 1


def test_prune_removes_what_the_file_has_not_and_refuses_what_has_open_jobs(apply, fleet, redis):
    apply(one() + f"  zeta/old: {{base_url: '{URL}', token_env: SHOP_TOKEN}}\n")
    draft = Draft(Scripts(redis), Request("users.import", "zeta", "zeta/old", mapping={}))
    draft.take(Batch([1], [["ann"]], {}))
    job = draft.seal({"rows": 1})

    busy = apply(one(), "--prune", "--yes")
    Scripts(redis).run("control", "job", job, "cancel", "", "user", "")
    asked = apply(one(), "--prune")
    kept = [app.id for app in fleet.apps()]
    done = apply(one(), "--prune", "--yes")

    assert (busy.returncode, asked.returncode, done.returncode) == (7, 6, 0)
    assert "zeta/old cannot be removed" in busy.stderr
    assert kept == ["acme/shop", "zeta/old"]
    answer = json.loads(done.stdout)
    assert (answer["removed"], answer["tenants"]["removed"]) == (["zeta/old"], ["zeta"])
    assert [app.id for app in fleet.apps()] == ["acme/shop"]


def test_a_cell_that_would_bring_a_sixth_address_is_refused(apply, fleet, redis):
    cells = "cells: {main: {egress: [nat-5, nat-6]}}\n"
    apply(cells + one())
    redis.sadd("{bulkhead}:app:acme/shop:egress", "nat-1", "nat-2", "nat-3", "nat-4")

    refused = apply(cells + one("9/s"))

    assert refused.returncode == 7
    assert "6 public addresses" in refused.stderr
    assert fleet.app("acme/shop").settings.rate == 20.0


def test_three_hundred_apps_come_from_one_file(site, home, fleet):
    (home / "tokens").mkdir()
    lines = [f"defaults: {{base_url: '{URL}', labels: {{env: prod}}}}", "apps:"]
    for number in range(300):
        (home / "tokens" / f"t{number}").write_text(f"{number:048d}")
        lines.append(f"  t{number % 20}/app{number}: {{token_file: tokens/t{number}, rate: 9/s}}")
    file = home / "FLEET.yaml"
    file.write_text("\n".join(lines))
    words = ("apps", "apply", str(file))

    started = time.monotonic()
    made = typed(*words, **site)
    middle = time.monotonic()
    again = typed(*words, **site)
    ended = time.monotonic()
    (home / "tokens" / "t7").write_text("f" * 48)
    turned = typed(*words, "-o", "table", **site)

    assert made.returncode == 0, made.stderr
    assert len(json.loads(made.stdout)["added"]) == len(fleet.apps()) == 300
    answer = json.loads(again.stdout)
    assert (answer["added"], answer["changed"], answer["unchanged"]) == ([], [], 300)
    assert turned.stdout == "~ t7/app7  token …0007 → …ffff\n"
    sys.stdout.write(
        f"\n    measured: 300 apps applied in {middle - started:.2f} s, "
        f"again without a change in {ended - middle:.2f} s\n"
    )
