"""Commands that look: what they print where, and how they end."""

import csv
import io
import json
import socket
import subprocess
import sys

import pytest

from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.script import Scripts
from bulkhead.engine.verbs import Verbs
from bulkhead.model.app import AppSettings
from bulkhead.model.code import CODES
from bulkhead.settings import Settings
from tests.command import KEY, ROOT, environment, typed

NOWHERE = "redis://:hunter2hunter2@127.0.0.1:1/0"
CHECKS = (
    *("python", "settings", "home", "secret_key", "realtime_package", "store_server"),
    *("store", "store_log", "store_sync", "store_memory", "store_eviction"),
    *("store_hz", "store_replicas", "clock", "egress_name", "egress_limit"),
)


@pytest.fixture
def site(store_server, redis, home):
    """The settings of a site whose store is empty."""
    return {"redis_url": store_server.url, "secret_key": KEY, "home": home}


def beat(redis, name, host, egress="default"):
    """A beat that lasts for the test, however slow the machine is."""
    facts = {"host": host, "pid": "1", "cell": "main", "egress": egress, "slots": "64"}
    flat = [part for pair in facts.items() for part in pair]
    Scripts(redis).run("beat", name, 600, *flat)


def add_app(redis, name, egress=()):
    fleet = Fleet(Scripts(redis))
    tenant = name.split("/")[0]
    if tenant not in [known.name for known in fleet.tenants()]:
        fleet.add_tenant(tenant)
    fleet.add_app(
        name, AppSettings(base_url="http://127.0.0.1:1/"), SealedToken("box", "abcd", "f")
    )
    for address in egress:
        redis.sadd(f"{{bulkhead}}:app:{name}:egress", address)
    return fleet


def checks_of(run):
    return {check["check"]: check for check in json.loads(run.stdout)["checks"]}


def test_version_names_what_we_stand_on_without_a_store(home):
    run = typed("version", "-o", "json", home=home)

    assert run.returncode == 0
    assert set(json.loads(run.stdout)) == {"version", "python", "celery", "redis_client", "mesibo"}
    assert run.stderr == ""


def test_version_never_loads_the_mesibo_package(home):
    code = (
        "import sys; from producers.cli import main\n"
        "try: main(['version'])\n"
        "finally: assert not {'mesibo', 'redis', 'celery'} & set(sys.modules)"
    )

    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(home=home),
        capture_output=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr


def test_config_show_names_every_setting_masked_and_says_who_set_it(home):
    run = typed(
        "config", "show", "-o", "json", redis_url=NOWHERE, secret_key=KEY, home=home, egres="x"
    )

    shown = json.loads(run.stdout)
    assert run.returncode == 0
    assert set(shown) == {f"BULKHEAD_{name.upper()}" for name in Settings.model_fields}
    assert shown["BULKHEAD_SECRET_KEY"] == {"value": "***", "from": "environment"}
    assert shown["BULKHEAD_CELL"] == {"value": "main", "from": "default"}
    assert "hunter2" not in run.stdout + run.stderr
    assert "did you mean BULKHEAD_EGRESS?" in run.stderr


def test_errors_list_is_the_closed_list(home):
    run = typed("errors", "list", "-o", "csv", home=home)

    rows = list(csv.DictReader(io.StringIO(run.stdout)))
    assert run.returncode == 0
    assert [row["code"] for row in rows] == list(CODES)
    assert set(rows[0]) == {"code", "level", "retryable", "meaning", "fix"}


def test_health_is_well_when_a_worker_of_this_host_lives(site, redis):
    beat(redis, "w1", socket.gethostname())

    run = typed("health", "-o", "json", **site)

    assert run.returncode == 0
    assert json.loads(run.stdout)["ok"] is True
    assert run.stderr == ""


def test_another_hosts_worker_does_not_vouch_for_this_one(site, redis):
    beat(redis, "w1", "elsewhere")

    here = typed("health", "-o", "json", **site)
    anywhere = typed("health", "--anywhere", "-o", "json", **site)

    assert here.returncode == 1
    assert json.loads(here.stdout)["ok"] is False
    assert json.loads(here.stdout)["workers"] == 1
    assert "no live worker on this host" in here.stderr
    assert anywhere.returncode == 0


def test_a_worker_that_said_good_bye_is_not_alive(site, redis):
    beat(redis, "w1", socket.gethostname())
    Verbs(Scripts(redis), "w1", cell="main", egress="default").leave()

    assert typed("health", **site).returncode == 1


