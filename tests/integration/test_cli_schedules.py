"""What `bulkhead schedules` takes, keeps, refuses and shows."""

import json
from datetime import UTC, datetime

import pytest

from bulkhead.engine.fleet import Fleet, SealedToken
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.schedules import Schedules
from bulkhead.engine.script import Scripts
from bulkhead.model.app import AppSettings
from tests.command import KEY, typed

IMPORT = ("users", "import", "people.csv", "--app", "acme/shop")
CALL = ("call", "usersget", "--app", "acme/shop")
DAILY = ("--cron", "0 9 * * *", "--zone", "Europe/Berlin")


@pytest.fixture
def site(store_server, redis, home):
    fleet = Fleet(Scripts(redis))
    for tenant, app in (("acme", "acme/shop"), ("zeta", "zeta/shop")):
        fleet.add_tenant(tenant)
        fleet.add_app(app, AppSettings("https://b.example/"), SealedToken("box", "1234", "f00d"))
    return {"redis_url": store_server.url, "secret_key": KEY, "home": home}


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("address\nann\nbob\n")
    return str(path)


@pytest.fixture
def run(site):
    def typed_here(*words, **settings):
        return typed(*words, **{**site, **settings})

    return typed_here


@pytest.fixture
def create(run):
    def created(*command, name="weekly", options=DAILY, **settings):
        return run("schedules", "create", name, *options, "--", *command, **settings)

    return created


