"""`--on-unknown`, quiet hours and the end of a job as a person types them."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.product import received
from tests.e2e.test_cli_bad_input import three_lines
from tests.e2e.test_cli_call_retry import _clean, call, results, set_faults
from tests.e2e.typed import typed

__all__ = ["_clean"]
HELLO = {"from": "news", "to": "ann@example.com", "message": "Hello"}
LOST = {"fault": "drop_after_commit", "op": "message"}
QUICK = ("--retry-first", "1ms")


def sent(site):
    return received(site.sandbox, op="message")["requests"]


def test_a_message_that_is_sent_again_may_arrive_twice_and_succeeds(site):
    set_faults(site, {**LOST, "times": 2})

    done = call(site, "message", HELLO, "--on-unknown", "resend", *QUICK)

    assert done.code == 0, done
    assert (done.json["on_unknown"], done.json["attempts"]["retries"]) == ("resend", 2)
    assert sent(site) == 3


def test_a_message_that_is_never_confirmed_is_unknown_when_its_attempts_are_used_up(site):
    set_faults(site, LOST)

    done = call(site, "message", HELLO, "--on-unknown", "resend", "--max-attempts", "3", *QUICK)

    assert done.code == 3, done
    assert (done.json["counts"]["unknown"], done.json["counts"]["failed"]) == (1, 0)
    assert sent(site) == 3
    [row] = results(site, done.json)
    assert (row["code"], row["attempts"]) == ("NOT_CONFIRMED", 3)
    assert typed(site, "jobs", "audit", done.json["id"]).code == 0


def test_a_message_whose_unknown_end_is_dropped_is_failed_and_says_that_it_may_have_arrived(site):
    set_faults(site, LOST)

    done = call(site, "message", HELLO, "--on-unknown", "drop")
    again = typed(site, "jobs", "retry", done.json["id"])

    assert done.code == 3, done
    assert (done.json["counts"]["unknown"], done.json["counts"]["failed"]) == (0, 1)
    [row] = results(site, done.json)
    assert (row["outcome"], row["code"]) == ("failed", "NOT_CONFIRMED")
    assert "carried out all the same" in row["hint"]
    assert again.code == 9
    assert sent(site) == 1
    assert typed(site, "jobs", "audit", done.json["id"]).code == 0


def test_the_same_key_with_another_policy_is_a_conflict(site):
    first = call(site, "message", HELLO, "--idempotency-key", "greeting")

    same = call(site, "message", HELLO, "--idempotency-key", "greeting", "--on-unknown", "hold")
    other = call(site, "message", HELLO, "--idempotency-key", "greeting", "--on-unknown", "drop")

    assert same.json["id"] == first.json["id"]
    assert other.code == 7, other
    assert sent(site) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--end-at", "2020-01-01T00:00Z"), "has passed"),
        (("--at", "in 2h", "--end-at", "in 1h"), "it begins at"),
        (("--end-at", "2096-01-01T00:00"), "in which time zone"),
        (("--zone", "Europe/Berlin"), "says nothing by itself"),
        (("--window", "9-20"), "is not a window"),
        (("--window", "09:00-20:00"), "in which time zone"),
        (("--window", "09:00-20:00", "--zone", "Europe/Berln"), "there is no time zone"),
        (("--window", "00:00-24:00"), "leaves out no time"),
    ],
)
def test_times_that_make_no_sense_are_usage_problems_and_make_no_job(site, words, said):
    done = call(site, "message", HELLO, *words)

    assert (done.code, done.out) == (2, ""), done
    three_lines(done)
    assert said in done.err
    assert sent(site) == 0


def people(many):
    return "address\n" + "".join(f"{number}@example.com\n" for number in range(many))


def test_what_cannot_finish_in_time_is_refused_unless_it_is_forced(site):
    words = ("users", "delete", "-", "--app", "demo/shop", "--yes", "--rate", "1/s")
    late = (*words, "--end-at", "in 10s", "-o", "json")

    refused = typed(site, *late, stdin=people(100))
    quoted = typed(site, *late, "--dry-run", stdin=people(100))
    soon = typed(site, *words, "--end-at", "in 10m", "--at", "in 5m", stdin=people(100))
    forced = typed(site, *late, "--force-late", "--wait", stdin=people(100))

    assert (refused.code, refused.out) == (9, ""), refused
    assert "limited by job_rate (1/s)" in three_lines(refused)["why"]
    assert (quoted.code, quoted.json["late"]["limited_by"]) == (9, "job_rate")
    assert soon.code == 0, soon
    assert forced.code == 5, forced
    counts = forced.json["counts"]
    assert forced.json["state"] == "timed_out"
    assert 0 < counts["not_attempted"] < 100


def test_the_same_command_again_finds_its_job_though_it_would_be_late_by_now(site):
    words = ("users", "delete", "-", "--app", "demo/shop", "--yes", "--idempotency-key", "once")
    first = typed(site, *words, "--end-at", "in 10m", "-o", "json", stdin=people(3))

    again = typed(site, *words, "--end-at", "in 1s", "--rate", "1/h", "-o", "json", stdin=people(3))

    assert (again.code, again.json["id"]) == (0, first.json["id"]), again


def test_a_job_outside_its_window_rests_and_waits_for_no_person(site):
    later = datetime.now(UTC) + timedelta(hours=3)
    hours = f"{later:%H:%M}-{later + timedelta(hours=1):%H:%M}"

    done = call(site, "message", HELLO, "--window", f"{hours}[UTC]", "--timeout", "1s", "--wait")

    assert done.code == 8, done
    assert (done.json["paused"]["by"], done.json["window"]) == ("schedule", f"{hours}[UTC]")
    assert "it goes on by itself at" in done.err
    told = typed(site, "jobs", "explain", done.json["id"], "-o", "json").json
    assert "window" in [reason["code"] for reason in told["reasons"]]
    paused = typed(site, "jobs", "pause", done.json["id"], "-o", "json").json
    resumed = typed(site, "jobs", "resume", done.json["id"], "-o", "json").json
    assert (paused["paused"]["by"], resumed["paused"]["by"]) == ("user", "schedule")
    assert typed(site, "jobs", "cancel", done.json["id"]).code == 0
    assert sent(site) == 0


@pytest.mark.slow
def test_a_window_that_opens_lets_the_job_go_on_by_itself(site):
    now = datetime.now(UTC)
    opens = (now + timedelta(minutes=1)).replace(second=0, microsecond=0)
    hours = f"{opens:%H:%M}-{opens + timedelta(hours=1):%H:%M}"

    window = ("--window", hours, "--zone", "UTC")
    done = call(site, "message", HELLO, *window, "--wait", "--timeout", "90s")

    assert done.code == 0, done
    assert opens.isoformat()[:16] <= done.json["times"]["started_at"]
