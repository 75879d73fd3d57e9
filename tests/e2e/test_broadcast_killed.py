"""`kill -9` of the only worker, and lost answers, between sending messages and hearing of them."""

import os
import signal
from collections import Counter

from tests.e2e.broadcast_rig import App
from tests.e2e.product import measured, until

PEOPLE, AT_ONCE = 2_000, 16
FAST = ("--rate", "500/s", "--burst", "50", "--max-in-flight", str(AT_ONCE))


def test_a_message_whose_worker_is_killed_before_the_answer_is_unknown_and_sent_once(wounded):
    product, sandbox = wounded, wounded.stand_in
    app = App(product, sandbox, *FAST)
    sandbox.faults(
        {"fault": "drop_after_commit", "probability": 0.01, "op": "message"},
        # Carried out, and answered so late that calls are always out.
        {"fault": "latency", "median_ms": 25, "p99_ms": 40, "op": "message"},
    )
    text = "".join(f"u{n}@example.com\n" for n in range(PEOPLE))
    words = ("--to-users", app.file("p.txt", text), "--message", "Hi", "--on-unknown", "hold")
    job = app.create(*words).json["id"]
    until(lambda: sandbox.count(app.token) >= PEOPLE // 4)

    [worker] = product.workers()
    os.kill(worker, signal.SIGKILL)
    until(lambda: product.job(job)["state"] == "completed_with_errors")

    counts, received = product.job(job)["counts"], Counter(app.received())
    outcomes = {row["key"]["address"]: row["outcome"] for row in app.results(job)}
    calls = [one["outcome"] for one in sandbox.calls(app.token).entries if one["op"] == "message"]
    lost = len(calls) - calls.count("ok")
    assert 0 < counts["unknown"] <= lost + AT_ONCE
    assert counts["succeeded"] + counts["unknown"] == len(outcomes) == PEOPLE
    assert max(received.values()) == 1
    assert {who for who, what in outcomes.items() if what == "succeeded"} <= set(received)
    assert app.typed("jobs", "audit", job, "-o", "json").json
    measured(f"{counts['unknown']} of {PEOPLE} unknown, {lost} answers lost, none twice")