def document(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(done, code):
    assert done.returncode == code, done
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["error", "why", "to do"], lines
    return done.stderr


def jobs(redis):
    return Jobs(Scripts(redis)).newest()


def test_a_schedule_is_made_shown_listed_and_deleted(run, create, people):
    made = document(create("users", "import", people, "--app", "acme/shop", "--force"))

    assert made["schedule"] == "acme/weekly"
    assert (made["state"], made["kind"], made["app"]) == ("active", "users.import", "acme/shop")
    assert (made["misfire"], made["overlap"], made["exact"]) == ("skip", "skip", False)
    assert 0 <= made["jitter_s"] <= 60
    assert made["input"]["rows"] == 2
    assert made["next"]["local"][10:] in ("T09:00:00+01:00", "T09:00:00+02:00")
    assert document(run("schedules", "show", "weekly")) == made
    assert [one["schedule"] for one in document(run("schedules", "list"))] == ["acme/weekly"]
    assert document(run("schedules", "delete", "weekly", "--yes"))["state"] == "deleted"
    assert document(run("schedules", "list")) == []


def test_what_is_made_and_done_to_a_schedule_is_on_the_audit(run, create):
    create(*CALL)
    for words in (("pause",), ("resume",), ("run-now",), ("delete", "--yes")):
        document(run("schedules", words[0], "weekly", *words[1:]))

    entries = document(run("audit", "list", "--action", "schedules"))

    verbs = ("delete", "run-now", "resume", "pause", "create")
    assert [entry["action"] for entry in entries] == [f"schedules.{verb}" for verb in verbs]
    assert {entry["about"]["schedule"] for entry in entries} == {"acme/weekly"}


def test_the_rows_are_kept_though_the_file_goes(run, create, redis, people, tmp_path):
    create("users", "import", people, "--app", "acme/shop", "--label", "source=hr")
    (tmp_path / "people.csv").unlink()

    job = document(run("schedules", "run-now", "weekly"))

    assert job["labels"] == {"source": "hr", "schedule": "weekly"}
    assert (job["kind"], job["counts"]["total"]) == ("users.import", 2)
    shown = document(run("schedules", "show", "weekly"))
    assert shown["last_job"] == job["id"]
    assert [(one["job"], one["state"], one["why"]) for one in shown["firings"]] == [
        (job["id"], "queued", "at once")
    ]


def test_run_now_makes_a_job_each_time_and_leaves_the_next_firing(run, create, redis):
    made = document(create(*CALL))

    ids = {document(run("schedules", "run-now", "weekly"))["id"] for _ in range(2)}

    assert len(ids) == len(jobs(redis)) == 2
    assert document(run("schedules", "show", "weekly"))["next"] == made["next"]


def test_an_audience_is_read_anew_each_time(run, create, people, tmp_path):
    made = document(
        create(
            *("users", "import", "--app", "acme/shop"),
            options=(*DAILY, "--audience-from", people),
        )
    )
    before = document(run("schedules", "run-now", "weekly"))
    (tmp_path / "people.csv").write_text("address\nann\nbob\ncid\n")

    after = document(run("schedules", "run-now", "weekly"))

    assert made["audience_from"] == people
    assert made["input"] is None
    assert (before["counts"]["total"], after["counts"]["total"]) == (2, 3)
    assert after["labels"] == {"schedule": "weekly"}


def test_the_job_of_an_instant_is_made_once_though_its_file_changes(run, create, people, tmp_path):
    create(
        *("users", "import", "--app", "shop"),
        options=(*DAILY, "--audience-from", people),
        tenant="acme",
    )
    words = ("schedules", "run-now", "acme/weekly", "--firing", "1900000800")
    first = document(run(*words))
    (tmp_path / "people.csv").write_text("address\nzoe\n")

    assert document(run(*words))["id"] == first["id"]
    assert first["idempotency_key"] == "schedule weekly 2030-03-17T18:00:00.000Z"


def test_an_audience_may_be_named_where_the_command_wants_it(create, people):
    made = document(
        create(
            *("users", "import", people, "--app", "acme/shop"),
            options=(*DAILY, "--audience-from", people),
        )
    )

    assert made["command"] == ["users", "import", people, "--app", "acme/shop"]


def test_a_table_shows_the_command_as_it_is_typed_and_when_it_comes(run, create):
    made = document(create(*CALL, "--label", "why=it is due"))

    shown = run("schedules", "show", "weekly", "-o", "table").stdout

    assert "call usersget --app acme/shop --label 'why=it is due'" in shown
    assert f"{made['next']['local']}, fires at {made['next']['fires_at']}" in shown


def test_a_command_without_the_dashes_before_it_is_told_where_they_belong(run):
    said = refused(run("schedules", "create", "weekly", *DAILY, *CALL), 2)

    assert "write the command behind `--`" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--cron", "0 0 30 2 *", "--zone", "UTC"), "never comes"),
        (("--cron", "nonsense", "--zone", "UTC"), "is not a cron line"),
        (("--cron", "0 9 * * *", "--zone", "Europe/Berln"), "did you mean Europe/Berlin?"),
        (("--cron", "0 9 * * *"), "--zone is missing"),
        (("--zone", "UTC"), "--cron is missing"),
        ((*DAILY, "--misfire", "twice"), "--misfire does not fit"),
    ],
)
def test_a_time_that_makes_no_sense_is_refused(create, redis, options, said):
    assert said in refused(create(*CALL, options=options), 2)
    assert Schedules(Scripts(redis)).names() == []


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ((), 2, "there is no command"),
        (("apps", "remove", "acme/shop", "--yes"), 2, "`apps remove` cannot be scheduled"),
        (("creds", "upload", "key.json", "--app", "acme/shop"), 2, "cannot be scheduled"),
        (("users", "validate", "people.csv"), 2, "cannot be scheduled"),
        (("users",), 2, "cannot be scheduled"),
        (("bulkhead", "users", "import", "people.csv"), 2, "leave `bulkhead` away"),
        (("users", "import", "--app", "acme/shop"), 2, "FILE|- is missing"),
        (("call", "usersget", "--ap", "acme/shop"), 2, "did you mean --app?"),
        (("call", "usersget", "--app", "acme/shob"), 2, "acme/shop"),
        (("users", "import", "nobody.csv", "--app", "acme/shop"), 9, "There is no file"),
        ((*CALL, "--at", "in 10m"), 2, "--at has no place in a schedule"),
        ((*CALL, "--wait"), 2, "--wait has no place in a schedule"),
        ((*CALL, "--dry-run"), 2, "--dry-run has no place"),
        ((*CALL, "--idempotency-key", "k"), 2, "--idempotency-key has no place"),
        ((*CALL, "--priority", "soon"), 2, "--priority does not fit"),
    ],
)
def test_an_order_that_cannot_be_carried_out_is_refused(create, redis, command, code, said):
    assert said in refused(create(*command), code)
    assert Schedules(Scripts(redis)).names() == []
    assert jobs(redis) == []
    assert [key for key in redis.keys("*") if b":schedule" in key or b":job:" in key] == []


