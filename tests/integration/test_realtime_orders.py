"""Broadcasts in real time as every door orders them: what goes with them, and what is refused."""

import hashlib

import pytest

from bulkhead.broadcasting import Frozen, prepare_test
from bulkhead.client import Bulkhead
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.jobs import Jobs
from bulkhead.errors import Conflict, InvalidInput
from bulkhead.model.enclosure import LARGEST_FILE, LONGEST_NAME, plain_name
from bulkhead.ordering import Options
from tests.command import KEY, typed

PEOPLE = ["ann@example.com", "bob@example.com"]
EVERY_BYTE = bytes(range(256)) * 3
ORDER = {"app": "shop", "sender": "news", "via": "realtime"}


@pytest.fixture
def bulkhead(door, store_server):
    with Bulkhead(store_server.url, tenant="acme") as made:
        yield made


@pytest.fixture
def run(door, store_server, home):
    def typed_here(*words):
        site = {"redis_url": store_server.url, "secret_key": KEY, "home": home}
        return typed(*map(str, words), **site)

    return typed_here


@pytest.fixture
def jobs(door):
    return Jobs(door.scripts)


def create(run, *words, code=0):
    given = ("--app", "acme/shop", "--from", "news", "--to-groups", "404101", "--yes")
    done = run("broadcast", "create", *given, *words)
    assert done.returncode == code, done
    return done


def end(door, job):
    Jobs(door.scripts).control(job, "cancel")


def test_a_job_in_real_time_names_its_sender_and_what_to_do_without_a_session(bulkhead, jobs):
    waits = bulkhead.broadcast(users=PEOPLE, message="Hi", **ORDER)
    refuses = bulkhead.broadcast(users=PEOPLE, message="Hi", on_no_session="refuse", **ORDER)
    by_backend = bulkhead.broadcast(app="shop", sender="news", users=PEOPLE, message="Hi")

    fields = [jobs.fields(job.id) for job in (waits, refuses, by_backend)]
    assert [one.get("sender") for one in fields] == ["news", "news", None]
    assert [one.get("no_session") for one in fields] == ["wait", "refuse", None]
    assert [jobs.params(job.id).get("via") for job in (waits, by_backend)] == ["realtime", None]


def test_a_file_lies_with_its_job_byte_for_byte(bulkhead, jobs, tmp_path):
    path = tmp_path / "report of today.pdf"
    path.write_bytes(EVERY_BYTE)

    by_path = bulkhead.broadcast(users=PEOPLE, file=path, title="T", **ORDER)
    by_content = bulkhead.broadcast(users=PEOPLE, file=EVERY_BYTE, **ORDER)

    told = {"sha256": hashlib.sha256(EVERY_BYTE).hexdigest(), "bytes": len(EVERY_BYTE)}
    for job, name in ((by_path, "report of today.pdf"), (by_content, "file")):
        assert jobs.file(job.id) == EVERY_BYTE
        assert jobs.params(job.id)["file"] == {"name": name, **told}


def test_a_file_is_kept_as_long_as_its_job(bulkhead, door, jobs):
    job = bulkhead.broadcast(users=PEOPLE, file=EVERY_BYTE, **ORDER)
    file, segment = (door.scripts.key("job", job.id, *part) for part in (["file"], ["seg", "0"]))

    assert door.scripts.redis.ttl(file) == -1
    end(door, job.id)

    assert door.scripts.redis.ttl(file) == door.scripts.redis.ttl(segment) > 86_400
    assert jobs.file(job.id) == EVERY_BYTE


def test_nothing_stays_of_a_file_whose_job_is_refused(bulkhead, door):
    key = {"idempotency_key": "k", "users": PEOPLE, **ORDER}
    first = bulkhead.broadcast(file=EVERY_BYTE, **key)

    again = bulkhead.broadcast(file=EVERY_BYTE, **key)
    with pytest.raises(Conflict):
        bulkhead.broadcast(file=EVERY_BYTE + b"!", **key)

    assert again.id == first.id
    kept = list(door.scripts.redis.scan_iter(door.scripts.key("job", "*", "file")))
    assert kept == [door.scripts.key("job", first.id, "file").encode()]


