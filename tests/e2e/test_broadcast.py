"""A broadcast as a person at a keyboard makes it, and what arrives at the sandbox."""

import json
import os
import pty

import pytest

from tests.command import ROOT
from tests.e2e.broadcast_rig import SENDER, App
from tests.e2e.product import COMMAND, until

ANN, BOB = "ann@example.com", "bob@example.com"
PEOPLE = f"address,Name\n{ANN},Ann\n{BOB},Bob\n"


@pytest.fixture
def app(standing, sandbox):
    return App(standing, sandbox, people=(ANN, BOB))


@pytest.fixture
def slow_app(standing, sandbox):
    """An app whose calls go out so slowly that a broadcast can be met in its middle."""
    return App(standing, sandbox, "--rate", "5/s", "--burst", "2")


def test_groups_and_people_get_one_call_each(app):
    gids = app.groups(2)
    users = app.file("people.csv", PEOPLE)

    words = ("--to-groups", ",".join(map(str, gids)), "--to-users", users)
    job = app.sent(*words, "--message", "Hello")

    assert (job["kind"], job["state"], job["counts"]["succeeded"]) == ("broadcast", "completed", 4)
    assert (job["input"]["groups"], job["input"]["users"]) == (2, 2)
    assert len(job["input"]["sha256"]) == 64
    assert [(one["of"], one["format"]) for one in job["input"]["lists"]] == [
        ("groups", "words"),
        ("users", "csv"),
    ]
    rows = app.results(job["id"])
    assert [row["key"] for row in rows] == [
        *({"gid": str(gid)} for gid in gids),
        {"address": ANN},
        {"address": BOB},
    ]
    assert all(row["upstream"]["mid"] for row in rows)
    assert sorted(app.received()) == sorted([f"gid:{gids[0]}", f"gid:{gids[1]}", ANN, BOB])


def test_the_same_recipient_twice_is_skipped_and_with_other_cells_refused(app):
    text = f"gid,address,name\n,{ANN},Ann\n,{ANN},Ann\n,{BOB},Bob\n,{BOB},Robert\n"

    job = app.sent("--to-users", app.file("twice.csv", text), "--message", "Hello", code=3)

    codes = {one["code"]: one["first_lines"] for one in job["errors_by_code"]}
    shown = app.control("preview", job["id"]).json["counts"]
    assert (shown["groups"], shown["people"]) == (0, 2)
    assert codes == {"DUPLICATE_IN_FILE": [3], "CONFLICTING_ROWS": [5]}
    assert sorted(app.received()) == [ANN, BOB]


def test_a_variable_that_is_empty_on_row_seven_is_a_row_error_before_anything_is_sent(app):
    rows = "".join(f"u{n}@example.com,{'' if n == 7 else f'U{n}'}\n" for n in range(2, 10))
    words = ("--to-users", app.file("p.csv", f"address,name\n{rows}"), "--message", "Hi {{name}}")

    quoted = app.create(*words, "--dry-run", code=9).json
    held = app.create(*words, "--hold").json

    for found in (quoted, held):
        [entry] = found["errors_by_code"]
        assert (entry["code"], entry["first_lines"]) == ("VARIABLE_MISSING", [7])
    [row] = app.results(held["id"])
    assert row["message"] == "`name` is missing or empty on line 7."
    assert app.received() == []


def test_a_value_may_be_given_for_rows_that_have_none(app):
    words = ("--to-users", app.file("p.csv", f"address,name\n{ANN},Ann\n{BOB},\n"))

    shown = app.create(*words, "--message", "Hi {{name}}", "--var", "NAME=friend", "--dry-run").json

    texts = [sample["message"] for sample in shown["samples"]]
    assert texts == ["Hi Ann", "Hi friend", "Hi friend"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--to-users", "{people}", "--message", "Hi {{nmae}}"], 9, "nothing fills: nmae"),
        (["--to-users", "{people}", "--message", "Hi {{name"], 9, "not a template"),
        (["--to-users", "{people}", "--message", "x" * 5000], 9, "the message is too long"),
        (["--to-users", "{people}", "--message", "Hi", "--max-recipients", "1"], 9, "2 recipients"),
        (["--to-users", "{people}", "--message", "Hi {{name}}", "--chunk", "2"], 2, "share a call"),
        (["--to-users", "{people}", "--message", "Hi", "--title", "T"], 9, "a title goes with"),
        (["--to-users", "{people}"], 2, "nothing is to be sent"),
        (["--message", "Hi"], 2, "nobody is to get it"),
        (["--to-users", "{people}", "--message", "Hi", "--from", "a,b"], 9, "cannot be a sender"),
        (
            ["--to-users", "{people}", "--message", "Hi", "--at", "2020-01-01T09:00Z"],
            2,
            "time is over",
        ),
        (["--to-users", "{people}", "--file", "x.pdf"], 2, "the backend sends no file"),
        (["--to-groups", "team-x", "--message", "Hi", "--wait"], 9, "no row of the input is valid"),
        (["--to-users", "-", "--to-groups", "-", "--message", "Hi"], 2, "cannot both come"),
        (["--to-users", "nowhere.csv", "--message", "Hi"], 9, "no file"),
        (["--to-users", ANN, "--message", "Hi"], 2, "one address a line into a file"),
    ],
)
def test_what_cannot_be_sent_is_refused_whole(app, words, code, said):
    people = app.file("people.csv", PEOPLE)

    done = app.create(
        *(word.format(people=people) if "{people}" in word else word for word in words), code=code
    )

    assert said in done.err
    assert app.received() == []