def test_the_app_of_a_refused_order_is_still_there(run, create):
    create("apps", "remove", "acme/shop", "--yes")

    assert document(run("apps", "show", "acme/shop"))["app"] == "acme/shop"


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("Weekly News", 2, "cannot be the name of a schedule"),
        ("zeta/weekly", 2, "cannot be a schedule of acme/shop"),
        ("a/b/c", 2, "cannot be the name of a tenant"),
        ("", 2, "cannot be the name of a schedule"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(create, name, code, said):
    assert said in refused(create(*CALL, name=name), code)


def test_a_name_is_not_given_twice_and_the_first_one_stays(run, create):
    first = document(create(*CALL))

    assert "already" in refused(create("call", "useradd", "--app", "acme/shop"), 7)
    assert document(run("schedules", "show", "weekly")) == first


def test_two_tenants_may_have_schedules_of_one_name(run, create):
    create(*CALL)
    create("call", "usersget", "--app", "zeta/shop")

    assert "several tenants" in refused(run("schedules", "show", "weekly"), 7)
    assert document(run("schedules", "show", "zeta/weekly"))["app"] == "zeta/shop"
    assert document(run("schedules", "show", "weekly", tenant="acme"))["app"] == "acme/shop"
    listed = document(run("schedules", "list", "--tenant", "zeta"))
    assert [one["schedule"] for one in listed] == ["zeta/weekly"]


def test_the_newest_are_listed_and_a_tenant_that_is_not_there_is_told(run, create):
    for name in ("one", "two", "three"):
        document(create(*CALL, name=name))

    newest = document(run("schedules", "list", "--limit", "2", "-o", "json"))

    assert [one["schedule"] for one in newest] == ["acme/three", "acme/two"]
    assert "there is no tenant nobody" in refused(run("schedules", "list", "--tenant", "nobody"), 2)


@pytest.mark.parametrize("verb", ["show", "delete", "pause", "resume", "run-now", "next"])
def test_a_schedule_that_is_not_there_is_told_with_the_nearest_name(run, create, verb):
    create(*CALL)
    sure = ("--yes",) if verb == "delete" else ()

    assert "did you mean acme/weekly?" in refused(run("schedules", verb, "weakly", *sure), 2)


def test_an_audience_needs_a_command_that_has_one_and_a_file(create, people):
    of_a_call = create(*CALL, options=(*DAILY, "--audience-from", people))
    of_stdin = create("users", "import", options=(*DAILY, "--audience-from", "-"))

    assert "--audience-from does not fit `call`" in refused(of_a_call, 2)
    assert "--audience-from needs a file" in refused(of_stdin, 2)


def test_what_asks_for_a_yes_needs_it_when_the_schedule_is_made(create, redis, people):
    words = ("users", "delete", people, "--app", "acme/shop")
    kept = create(*words)
    read = create(*words, options=(*DAILY, "--audience-from", people))

    assert "needs a yes" in refused(kept, 6)
    assert "a yes for each firing" in refused(read, 2)
    assert Schedules(Scripts(redis)).names() == []
    assert document(create(*words, "--yes"))["kind"] == "users.delete"


def test_a_file_with_no_valid_row_makes_a_job_that_says_so(run, create, people, tmp_path):
    (tmp_path / "people.csv").write_text("address\na,b\n".replace("a,b", '"a,b"'))
    create("users", "import", people, "--app", "acme/shop")

    done = run("schedules", "run-now", "weekly")

    assert done.returncode == 9
    assert json.loads(done.stdout)["state"] == "rejected"


def test_next_shows_a_schedule_or_a_line_by_its_zone(run, create):
    create(*CALL, options=(*DAILY, "--exact"))

    coming = document(run("schedules", "next", "weekly", "--count", "3"))
    of_a_line = document(run("schedules", "next", *DAILY, "--count", "3"))

    assert [one["local"][11:16] for one in coming] == ["09:00"] * 3
    assert coming == of_a_line
    assert all(one["fires_at"] == one["instant"] for one in coming)
    assert sorted(one["instant"] for one in coming) == [one["instant"] for one in coming]
    assert len(document(run("schedules", "next", "weekly"))) == 5
    assert coming[0]["instant"] > datetime.now(UTC).isoformat()


@pytest.mark.parametrize("words", [(), ("weekly", "--cron", "* * * * *"), ("--zone", "UTC")])
def test_next_wants_a_schedule_or_a_line_with_its_zone(run, words):
    assert "give a NAME, or both --cron and --zone" in refused(run("schedules", "next", *words), 2)


def test_a_paused_schedule_has_no_next_firing_until_it_is_resumed(run, create):
    made = document(create(*CALL))

    paused = document(run("schedules", "pause", "weekly"))
    resumed = document(run("schedules", "resume", "weekly"))

    assert (paused["state"], paused["next"]) == ("paused", None)
    assert (resumed["state"], resumed["next"]) == ("active", made["next"])


def test_nothing_is_deleted_without_a_yes(run, create):
    create(*CALL)

    assert run("schedules", "delete", "weekly").returncode == 6
    assert document(run("schedules", "show", "weekly"))["state"] == "active"


BROADCAST = ("broadcast", "create", "--app", "acme/shop", "--from", "news", "--message", "Hello")


def test_a_broadcast_to_groups_is_scheduled_and_makes_one_job_each_time(run, create, redis):
    hours = ("--window", "09:00-20:00", "--zone", "UTC")
    words = (*BROADCAST, "--to-groups", "404101,404102", *hours, "--yes")
    made = document(create(*words))

    sent = document(run("schedules", "run-now", "weekly"))

    assert (made["kind"], made["input"]["rows"]) == ("broadcast", 2)
    assert (sent["kind"], sent["counts"]["total"]) == ("broadcast", 2)
    assert sent["labels"]["schedule"] == "weekly"
    assert Jobs(Scripts(redis)).params(sent["id"])["message"] == "Hello"
    assert Jobs(Scripts(redis)).fields(sent["id"])["edges"]


def test_the_audience_of_a_broadcast_is_read_anew(run, create, tmp_path):
    groups = tmp_path / "groups.txt"
    groups.write_text("404101\n")
    options = (*DAILY, "--audience-from", str(groups))
    made = document(create(*BROADCAST, "--yes", options=options))
    groups.write_text("404101\n404102\n404103\n")

    sent = document(run("schedules", "run-now", "weekly"))

    assert made["command"][-2:] == ["--to-groups", str(groups)]
    assert sent["counts"]["total"] == 3


def test_nothing_is_sent_when_a_broadcast_is_scheduled(create, redis):
    create(*BROADCAST, "--to-groups", "404101", "--yes")

    assert jobs(redis) == []


@pytest.mark.parametrize("option", [("--at", "in 1h"), ("--end-at", "in 2h"), ("--dry-run",)])
def test_a_broadcast_that_is_scheduled_names_no_instant(create, option):
    done = create(*BROADCAST, "--to-groups", "404101", "--yes", *option)

    assert f"{option[0]} has no place in a schedule" in refused(done, 2)


def test_a_sender_that_is_one_of_the_app_no_more_is_refused(run, create):
    document(create(*BROADCAST, "--to-groups", "404101", "--yes"))
    document(run("apps", "set", "acme/shop", "--senders", "other"))

    assert "news" in refused(run("schedules", "run-now", "weekly"), 4)


@pytest.mark.parametrize("joined", [True, False])
def test_of_a_broadcast_only_the_lists_are_read_anew(run, create, redis, tmp_path, joined):
    for name, text in (("groups", "404101"), ("people", "ann"), ("letter", "--Hello, {{x}}=1")):
        (tmp_path / name).write_text(f"{text}\n")
    letter = str(tmp_path / "letter")
    file = (f"--message-file={letter}",) if joined else ("--message-file", letter)
    words = ("broadcast", "create", "--app", "acme/shop", "--from", "news", *file)
    lists = ("--var", "x=you", "--to-users", str(tmp_path / "people"), "--yes")
    options = (*DAILY, "--audience-from", str(tmp_path / "groups"))
    document(create(*words, *lists, options=options))
    (tmp_path / "letter").unlink()
    (tmp_path / "people").write_text("ann\nbob\n")

    sent = document(run("schedules", "run-now", "weekly"))

    assert sent["counts"]["total"] == 3
    assert Jobs(Scripts(redis)).params(sent["id"])["message"] == "--Hello, {{x}}=1"


def test_a_list_that_is_read_anew_cannot_come_from_stdin(create, tmp_path):
    (tmp_path / "groups").write_text("404101\n")
    options = (*DAILY, "--audience-from", str(tmp_path / "groups"))

    done = create(*BROADCAST, "--to-users", "-", "--yes", options=options)

    assert "stdin is gone when the schedule fires" in refused(done, 2)


KINDS = dict.fromkeys((("groups", "members", verb) for verb in ("add", "remove")), "groups.members")


@pytest.mark.parametrize(
    ("command", "file"),
    [
        (("users", "import"), "address\nann\n"),
        (("users", "delete"), "address\nann\n"),
        (("users", "tokens", "issue"), "address\nann\n"),
        (("users", "tokens", "revoke"), "address\nann\n"),
        (("groups", "create"), "custom_id,name\n7,News\n"),
        (("groups", "set"), "gid,name\n404101,News\n"),
        (("groups", "delete"), "gid\n404101\n"),
        (("groups", "members", "add"), "address\nann\n"),
        (("groups", "members", "remove"), "address\nann\n"),
    ],
)
@pytest.mark.parametrize("anew", [True, False])
def test_every_command_in_the_list_can_be_scheduled(run, create, tmp_path, command, file, anew):
    path = tmp_path / "rows.csv"
    path.write_text(file)
    kind = KINDS.get(command, ".".join(command))
    rows = ("--audience-from", str(path)) if anew else ()
    more = ("--gid", "404101") if "members" in command else ()
    words = (*command, *(() if anew else (str(path),)), "--app", "acme/shop", *more, "--yes")

    made = document(create(*words, options=(*DAILY, *rows)))
    job = document(run("schedules", "run-now", "weekly"))

    assert (made["kind"], job["kind"], job["counts"]["total"]) == (kind, kind, 1)
    assert [one["id"] for one in document(run("jobs", "list"))] == [job["id"]]
