"""`--on-unknown` and the end of a job as a person types them."""

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
