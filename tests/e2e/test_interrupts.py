"""Ctrl-C at any moment, and two imports at once."""

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress

import pytest

from producers.cli.follow import finish
from tests.e2e.product import COMMAND, measured, people, until
from tests.e2e.typed import typed

ROWS = 600
MOMENTS = (0.05, 0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 3.0)
"""Seconds after the start of the command."""
OURS = re.compile(r'File "[^"]*/((?:producers|bulkhead|worker|tasks)/[^"]*)"')
"""A file of ours in a stack that Python prints."""
ENTRY = {"producers/__init__.py", "producers/cli/__init__.py", "producers/cli/__main__.py"}
"""Files that run before a handler of ours can stand."""
LIMITS = ("--rate", "75/s", "--burst", "15", "--max-in-flight", "8")


@pytest.fixture
def product(standing):
    """The one that stands: no test here ends any of its processes."""
    return standing


def test_two_imports_of_one_file_at_once_are_two_jobs_that_both_end(product, sandbox):
    token = product.app("acme/shop", sandbox, *LIMITS)
    file = people(product.home / "p.csv", ROWS)
    words = ("users", "import", file, "--app", "acme/shop", "--wait")

    both = [product.start(*words, log=f"import{n}") for n in range(2)]

    assert [process.wait(400) for process in both] == [0, 0], [p.log.read_text() for p in both]
    jobs = product.jobs()
    assert len(jobs) == 2
    counts = [product.job(job)["counts"] for job in jobs]
    assert [one["succeeded"] + one["skipped"] for one in counts] == [ROWS, ROWS]
    record = sandbox.received(token)
    assert record["distinct_keys"] == ROWS
    assert record["requests"] == sum(one["succeeded"] for one in counts)
    assert record["max_applied_per_key"] <= 2
    measured(f"both jobs ended; {record['requests']} calls for {ROWS} rows in two files")


def test_ctrl_c_stops_the_watching_and_not_the_job(product, sandbox):
    token = product.app("acme/shop", sandbox, *LIMITS)
    file = people(product.home / "p.csv", ROWS)
    watching = product.start("users", "import", file, "--app", "acme/shop", "--watch", log="watch")
    until(lambda: sandbox.count(token) >= ROWS // 6)

    watching.send_signal(signal.SIGINT)

    assert watching.wait(90) == 130, watching.log.read_text()
    told = watching.log.read_text()
    again = re.search(r"jobs watch (job_\w+)", told)
    assert again, told
    assert "Traceback" not in told
    seen = sandbox.count(token)
    assert product.wait(again[1]).code == 0
    assert sandbox.received(token)["distinct_keys"] == ROWS
    measured(f"exit 130 after {seen} of {ROWS} calls; the job went on to its end")


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_that_is_ended_while_it_waits_prints_the_job_once(product, sandbox, sent, code):
    token = product.app("acme/shop", sandbox, *LIMITS)
    file = people(product.home / "p.csv", ROWS)
    words = ("users", "import", file, "--app", "acme/shop", "--wait", "-o", "json")
    with subprocess.Popen(
        [*COMMAND, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=product.environment,
        text=True,
    ) as waiting:
        until(lambda: sandbox.count(token) >= ROWS // 6)

        waiting.send_signal(sent)

        out, told = waiting.communicate(timeout=90)
    assert waiting.returncode == code, told
    assert f" jobs watch {json.loads(out)['id']}" in told


def test_ctrl_c_between_the_answer_and_the_watching_tells_the_job(product, sandbox):
    product.app("acme/shop", sandbox, *LIMITS)
    file = people(product.home / "p.csv", 1)

    def interrupt(frame, event, _arg):
        if event == "call" and frame.f_code is finish.__code__:
            raise KeyboardInterrupt

    sys.setprofile(interrupt)
    try:
        done = typed(product, "users", "import", file, "--app", "acme/shop")
    finally:
        sys.setprofile(None)

    assert done.code == 130, done
    (job,) = product.jobs()
    assert f" jobs watch {job}" in done.err


LOST = """
import signal, sys, weakref

class Dying:
    pass

def lose(frame, event, _arg):
    if event == "call" and frame.f_code.co_name == MOMENT:
        sys.setprofile(None)
        dying = Dying()
        ref = weakref.ref(dying, lambda _: signal.raise_signal(signal.SIGINT))
        del dying

sys.setprofile(lose)
from producers.cli import main
main()
"""
"""A command in which Python drops a Ctrl-C, as it does in a callback of a garbage collection."""


@pytest.mark.parametrize(("moment", "jobs"), [("take", 0), ("progress_for", 1)])
def test_a_ctrl_c_that_python_drops_is_heeded_all_the_same(product, sandbox, moment, jobs):
    product.app("acme/shop", sandbox, *LIMITS)
    product.typed("apps", "pause", "acme/shop")
    file = people(product.home / "p.csv", 1)
    script = f"MOMENT = {moment!r}\n{LOST}"
    words = ("users", "import", file, "--app", "acme/shop", "--watch")

    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *words],
        env=product.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 130, done.stderr
    assert "Exception ignored" in done.stderr
    assert len(product.jobs()) == jobs
    assert done.stderr.count(" jobs watch ") == jobs


def test_ctrl_c_while_the_input_is_read_leaves_no_job_and_sends_nothing(product, sandbox):
    token = product.app("acme/shop", sandbox, *LIMITS)
    before = listed(product)
    words = ("users", "import", "-", "--app", "acme/shop")
    with subprocess.Popen(
        [*COMMAND, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=product.environment,
        text=True,
    ) as reading:
        reading.stdin.write("address,name\n")
        reading.stdin.writelines(f"user{n}@example.com,User\n" for n in range(50_000))
        reading.stdin.flush()
        (job,) = until(product.jobs)

        reading.send_signal(signal.SIGINT)

        code = reading.wait(90)
        told = reading.stderr.read()
        assert code == 130, told
        assert "Traceback" not in told
    with product.look() as scripts:
        assert not list(scripts.redis.scan_iter(f"{scripts.key('job', job)}*"))
    assert product.jobs() == []
    assert listed(product) == before
    assert sandbox.count(token) == 0
    measured("exit 130 with 50,000 rows read; no key of the job is left")


def listed(product):
    return product.typed("jobs", "list", "-o", "json").json


def test_ctrl_c_at_any_moment_leaves_a_whole_job_or_none(product, sandbox):
    product.app("acme/shop", sandbox, *LIMITS)
    known, seen = set(), Counter()
    for number, moment in enumerate(MOMENTS):
        # Other people every time: of those who are known already the job would end at once.
        file = people(product.home / "p.csv", 2_000, start=2_000 * number)
        words = ("users", "import", file, "--app", "acme/shop", "--watch")
        process = product.start(*words, log=f"moment{number}")
        with suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        process.send_signal(signal.SIGINT)
        code = process.wait(120)

        told = process.log.read_text()
        new = set(product.jobs()) - known
        known |= new
        assert len(new) <= 1
        seen["with a job" if new else "without"] += 1
        for job in new:
            assert code == 130
            assert job in told
            assert product.job(job)["counts"]["total"] == 2_000
            assert product.typed("jobs", "cancel", job).code == 0
        # Before our first line has run, Python ends in its own words and with its own code.
        if "Traceback" not in told:
            assert code in (130, -signal.SIGINT), told
        assert set(OURS.findall(told)) <= ENTRY, told
    measured(f"{len(MOMENTS)} interrupts: {dict(seen)}")
