"""Whoever reads results, errors, tokens or the record may stop reading at any moment."""

import signal
import subprocess

import pytest

from tests.e2e.product import COMMAND
from tests.e2e.typed import typed

ROWS = 1500
"""Enough for each output to be longer than a pipe holds."""
OUTPUTS = {
    "results as json": ("jobs", "results", "JOB", "-o", "json"),
    "results as a table": ("jobs", "results", "JOB", "-o", "table"),
    "errors to be mended": ("jobs", "errors", "JOB", "-o", "csv"),
    "tokens": ("jobs", "tokens", "JOB", "--out", "-"),
    "users as csv": ("users", "export", "--app", "demo/shop"),
    "users as json": ("users", "list", "--app", "demo/shop", "-o", "json"),
}


@pytest.fixture(scope="module")
def job(site):
    """A job with many results, many errors and many tokens."""
    file = site.home / "many.csv"
    good = [f"reader{n}@example.com,{'x' * 60}\n" for n in range(ROWS)]
    bad = [f'"bad,{n}",{"y" * 60}\n' for n in range(ROWS)]
    file.write_text("address,name\n" + "".join(good + bad))
    words = ("--app", "demo/shop", "--tokens", "missing", "--wait", "-o", "json")
    done = typed(site, "users", "import", str(file), *words)
    assert done.code == 3, done
    assert done.json["counts"]["succeeded"] == done.json["counts"]["failed"] == ROWS
    return done.json["id"]


@pytest.fixture(params=OUTPUTS)
def reading(request, site, job):
    """One such command under way, with nobody reading so far."""
    words = [job if word == "JOB" else word for word in OUTPUTS[request.param]]
    with subprocess.Popen(
        [*COMMAND, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=site.environment,
    ) as process:
        assert process.stdout.read(1)
        yield process
        if process.poll() is None:
            process.kill()


def test_a_reader_that_has_seen_enough_ends_the_command_well(reading):
    reading.stdout.close()

    said = reading.stderr.read().decode()

    assert reading.wait(20) == 0, said
    assert "Traceback" not in said
    assert "Exception ignored" not in said


def test_ctrl_c_ends_the_command_and_says_nothing_more(reading):
    reading.send_signal(signal.SIGINT)

    said = reading.communicate(timeout=20)[1].decode()

    assert reading.returncode == 130, said
    assert "Traceback" not in said