def test_only_the_apps_senders_may_send(app):
    app.typed("apps", "set", app.name, "--senders", f"{SENDER},boss@example.com")
    people = app.file("people.csv", PEOPLE)
    words = ("--to-users", people, "--message", "Hi")

    refused = app.create(*words, "--from", "eve@example.com", code=4)

    assert f"{app.name} may not send from eve@example.com" in refused.err
    assert app.sent(*words)["counts"]["succeeded"] == 2


def test_a_sender_that_is_no_user_and_a_group_that_is_not_there_are_told_row_by_row(app):
    words = ("--message", "Hi", "--wait", "--timeout", "60s", "--yes", "-o", "json")
    app.typed(
        "broadcast",
        "create",
        "--app",
        app.name,
        "--from",
        "nobody",
        "--to-groups",
        "12",
        *words,
        code=3,
    )
    job = app.sent("--to-groups", "999999", "--message", "Hi", code=3)

    [row] = app.results(job["id"])
    assert (row["code"], row["upstream"]["error"]) == ("UNLISTED", "NOGROUP")
    assert row["attempts"] == 1


def test_a_paused_group_does_not_stop_the_others(app):
    [open_gid], [paused] = app.groups(1), app.groups(1, flags=0x8000000)

    job = app.sent("--to-groups", f"{paused},{open_gid}", "--message", "Hi", code=3)

    outcomes = {row["key"]["gid"]: row["outcome"] for row in app.results(job["id"])}
    assert outcomes == {str(paused): "failed", str(open_gid): "succeeded"}


def test_a_group_may_be_named_by_the_custom_id_that_our_record_has(app):
    file = app.file("groups.csv", "name,custom_id\nTeam A,team-a\nTeam B,team-b\n")
    made = ("groups", "create", file, "--app", app.name, "--wait", "--timeout", "60s", "-o", "json")
    groups = app.results(app.typed(*made).json["id"])
    gids = {row["custom_id"]: str(row["upstream"]["gid"]) for row in groups}

    job = app.sent("--to-groups", "team-a,team-b", "--message", "Hi")

    rows = app.results(job["id"])
    assert {row["custom_id"]: row["key"]["gid"] for row in rows} == gids
    assert sorted(app.received()) == sorted(f"gid:{gid}" for gid in gids.values())


def test_an_answer_lost_after_acceptance_ends_unknown_and_is_not_sent_again(app):
    app.stand_in.faults({"fault": "drop_after_commit", "op": "message", "key": ANN})
    words = ("--to-users", app.file("people.csv", PEOPLE), "--message", "Hi")

    job = app.sent(*words, code=3)
    app.stand_in.faults()
    again = ("jobs", "retry", job["id"], "--only", "unknown")
    unasked = app.typed(*again, code=6)
    agreed = app.typed(*again, "--yes", "--wait", "--timeout", "60s", "-o", "json").json

    outcomes = {row["key"]["address"]: row["outcome"] for row in app.results(job["id"])}
    assert outcomes == {ANN: "unknown", BOB: "succeeded"}
    assert "needs a yes" in unasked.err
    assert agreed["counts"]["succeeded"] == 1
    assert sorted(app.received()) == [ANN, ANN, BOB]


def test_a_retry_of_refused_rows_sends_no_half_filled_message(app):
    text = f"address,name\n{ANN},\n{BOB},Bob\n"
    job = app.sent("--to-users", app.file("p.csv", text), "--message", "Hi {{name}}", code=3)

    app.typed("jobs", "retry", job["id"], "--wait", "--timeout", "60s", code=9)

    assert app.received() == [BOB]


