"""What the commands that make and list jobs take, and what they say of a job."""

import csv
import io
import json
import subprocess
import sys
from importlib.machinery import PathFinder

import pytest

from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import Scripts
from bulkhead.errors import InvalidInput
from bulkhead.model.app import AppSettings
from bulkhead.ordering import Options
from tests.command import KEY, ROOT, environment, typed

HEAVY = {
    *("celery", "kombu", "fastapi", "uvicorn", "structlog", "rich", "requests"),
    *("urllib3", "prometheus_client", "yaml", "httptools", "uvloop", "mesibo"),
    *("cryptography.hazmat", "bulkhead.payloads", "worker", "tasks"),
}
"""Each costs a command a tenth of a second or more, or brings along one that does."""
LOADED = """
import sys
from producers.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.fixture
def site(store_server, redis, home):
    fleet = Fleet(Scripts(redis))
    fleet.add_tenant("acme")
    for app in ("acme/shop", "acme/blog"):
        fleet.add_app(app, AppSettings("https://b.example/"), SealedToken("box", "1234", "f00d"))
    return {"redis_url": store_server.url, "secret_key": KEY, "home": home}


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("address\n" + "".join(f"user{n}\n" for n in range(90)))
    return str(path)


def document(run):
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize(
    ("given", "kept"), [("5/s", "5"), ("300/min", "5"), ("90/h", "0.025"), ("7", "7")]
)
def test_a_job_may_have_a_rate_of_its_own(site, redis, people, given, kept):
    made = document(typed("users", "import", people, "--app", "acme/shop", "--rate", given, **site))

    assert Jobs(Scripts(redis)).fields(made["id"])["rate"] == kept


def test_a_job_without_a_rate_has_none(site, redis, people):
    made = document(typed("users", "import", people, "--app", "acme/shop", **site))

    assert Jobs(Scripts(redis)).fields(made["id"])["rate"] == ""


def test_a_retry_and_a_call_may_have_a_rate_too(site, redis, people):
    words = ("--app", "acme/shop", "--no-wait", "--rate", "2/s")
    called = document(typed("call", "useradd", *words, **site))
    made = document(typed("users", "import", people, "--app", "acme/shop", **site))
    Jobs(Scripts(redis)).control(made["id"], "cancel")

    again = document(typed("jobs", "retry", made["id"], "--rate", "60/m", **site))

    fields = [Jobs(Scripts(redis)).fields(job["id"])["rate"] for job in (called, again)]
    assert fields == ["2", "1"]


@pytest.mark.parametrize("rate", ["fast", "0/s", "5/fortnight", "-1"])
def test_a_rate_that_is_none_is_refused_before_anything_is_read(site, people, rate):
    run = typed("users", "import", people, "--app", "acme/shop", f"--rate={rate}", **site)

    assert run.returncode == 2
    assert "20/s" in run.stderr


def test_a_quote_says_what_the_jobs_own_rate_costs(site, people):
    words = ("--app", "acme/shop", "--dry-run", "--rate", "2/s")

    takes = document(typed("users", "import", people, *words, **site))["duration"]

    assert takes["limited_by"] == "job_rate"
    assert takes["limit_per_s"] == 2
    assert takes["seconds"] == 44.5


def test_a_program_says_it_as_a_number_or_as_text():
    assert Options(rate=5).members()["rate"] == 5.0
    assert Options(rate="300/min").members()["rate"] == 5.0
    assert Options().members()["rate"] is None
    with pytest.raises(InvalidInput):
        Options(rate=0)


@pytest.mark.parametrize(("given", "borne"), [("100%", "90"), ("100.0%", "90"), ("10%", "9")])
def test_up_to_all_rows_may_be_let_fail(site, redis, people, given, borne):
    words = ("--app", "acme/shop", "--max-failures", given)

    made = document(typed("users", "import", people, *words, **site))

    assert Jobs(Scripts(redis)).fields(made["id"])["max_failures"] == borne


def test_more_than_all_rows_cannot_fail(site, people):
    words = ("--app", "acme/shop", "--max-failures", "101%")

    assert typed("users", "import", people, *words, **site).returncode == 2


def test_jobs_are_listed_by_app_and_by_state(site, redis, people):
    shop = [
        document(typed("users", "import", people, "--app", "acme/shop", **site))["id"]
        for _ in range(2)
    ]
    blog = document(typed("users", "import", people, "--app", "acme/blog", **site))["id"]
    Jobs(Scripts(redis)).control(shop[0], "cancel")

    def listed(*words):
        return [job["id"] for job in document(typed("jobs", "list", *words, **site))]

    assert listed("--app", "acme/shop") == [shop[1], shop[0]]
    assert listed("--state", "cancelled") == [shop[0]]
    assert listed("--state", "queued", "--limit", "1") == [blog]
    assert listed("--app", "acme/shop", "--state", "queued", "--state", "cancelled") == shop[::-1]
    assert listed("--app", "acme/blog", "--state", "paused") == []


def test_results_as_csv_hold_no_cell_that_a_spreadsheet_runs(site, redis, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text('address,custom_id\n=cmd()|x,"+1,2"\n"=a,b",@sum\n')
    made = document(typed("users", "import", str(path), "--app", "acme/shop", **site))
    Jobs(Scripts(redis)).control(made["id"], "cancel")

    run = typed("jobs", "results", made["id"], "-o", "csv", **site)
    plain = document(typed("jobs", "results", made["id"], "-o", "json", **site))

    rows = list(csv.DictReader(io.StringIO(run.stdout)))
    assert sorted(row["address"] for row in rows) == ["'=a,b", "'=cmd()|x"]
    assert {row["custom_id"] for row in rows} == {"'@sum", "'+1,2"}
    assert {row["key"]["address"] for row in plain} == {"=cmd()|x", "=a,b"}


@pytest.mark.parametrize(
    "words", ["jobs show", "jobs list", "jobs results", "status", "users import"]
)
def test_a_command_loads_nothing_heavy_that_it_does_not_use(site, people, words):
    job = document(typed("users", "import", people, "--app", "acme/shop", **site))["id"]
    more = {"users import": [people, "--app", "acme/blog"], "jobs list": [], "status": []}

    ran = subprocess.run(
        [sys.executable, "-c", LOADED, *words.split(), *more.get(words, [job])],
        env=environment(**site),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    loaded = set(ran.stderr.splitlines()[-1].split())
    assert ran.returncode == 0, ran.stderr
    assert {"producers.cli.main", "redis"} <= loaded
    assert HEAVY & loaded == set()


def test_the_list_of_what_is_heavy_names_modules_that_there_are():
    tops = {name.split(".")[0] for name in HEAVY}

    assert {top for top in tops if PathFinder.find_spec(top) is None} == set()