@pytest.mark.parametrize("command", [("health",), ("status",), ("workers", "list")])
def test_a_store_that_does_not_answer_is_exit_11_in_three_lines(command, home):
    run = typed(*command, redis_url=NOWHERE, secret_key=KEY, home=home)

    lines = run.stderr.splitlines()
    assert run.returncode == 11
    assert [line.split(":")[0] for line in lines] == ["error", "why", "to do"]
    assert "127.0.0.1:1" in run.stderr
    assert "hunter2" not in run.stdout + run.stderr


def test_health_prints_its_object_even_when_the_store_is_away(home):
    run = typed("health", "-o", "json", redis_url=NOWHERE, secret_key=KEY, home=home)

    assert json.loads(run.stdout)["store"] == "unreachable"


def test_status_says_which_apps_are_held_up_and_what_comes_next(site, redis):
    fleet = add_app(redis, "acme/shop")
    add_app(redis, "acme/blog")
    fleet.control("app", "acme/shop", "pause", "stocktaking")
    beat(redis, "w1", "h1")

    run = typed("status", "-o", "json", **site)

    seen = json.loads(run.stdout)
    assert run.returncode == 0
    assert seen["apps"] == 2
    [held_up] = seen["apps_held_up"]
    assert (held_up["app"], held_up["state"], held_up["why"]) == (
        "acme/shop",
        "paused",
        "stocktaking",
    )
    assert held_up["next"] == "bulkhead apps resume acme/shop"
    assert held_up["since"]
    assert [worker["worker"] for worker in seen["workers"]] == ["w1"]
    assert seen["store"]["memory_used"] > 0
    assert seen["open_jobs"] == {}
    assert run.stderr == ""


def test_status_counts_open_jobs_by_state_and_no_ended_one(site, redis):
    add_app(redis, "acme/shop")
    for job, state in (("j1", "running"), ("j2", "running"), ("j3", "paused"), ("j4", "completed")):
        fields = {"tenant": "acme", "app": "acme/shop", "state": state, "total": 1}
        redis.hset(f"{{bulkhead}}:job:{job}", mapping=fields)
        redis.zadd("{bulkhead}:jobs", {job: 1})
        if state != "completed":
            redis.sadd("{bulkhead}:app:acme/shop:open", job)

    seen = json.loads(typed("status", "-o", "json", **site).stdout)

    assert seen["open_jobs"] == {"paused": 1, "running": 2}


def test_status_tells_how_long_due_work_has_waited(site, redis):
    seconds, _ = redis.time()
    redis.zadd("{bulkhead}:wait", {"a:acme/shop": (seconds - 60) * 1e6})

    seen = json.loads(typed("status", "-o", "json", **site).stdout)

    assert seen["waiting"] == 1
    assert 59 <= seen["oldest_due_s"] < 600


def test_status_as_a_table_shows_the_same_things(site, redis):
    beat(redis, "w1", "h1")

    run = typed("status", "-o", "table", **site)

    assert run.returncode == 0
    assert "workers   1 live" in run.stdout
    assert "w1" in run.stdout


def test_watching_off_a_terminal_prints_an_object_a_line_until_interrupted(site, eventually, home):
    watched = home / "watched"
    with watched.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "producers.cli", "status", "--watch"],
            env=environment(**site),
            cwd=ROOT,
            stdout=out,
        )
        try:
            eventually(lambda: len(watched.read_text().splitlines()) >= 2)
            process.send_signal(2)
            code = process.wait(timeout=120)
        finally:
            process.kill()

    assert code == 130
    assert all("open_jobs" in json.loads(line) for line in watched.read_text().splitlines())


def test_workers_list_prints_one_array(site, redis):
    beat(redis, "w1", "h1", egress="fra-1")

    run = typed("workers", "list", "-o", "json", **site)

    [worker] = json.loads(run.stdout)
    assert (worker["worker"], worker["host"], worker["egress"]) == ("w1", "h1", "fra-1")
    assert worker["live"] is True


def test_doctor_needs_no_store_and_keeps_its_order(home):
    run = typed("doctor", "-o", "json", home=home)

    assert run.returncode == 0
    assert tuple(checks_of(run)) == CHECKS
    assert checks_of(run)["store"]["state"] == "warning"


def test_doctor_ends_with_11_when_the_store_it_was_given_is_away(home):
    run = typed("doctor", "-o", "json", redis_url=NOWHERE, home=home)

    checks = checks_of(run)
    assert run.returncode == 11
    assert tuple(checks) == CHECKS
    assert checks["store"]["state"] == "error"
    assert checks["secret_key"]["state"] == "error"
    assert "hunter2" not in run.stdout + run.stderr