@pytest.mark.parametrize(
    ("policy", "outcome", "calls"), [("drop", "failed", 1), ("resend", "succeeded", 2)]
)
def test_a_lost_answer_is_dropped_or_sent_again_where_that_was_said(app, policy, outcome, calls):
    app.stand_in.faults({"fault": "drop_after_commit", "op": "message", "key": ANN, "times": 1})
    words = ("--to-users", app.file("one.txt", f"{ANN}\n"), "--message", "Hi")

    job = app.sent(*words, "--on-unknown", policy, code=3 if policy == "drop" else 0)

    [row] = app.results(job["id"])
    assert row["outcome"] == outcome
    assert app.received() == [ANN] * calls


def test_a_chunk_of_people_shares_a_call_and_its_outcome(app):
    people = [f"u{n}@example.com" for n in range(25)]
    users = app.file("p.txt", "".join(f"{one}\n" for one in people))
    words = ("--to-users", users, "--to-groups", "999999", "--message", "Hi", "--chunk", "10")
    shown = app.create(*words, "--dry-run").json

    job = app.sent(*words, code=3)

    received = app.received()
    assert shown["calls"] == 4
    assert sorted(",".join(received).replace("gid:999999,", "").split(",")) == sorted(people)
    assert max(key.count(",") + 1 for key in received) <= 10
    assert len(received) < 26
    outcomes = [row["outcome"] for row in app.results(job["id"])]
    assert (outcomes.count("succeeded"), outcomes.count("failed")) == (25, 1)


def test_every_recipient_of_a_refused_or_lost_chunk_is_refused_or_unknown(app):
    text = "".join(f"u{n}@example.com\n" for n in range(8))
    words = ("--to-users", app.file("p.txt", text), "--message", "Hi", "--chunk", "8")
    app.stand_in.faults({"fault": "drop_after_commit", "op": "message"})

    job = app.sent(*words, code=3)

    calls = app.received()
    assert job["counts"]["unknown"] == 8
    assert sum(key.count(",") + 1 for key in calls) == 8


def test_a_lost_chunk_is_sent_again_where_that_was_said(app):
    text = "".join(f"u{n}@example.com\n" for n in range(8))
    words = ("--to-users", app.file("p.txt", text), "--message", "Hi", "--chunk", "8")
    app.stand_in.faults({"fault": "drop_after_commit", "op": "message", "times": 1})

    job = app.sent(*words, "--on-unknown", "resend")

    assert job["counts"]["succeeded"] == 8
    assert sum(key.count(",") + 1 for key in app.received()) > 8


def test_a_message_is_in_no_log_and_in_no_document(app):
    canary = "canary-of-the-broadcast-0123456789"

    job = app.sent("--to-users", app.file("p.csv", PEOPLE), "--message", canary)

    logs = "".join(file.read_text("utf-8") for file in app.product.home.glob("*.log"))
    assert canary not in json.dumps(job) + json.dumps(app.results(job["id"])) + logs


def test_a_broadcast_ends_at_its_end_and_rests_outside_its_window(slow_app):
    text = "".join(f"u{n}@example.com\n" for n in range(60))
    words = ("--to-users", slow_app.file("p.txt", text), "--message", "Hi", "--force-late")

    job = slow_app.sent(*words, "--end-at", "in 3s", code=5)

    assert job["state"] == "timed_out"
    assert job["counts"]["not_attempted"] + len(slow_app.received()) == 60
    assert job["counts"]["not_attempted"] > 0


def test_a_broadcast_that_cannot_end_in_time_is_refused_whole(slow_app):
    text = "".join(f"u{n}@example.com\n" for n in range(600))
    words = ("--to-users", slow_app.file("p.txt", text), "--message", "Hi", "--end-at", "in 30s")

    shown = slow_app.create(*words, "--dry-run", code=9).json
    refused = slow_app.create(*words, code=9)
    joined = slow_app.create(*words, "--chunk", "100", "--hold").json

    assert shown["in_time"]["before_end"] is False
    assert shown["late"]["calls"] == 600
    assert "cannot finish in time" in refused.err
    assert joined["counts"]["total"] == 600
    assert slow_app.control("preview", joined["id"]).json["in_time"]["before_end"] is True