@pytest.mark.parametrize("change", [{"via": "backend"}, {"on_no_session": "refuse"}])
def test_another_way_under_the_same_key_is_a_conflict(bulkhead, change):
    order = {**ORDER, "users": PEOPLE, "message": "Hi", "idempotency_key": "k"}
    bulkhead.broadcast(**order)

    with pytest.raises(Conflict):
        bulkhead.broadcast(**{**order, **change})


def test_a_retry_and_a_test_send_the_same_file_the_same_way(bulkhead, door, jobs):
    job = bulkhead.broadcast(users=PEOPLE, file=EVERY_BYTE, on_no_session="refuse", **ORDER)
    end(door, job.id)

    again = bulkhead.job(job.id).retry(only="not_attempted")
    test = prepare_test(Frozen.of(door.scripts, job.id), ["eve@example.com"], {}, Options())
    shown = test.submit(door.scripts)

    for made in (again, shown):
        assert jobs.file(made.id) == EVERY_BYTE
        fields = jobs.fields(made.id)
        assert (fields["sender"], fields["no_session"]) == ("news", "refuse")


def test_a_schedule_keeps_the_way_and_the_file_for_each_of_its_jobs(run, door, jobs, tmp_path):
    path = tmp_path / "menu.png"
    path.write_bytes(EVERY_BYTE)
    order = ("--app", "acme/shop", "--from", "news", "--to-groups", "404101", "--yes")
    words = ("--cron", "0 9 * * *", "--zone", "Europe/Berlin", "--", "broadcast", "create", *order)
    made = run("schedules", "create", "acme/weekly", *words, "--via", "realtime", "--file", path)
    assert made.returncode == 0, made
    path.unlink()

    for _ in range(2):
        assert run("schedules", "run-now", "acme/weekly", "-o", "json").returncode == 0

    both = jobs.newest()
    assert [jobs.file(job.id) for job in both] == [EVERY_BYTE] * 2
    assert {jobs.fields(job.id)["sender"] for job in both} == {"news"}
    assert run("schedules", "delete", "acme/weekly", "--yes").returncode == 0
    assert not list(door.scripts.redis.scan_iter(door.scripts.key("schedule", "*", "file")))


def test_a_schedule_that_reads_its_audience_anew_takes_no_file(run, tmp_path):
    path, people = tmp_path / "menu.png", tmp_path / "people.csv"
    path.write_bytes(EVERY_BYTE)
    people.write_text("address\nann@example.com\n")
    order = ("--app", "acme/shop", "--from", "news", "--to-users", people, "--yes")
    words = (
        "--cron",
        "0 9 * * *",
        "--zone",
        "UTC",
        "--audience-from",
        people,
        "--",
        "broadcast",
        "create",
        *order,
    )

    done = run("schedules", "create", "acme/weekly", *words, "--via", "realtime", "--file", path)

    assert done.returncode == 2
    assert "takes no --file" in done.stderr


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"message": "Hi", "chunk": 2}, "cannot share a message"),
        ({"message": "Hi", "via": "pigeon"}, "no such way"),
        ({"message": "Hi", "on_no_session": "perhaps"}, "perhaps"),
        ({"message": "Hi", "via": None, "on_no_session": "wait"}, "no session to wait for"),
        ({"file": b"x", "via": None}, "the backend sends no file"),
        ({"file": b""}, "is empty"),
        ({"file": b"x" * (LARGEST_FILE + 1)}, "too large"),
        ({"file": b"x", "message": "Hi"}, "not clear what to send"),
        ({"file": 7}, "`file` does not fit"),
        ({"file": "/nowhere/at all"}, "cannot be read"),
        ({"message": "Hi\0"}, "message is no text"),
    ],
)
def test_what_cannot_go_in_real_time_is_refused_before_anything_is_read(bulkhead, asked, what):
    with pytest.raises(InvalidInput) as refused:
        bulkhead.broadcast(users=PEOPLE, **{**ORDER, **asked})

    assert what in refused.value.what
    assert bulkhead.jobs() == []


def test_a_file_of_the_largest_size_is_taken(bulkhead, jobs):
    job = bulkhead.broadcast(users=PEOPLE, file=b"x" * LARGEST_FILE, **ORDER)

    assert len(jobs.file(job.id)) == LARGEST_FILE


