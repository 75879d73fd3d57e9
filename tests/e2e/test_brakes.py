"""Pause, resume, cancel and stop in the middle of a job, judged by the sandbox's log."""

import threading
import time

import pytest

from tests.e2e.broadcast_rig import App
from tests.e2e.product import measured, until
from tests.e2e.standing import second_worker

OBEYED_WITHIN = 2.0
"""Seconds from the command's answer to the last new call."""
QUIET = 4.0
ROWS = 1_500
RECIPIENTS = 20_000


class Standstill:
    """The longest that this machine kept a thread waiting, in seconds: no fault of ours."""

    def __init__(self):
        self.longest = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        before = time.monotonic()
        while not self._over.wait(0.02):
            now = time.monotonic()
            self.longest, before = max(self.longest, now - before - 0.02), now


@pytest.fixture
def still():
    """How much a call may be late because nothing at all could run."""
    with Standstill() as watched:
        # The sandbox, the worker and the store may have waited one after the other.
        yield lambda: OBEYED_WITHIN + 3 * watched.longest


@pytest.fixture
def product(standing):
    """The one that stands, with one more worker."""
    with second_worker(standing):
        yield standing


@pytest.fixture
def running(product):
    """An import a quarter done, and what it runs on."""
    limits = ("--rate", "100/s", "--burst", "20", "--max-in-flight", "16")
    return product.stand_in, *product.importing(product.stand_in, ROWS, limits)


def last_call_after(sandbox, token, answered):
    """Seconds from an answer to the last call, looked at when all should be quiet."""
    until(lambda: time.time() > answered + QUIET)
    return sandbox.calls(token).times[-1] - answered


def test_a_paused_job_makes_no_call_after_two_seconds_and_goes_on_when_resumed(
    product, running, still
):
    sandbox, token, job = running

    done = product.typed("jobs", "pause", job, "--why", "lunch", "-o", "json")
    answered = time.time()

    assert done.code == 0, done
    product.job(job)
    late = last_call_after(sandbox, token, answered)
    measured(f"last call {late:+.2f} s after the answer to pause")
    assert late <= still()
    held = product.job(job)
    assert held["state"] == "paused"
    assert held["paused"] == {"by": "user", "why": "lunch"}
    assert held["counts"]["in_flight"] == 0
    assert held["counts"]["succeeded"] == sandbox.received(token)["distinct_keys"]
    assert product.wait(job).code == 10
    assert product.typed("jobs", "resume", job).code == 0
    record, _ = product.conserved(sandbox, token, job, ROWS)
    assert record["requests"] == ROWS


def test_a_cancelled_job_makes_no_call_after_two_seconds_and_never_changes_again(
    product, running, still
):
    sandbox, token, job = running

    done = product.typed("jobs", "cancel", job, "-o", "json")
    answered = time.time()

    assert done.code == 0, done
    product.job(job)
    late = last_call_after(sandbox, token, answered)
    measured(f"last call {late:+.2f} s after the answer to cancel")
    assert late <= still()
    counts = product.job(job)["counts"]
    assert (counts["pending"], counts["in_flight"]) == (0, 0)
    assert counts["succeeded"] == sandbox.received(token)["distinct_keys"]
    assert counts["cancelled"] == ROWS - counts["succeeded"] > 0
    assert product.wait(job).code == 6
    for verb in ("pause", "resume"):
        assert product.typed("jobs", verb, job).code == 7
    assert product.typed("jobs", "cancel", job).code == 0
    assert product.job(job)["state"] == "cancelled"
    assert product.job(job)["counts"] == counts


def test_a_stopped_broadcast_at_full_speed_sends_nothing_after_two_seconds(product, sandbox, still):
    app = App(product, sandbox, "--rate", "5000/s", "--burst", "100", "--max-in-flight", "100")
    text = "".join(f"u{n}@example.com\n" for n in range(RECIPIENTS))
    job = app.create("--to-users", app.file("p.txt", text), "--message", "Hi").json["id"]
    until(lambda: product.job(job)["counts"]["succeeded"] >= RECIPIENTS // 20)

    done = app.typed("broadcast", "stop", job, "--yes", "-o", "json")
    answered = time.time()

    assert done.json["state"] == "cancelled"
    late = last_call_after(sandbox, app.token, answered)
    calls = sandbox.calls(app.token).times
    pace = len([t for t in calls if t > calls[-1] - 1])
    measured(f"last message {late:+.2f} s after the answer to stop, {pace} in the second before")
    assert late <= still()
    counts = product.job(job)["counts"]
    assert (counts["pending"], counts["in_flight"]) == (0, 0)
    assert counts["succeeded"] == len(set(app.received())) == len(app.received())
    assert counts["cancelled"] == RECIPIENTS - counts["succeeded"] > 0