def test_the_table_of_results_names_groups_and_people(app):
    [gid] = app.groups(1)
    job = app.sent("--to-groups", gid, "--to-users", app.file("p.csv", PEOPLE), "--message", "Hi")

    rows = app.typed("jobs", "results", job["id"], "-o", "csv").out.splitlines()

    assert rows[0].startswith("line,gid,address,")
    assert [row.split(",")[1:3] for row in rows[1:]] == [[str(gid), ""], ["", ANN], ["", BOB]]


def test_a_schedule_carries_a_broadcast_out(app):
    words = ("broadcast", "create", "--app", app.name, "--from", SENDER, "--message", "Hi", "--yes")
    cron = ("--cron", "0 9 * * MON", "--zone", "Europe/Berlin")
    kept = ("--to-users", app.file("p.csv", PEOPLE))

    app.typed("schedules", "create", "news", *cron, "--", *words, *kept)
    app.typed(
        "schedules",
        "create",
        "read",
        *cron,
        "--audience-from",
        kept[1],
        "--",
        *words,
        "--to-users",
        kept[1],
    )
    for name in ("news", "read"):
        job = app.typed("schedules", "run-now", f"acme/{name}", "-o", "json").json
        done = app.typed("jobs", "wait", job["id"], "--timeout", "60s", "-o", "json").json
        assert (done["kind"], done["counts"]["succeeded"]) == ("broadcast", 2)

    assert sorted(app.received()) == [ANN, ANN, BOB, BOB]


def test_a_held_broadcast_sends_nothing_until_it_is_resumed(app):
    job = app.create("--to-users", app.file("p.csv", PEOPLE), "--message", "Hi", "--hold").json

    paused = app.typed("jobs", "wait", job["id"], code=10)
    app.control("resume", job["id"])
    done = app.typed("jobs", "wait", job["id"], "--timeout", "60s", "-o", "json").json

    assert (job["state"], job["paused"]["by"]) == ("paused", "user")
    assert job["id"] in paused.err + paused.out
    assert done["counts"]["succeeded"] == 2


def test_a_broadcast_is_paused_resumed_and_stopped(slow_app):
    text = "".join(f"u{n}@example.com\n" for n in range(400))
    job = slow_app.create("--to-users", slow_app.file("p.txt", text), "--message", "Hi").json["id"]
    until(lambda: len(slow_app.received()) >= 3)

    paused = slow_app.control("pause", job).json
    resumed = slow_app.control("resume", job).json
    before = len(slow_app.received())
    until(lambda: len(slow_app.received()) > before)
    unasked = slow_app.control("stop", job, code=6)
    stopped = slow_app.control("stop", job, "--yes").json

    assert (paused["state"], stopped["state"]) == ("paused", "cancelled")
    assert resumed["state"] in ("running", "queued")
    assert "needs a yes" in unasked.err
    assert slow_app.product.wait(job).code == 6
    counts = slow_app.product.job(job)["counts"]
    assert counts["succeeded"] == len(slow_app.received()) < 400


def test_only_broadcasts_are_controlled_by_these_commands(app):
    file = app.file("people.csv", PEOPLE)
    job = app.typed("users", "import", file, "--app", app.name, "-o", "json", "--wait").json["id"]

    for verb in ("pause", "resume", "stop", "preview"):
        refused = app.typed("broadcast", verb, job, code=2)
        assert "it is a job of the kind users.import" in refused.err
    assert app.typed("broadcast", "list", "--app", app.name, "-o", "json").json == []


def test_a_test_goes_to_a_few_people_with_the_first_rows_values(app):
    text = "address,name,code\nu1@example.com,Ann,7\nu2@example.com,Bob,8\n"
    words = ("--to-users", app.file("p.csv", text), "--message", "{{name}}: {{code}}", "--hold")
    job = app.create(*words).json["id"]

    waited = ("--wait", "--timeout", "60s", "-o", "json")
    tested = app.typed("broadcast", "test", job, "--to", f"{ANN},{BOB}", *waited).json
    shown = app.typed("broadcast", "preview", tested["id"], "-o", "json").json
    other = app.typed("broadcast", "test", job, "--to", ANN, "--var", "name=You", *waited).json
    varied = app.typed("broadcast", "preview", other["id"], "-o", "json").json

    assert (tested["parent"], tested["labels"]) == (job, {"test_of": job})
    assert sorted(app.received()) == [ANN, ANN, BOB]
    assert shown["samples"][0]["message"] == "Ann: 7"
    assert varied["samples"][0]["message"] == "You: 7"
    assert app.product.job(job)["state"] == "paused"