def test_a_group_that_the_package_cannot_name_fails_alone(bulkhead):
    job = bulkhead.broadcast(groups=[2**31 - 1, 2**31], message="Hi", **ORDER)

    counts = job.counts
    assert (counts.pending, counts.failed) == (1, 1)
    assert [entry["code"] for entry in job.to_dict()["errors_by_code"]] == ["BAD_GID"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--file", "x.pdf"], "the backend sends no file"),
        (["--message", "Hi", "--on-no-session", "wait"], "--on-no-session goes with"),
        (["--via", "realtime"], "nothing is to be sent"),
        (["--via", "realtime", "--message", "Hi", "--file", "x"], "two things are to be sent"),
        (["--via", "realtime", "--message", "Hi", "--chunk", "3"], "cannot share a message"),
    ],
)
def test_a_slip_is_told_in_three_lines_and_sends_nothing(run, jobs, words, what):
    done = create(run, *words, code=2)

    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["error", "why", "to do"]
    assert what in lines[0]
    assert jobs.newest() == []


def test_a_message_of_a_celery_client_may_go_in_real_time(client, door, jobs):
    asked = {"v": 1, "app": "acme/shop", "users": PEOPLE, "sender": "news", "message": "Hi"}

    client.send("tasks.broadcast", {**asked, "via": "realtime", "on_no_session": "refuse"})
    door.serve()
    client.send("tasks.broadcast", {**asked, "file": "/etc/passwd"})
    door.serve()

    fields = jobs.fields(door.job().id)
    assert (fields["sender"], fields["no_session"]) == ("news", "refuse")
    assert "`file`" in door.letter().why


def test_the_senders_own_pace_is_in_the_preview_and_in_what_is_refused(run, bulkhead, door):
    fleet = Fleet(door.scripts)
    before = fleet.app("acme/shop").settings
    fleet.set_app("acme/shop", type(before).from_fields(before.to_fields() | {"classes": PACE}))
    words = ("--message", "Hi", "--dry-run", "-o", "json")

    by_backend = create(run, *words).stdout
    in_real_time = create(run, *words, "--via", "realtime").stdout
    with pytest.raises(InvalidInput, match="longer than its messages"):
        bulkhead.broadcast(users=PEOPLE, message="Hi", expiry=30, **ORDER)

    assert '"limited_by": "sender_rate"' in in_real_time
    assert '"limit_per_s": 0.016' in in_real_time
    assert "sender_rate" not in by_backend


PACE = '{"sender": 0.0166667}'


def test_a_message_to_a_few_people_or_a_group_is_a_broadcast(run, jobs):
    given = ("realtime", "send", "--app", "acme/shop", "--as", "news", "-o", "json")

    people = run(*given, "--to", "ann@example.com, bob@example.com", "--message", "Hi")
    group = run(*given, "--gid", "404101", "--message", "Hi", "--on-no-session", "refuse")

    assert (people.returncode, group.returncode) == (0, 0), (people, group)
    second, first = jobs.newest()
    assert (first.kind, first.counts.total, second.counts.total) == ("broadcast", 2, 1)
    assert jobs.fields(first.id)["sender"] == "news"
    assert jobs.fields(second.id)["no_session"] == "refuse"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "nobody is to get it"),
        (["--to", "ann@x", "--gid", "7"], "two kinds of recipients"),
        (["--to", "ann@x,,bob@x"], "a recipient has no name"),
    ],
)
def test_recipients_that_are_not_clear_are_a_slip(run, jobs, words, what):
    done = run("realtime", "send", "--app", "acme/shop", "--as", "news", "--message", "Hi", *words)

    assert (done.returncode, what in done.stderr) == (2, True), done
    assert jobs.newest() == []


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("/a/b/c.pdf", "c.pdf"),
        ("C:\\x\\y.txt", "y.txt"),
        ("..", "file"),
        ("a\nb\x1b.pdf", "ab.pdf"),
        ("\udcff.pdf", "pdf"),
    ],
)
def test_the_name_of_a_file_is_fit_for_any_place(given, name):
    assert plain_name(given) == name


def test_a_long_name_is_cut_before_its_ending():
    name = plain_name("ü" * 300 + ".pdf")

    assert name.endswith("ü.pdf")
    assert LONGEST_NAME - 2 <= len(name.encode()) <= LONGEST_NAME
