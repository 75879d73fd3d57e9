"""Later, not for ever, not at any price: `--at`, `--max-failures`, quotas, and brakes for all."""

import json

import pytest

from tests.e2e.product import free_port, until
from tests.e2e.typed import typed


@pytest.fixture
def app(site, request):
    """An app of a tenant of its own, with a quick limit."""
    tenant = f"t{abs(hash(request.node.name)) % 10**8}"
    assert typed(site, "tenants", "add", tenant).code == 0
    name = f"{tenant}/shop"
    done = typed(
        *(site, "apps", "add", name, "--base-url", f"http://127.0.0.1:{free_port()}/"),
        *("--token-env", "APP_TOKEN", "-o", "json"),
        APP_TOKEN="0123456789abcdef",
    )
    assert done.code == 0, done
    return name


def imported(site, app, *words, rows="ann@example.com\nbob@example.com"):
    given = ("--app", app, "-o", "json", *words)
    return typed(site, "users", "import", "-", *given, stdin=f"address\n{rows}\n")


def test_a_job_for_later_is_scheduled_and_says_when(site, app):
    done = imported(site, app, "--at", "2096-12-24T09:00[Europe/Berlin]")

    assert done.code == 0, done
    assert done.json["state"] == "scheduled"
    assert done.json["times"]["at"] == "2096-12-24T08:00:00.000Z"
    assert done.json["pace"]["limited_by"] == "schedule"
    cancelled = typed(site, "jobs", "cancel", done.json["id"], "-o", "json").json
    assert cancelled["counts"]["cancelled"] == 2


def test_a_job_for_soon_is_waited_for(site):
    done = imported(site, "demo/shop", "--at", "in 1s", "--wait")

    assert done.code == 0, done
    assert done.json["state"] == "completed"
    assert done.json["times"]["started_at"] >= done.json["times"]["at"]


def test_a_time_without_a_zone_is_a_usage_problem_and_makes_no_job(site, app):
    done = imported(site, app, "--at", "2096-12-24T09:00")

    assert done.code == 2
    assert done.out == ""
    assert len(done.err.splitlines()) == 3
    assert "[Europe/Berlin]" in done.err


def test_a_job_that_fails_too_often_needs_a_person_and_says_which_command_resumes_it(site):
    bad = "a,b\nc,d\n\nann@example.com".replace("a,b", '"a,b"').replace("c,d", '"c,d"')

    done = imported(site, "demo/shop", "--max-failures", "1", "--wait", rows=bad)

    assert done.code == 10, done
    paused = done.json
    assert paused["paused"]["by"] == "error_budget"
    assert paused["paused"]["why"] == "2 of 3 rows have failed: more than the 1 allowed"
    assert f"bulkhead jobs resume {paused['id']}" in done.err
    assert typed(site, "jobs", "resume", paused["id"]).code == 0
    assert typed(site, "jobs", "wait", paused["id"]).code == 3


def test_quotas_are_set_shown_held_and_lifted(site, app):
    tenant = app.split("/")[0]
    words = ("--max-open-jobs", "1", "--max-items-per-job", "2", "-o", "json")
    shown = typed(site, "tenants", "set", tenant, *words).json
    assert (shown["max_open_jobs"], shown["max_open_items"], shown["max_items_per_job"]) == (
        *(1, None, 2),
    )

    first = imported(site, app)
    second = imported(site, app)

    assert first.code == 0, first
    assert second.code == 7, second
    assert len(second.err.splitlines()) == 3
    assert typed(site, "tenants", "show", tenant, "-o", "json").json["open_items"] == 2
    assert typed(site, "tenants", "set", tenant, "--max-open-jobs", "none").code == 0
    assert imported(site, app).code == 0


@pytest.mark.parametrize("quota", ["0", "-1", "many", "1.5"])
def test_what_is_no_quota_is_a_usage_problem(site, app, quota):
    done = typed(site, "tenants", "set", app.split("/")[0], f"--max-open-jobs={quota}")

    assert done.code == 2
    assert len(done.err.splitlines()) == 3


@pytest.mark.parametrize(("verb", "word"), [("pause", "paused"), ("cancel", "cancelled")])
def test_all_open_jobs_of_an_app_are_braked_after_a_yes(site, app, verb, word):
    jobs = [imported(site, app).json["id"] for _ in range(3)]
    asked = typed(site, "jobs", verb, "--all", "--app", app)
    assert asked.code == 6, asked

    done = typed(
        *(site, "jobs", verb, "--all", "--app", app, "--yes", "--why", "storm", "-o", "json")
    )

    assert done.json == {word: 3, "jobs": sorted(jobs)}
    assert typed(site, "jobs", "show", jobs[0], "-o", "json").json["state"] == word
    again = typed(site, "jobs", verb, "--all", "--app", app, "--yes", "-o", "json")
    assert again.json == {word: 0, "jobs": []}


@pytest.mark.parametrize(
    "words", ["", "--all job_00000000000000000000000000", "job_0 --app demo/shop"]
)
def test_a_brake_wants_one_job_or_all(site, words):
    done = typed(site, "jobs", "cancel", *words.split())

    assert done.code == 2
    assert len(done.err.splitlines()) == 3


def test_brakes_for_an_app_or_tenant_that_is_not_there_change_nothing(site):
    for words in (("--app", "demo/shp"), ("--tenant", "dmo")):
        done = typed(site, "jobs", "cancel", "--all", "--yes", *words)

        assert done.code == 2, done
        assert "did you mean demo" in done.err


def test_a_worker_that_is_drained_ends_and_up_lets_it_go(product):
    sandbox = product.sandbox()
    up = product.up(workers=2, sandbox=False)
    token, job = product.importing(sandbox, 600, ("--rate", "200/s", "--max-in-flight", "8"))
    listed = json.loads(product.typed("workers", "list", "-o", "json").out)
    name, pid = listed[0]["worker"], listed[0]["pid"]

    done = product.typed("workers", "drain", name, "-o", "json")

    assert done.json == {"worker": name, "state": "draining"}
    until(lambda: pid not in product.workers() and len(product.workers()) == 1)
    record, document = product.conserved(sandbox, token, job, 600)
    assert record["requests"] == 600
    assert document["attempts"] == {"calls": 600, "retries": 0}
    assert len(product.workers()) == 1
    said = up.log.read_text()
    assert "worker_drained" in said
    assert "part_restarted" not in said


def test_a_worker_by_itself_ends_well_when_it_is_drained(module_product):
    product = module_product
    known = {one["worker"] for one in product.typed("workers", "list", "-o", "json").json}
    worker = product.start("worker")
    until(lambda: len(product.workers()) == 2)
    listed = product.typed("workers", "list", "-o", "json").json
    [name] = [one["worker"] for one in listed if one["worker"] not in known]

    missing = product.typed("workers", "drain", name[:-1])
    drained = product.typed("workers", "drain", name)

    assert missing.code == 2
    assert f"did you mean {name}?" in missing.err
    assert drained.code == 0
    until(lambda: worker.poll() is not None)
    assert worker.poll() == 0