def test_the_preview_of_a_job_is_that_of_its_dry_run(app):
    gids = app.groups(2)
    text = "address,name\n" + "".join(f"u{n}@example.com,{'N' * n}\n" for n in range(1, 6))
    words = ("--to-groups", ",".join(map(str, gids)), "--to-users", app.file("p.csv", text))
    words += ("--message", "Hi {{name}}", "--var", "name=all")

    dry = app.create(*words, "--dry-run").json
    job = app.create(*words, "--hold").json
    shown = app.control("preview", job["id"]).json

    assert dry["samples"] == shown["samples"]
    assert [(one["sample"], one["line"]) for one in dry["samples"]] == [
        ("first", 1),
        ("middle", 3),
        ("longest", 6),
    ]
    assert (dry["counts"]["groups"], dry["counts"]["people"], dry["calls"]) == (2, 5, 7)
    assert dry["input"]["sha256"] == shown["input"]["sha256"]
    assert dry["late"] is None
    assert dry["in_time"] == {"before_expiry": True, "before_end": None}
    assert (shown["calls"], shown["state"]) == (7, "paused")
    assert app.received() == []


def test_the_same_broadcast_with_one_key_is_one_job(app):
    words = ("--to-users", app.file("p.csv", PEOPLE), "--idempotency-key", "k1", "--message")

    first, second = app.sent(*words, "Hi"), app.sent(*words, "Hi")
    other = app.create(*words, "Bye", code=7)

    assert first["id"] == second["id"]
    assert first["id"] in other.err
    assert sorted(app.received()) == [ANN, BOB]


def test_nobody_is_written_to_without_a_yes(app):
    done = app.create("--to-users", app.file("p.csv", PEOPLE), "--message", "Hi", code=6, yes=False)

    assert "needs a yes" in done.err
    assert app.jobs() == []


@pytest.mark.parametrize(
    ("people", "typed", "code"),
    [(3, "y", 0), (3, "n", 6), (1_200, "y", 6), (1_200, "1,200", 0), (1_200, "1201", 6)],
)
def test_many_recipients_take_their_number_typed(app, people, typed, code):
    text = "".join(f"u{n}@example.com\n" for n in range(people))
    words = ("--to-users", app.file("p.txt", text), "--message", "Hi", "--hold", "-o", "json")

    said, ended = at_a_terminal(
        app, ("broadcast", "create", "--app", app.name, "--from", SENDER, *words), typed
    )

    assert f"{people:,} recipients" in said
    assert ended == code, said
    assert len(app.jobs()) == (1 if code == 0 else 0)


def at_a_terminal(app, words, answer):
    """What a person sees who types this command and then this answer, and the exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(COMMAND[0], [*COMMAND, *words], app.product.environment)
    os.write(terminal, f"{answer}\n".encode())
    said = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        said += piece
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return said.decode(), os.waitstatus_to_exitcode(status)


def test_a_file_goes_by_its_url_with_a_title_and_the_default_expiry_is_a_day(app):
    words = ("--file-url", "https://example.com/a.pdf", "--title", "For {{name}}")

    shown = app.create("--to-users", app.file("p.csv", PEOPLE), *words, "--dry-run").json

    assert shown["expiry_s"] == 86_400
    first = shown["samples"][0]
    assert (first["title"], first["url"]) == ("For Ann", "https://example.com/a.pdf")


def test_the_text_may_lie_in_a_file_and_keeps_its_braces(app):
    text = app.file("m.txt", "a {single} {{{{name}}}} {{ Name }}\nend\n")

    shown = app.create("--to-users", "-", "--message-file", text, "--dry-run", stdin=PEOPLE).json

    assert shown["samples"][0]["message"] == "a {single} {{name}} Ann\nend"


def test_the_rows_that_failed_are_mended_and_sent_from_the_errors_file(app):
    [gid] = app.groups(1)
    text = json.dumps({"gid": gid, "name": ""}) + "\n" + json.dumps({"address": ANN, "name": "A"})
    words = ("--message", "Hi {{name}}")
    job = app.sent("--to-users", app.file("p.jsonl", text), *words, code=3)["id"]

    errors = app.typed("jobs", "errors", job, "-o", "csv").out
    header, row = errors.splitlines()
    place = header.split(",").index("name")
    cells = row.split(",")
    cells[place] = "Group"
    mended = app.file("errors.csv", f"{header}\n{','.join(cells)}\n")
    app.sent("--to-groups", mended, *words)

    assert sorted(app.received()) == sorted([ANN, f"gid:{gid}"])