def test_doctor_finds_nothing_wrong_with_the_embedded_store(site):
    run = typed("doctor", "-o", "json", **site)

    states = {name: check["state"] for name, check in checks_of(run).items()}
    assert run.returncode == 0
    assert set(states.values()) <= {"ok", "warning"}
    assert [name for name, state in states.items() if state == "warning"] in (
        [],
        ["realtime_package"],
    )


def test_doctor_says_what_an_unsafe_store_can_lose(site, redis):
    before = {
        name: redis.config_get(name)[name]
        for name in ("appendfsync", "maxmemory", "maxmemory-policy")
    }
    redis.config_set("appendfsync", "everysec")
    redis.config_set("maxmemory", 0)
    redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        run = typed("doctor", "-o", "json", **site)
        redis.config_set("appendfsync", "no")
        worse = typed("doctor", "-o", "json", **site)
    finally:
        for name, value in before.items():
            redis.config_set(name, value)

    checks = checks_of(run)
    assert run.returncode == 1
    assert checks["store_sync"]["state"] == "warning"
    assert "up to one second of accepted work" in checks["store_sync"]["says"]
    assert checks["store_memory"]["state"] == "error"
    assert checks["store_eviction"]["state"] == "error"
    assert checks_of(worse)["store_sync"]["state"] == "error"


def test_doctor_warns_of_a_store_that_ends_waits_late_and_of_one_that_does_not_say(site, redis):
    redis.config_set("hz", 10)
    redis.execute_command("ACL SETUSER shy on >quiet ~* &* +@all -config -info")
    unsaid = {**site, "redis_url": site["redis_url"].replace("unix://", "unix://shy:quiet@")}
    try:
        late = typed("doctor", "-o", "json", **site)
        redis.config_set("hz", 50)
        enough = typed("doctor", "-o", "json", **site)
        silent = typed("doctor", "-o", "json", **unsaid)
    finally:
        redis.config_set("hz", 100)
        redis.execute_command("ACL DELUSER shy")

    warned = checks_of(late)["store_hz"]
    assert (late.returncode, warned["state"]) == (0, "warning")
    assert "up to 100 ms late" in warned["says"]
    assert "hz 100" in warned["to_do"]
    assert checks_of(enough)["store_hz"]["state"] == "ok"
    assert checks_of(silent)["store_hz"]["state"] == "warning"
    assert "does not say" in checks_of(silent)["store_hz"]["says"]


def test_doctor_says_that_the_stores_clock_was_set_back(site, redis):
    beat(redis, "w1", "h1")
    ahead = int(redis.get("{bulkhead}:clock")) + 20_000_000
    redis.set("{bulkhead}:clock", ahead)
    beat(redis, "w1", "h1")

    check = checks_of(typed("doctor", "-o", "json", **site))["clock"]

    assert check["state"] == "warning"
    assert "set back" in check["says"]
    assert "a tenth slower" in check["says"]


def test_doctor_warns_of_unnamed_addresses_and_of_the_fifth_one(site, redis):
    add_app(redis, "acme/shop", egress=("a", "b", "c", "d"))
    beat(redis, "w1", "h1")
    beat(redis, "w2", "h2")

    checks = checks_of(typed("doctor", "-o", "json", **site))

    assert checks["egress_name"]["state"] == "warning"
    assert "h1, h2" in checks["egress_name"]["says"]
    assert checks["egress_limit"]["state"] == "warning"
    assert "acme/shop (4)" in checks["egress_limit"]["says"]


def test_doctor_suggests_the_name_that_was_meant(home):
    run = typed("doctor", "-o", "json", home=home, egres="x")

    check = checks_of(run)["settings"]
    assert check["state"] == "warning"
    assert "did you mean BULKHEAD_EGRESS?" in check["says"]


def test_settings_that_are_not_valid_stop_no_other_check(home):
    run = typed("doctor", "-o", "json", home=home, redis_url="http://x")

    checks = checks_of(run)
    assert run.returncode == 1
    assert tuple(checks) == CHECKS
    assert checks["settings"]["state"] == "error"


def test_doctor_sees_a_home_that_cannot_be_one(tmp_path):
    (tmp_path / "file").write_text("")

    run = typed("doctor", "-o", "json", home=tmp_path / "file" / "home")

    assert run.returncode == 1
    assert checks_of(run)["home"]["state"] == "error"
