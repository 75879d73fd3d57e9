"""The log: one line a fact, from us and the libraries, with nothing secret in it."""

import io
import json
import logging
import re
import sys
import threading
import warnings
from dataclasses import dataclass

import pytest
import structlog

from worker import logs
from worker.redaction import Redactor

SECRET = "canary-of-the-log-0123456789"


@dataclass
class LogSettings:
    log_level: str = "INFO"
    log_format: str = "json"
    log_addresses: str = "masked"


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Gone(io.StringIO):
    def write(self, text):
        raise BrokenPipeError


@pytest.fixture
def log(monkeypatch):
    """Configure the log with these settings, and read back its lines; the process is restored."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(logging, "raiseExceptions", True)
    monkeypatch.setattr(logs, "redactor", Redactor())

    def configure(stream=None, **settings):
        stream = stream or io.StringIO()
        logs.configure(LogSettings(**settings), stream)
        written = structlog.get_logger()
        written.lines = lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
        written.text = stream.getvalue
        return written

    yield configure
    root.handlers[:], root.level = before
    logging.captureWarnings(False)
    structlog.reset_defaults()


def test_a_line_says_when_how_grave_what_and_about_whom_in_this_order(log):
    written = log()

    written.info("slice_finished", slice="s1", tenant="acme", app="acme/shop")

    (line,) = written.lines()
    assert list(line) == ["timestamp", "level", "event", "tenant", "app", "job", "slice"]
    assert (line["level"], line["event"], line["job"]) == ("info", "slice_finished", None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"])


def test_an_item_is_a_line_at_debug_only(log):
    quiet = log()
    quiet.debug("item_finished")
    assert quiet.lines() == []

    loud = log(log_level="DEBUG")
    loud.debug("item_finished")
    assert [line["event"] for line in loud.lines()] == ["item_finished"]


def test_what_was_bound_to_the_context_is_in_the_line(log):
    written = log()

    with structlog.contextvars.bound_contextvars(job="job_1"):
        written.info("job_finished")

    assert written.lines()[0]["job"] == "job_1"


def test_a_terminal_gets_lines_to_read_and_a_file_gets_json(log):
    on_terminal = log(Terminal(), log_format="auto")
    on_terminal.info("worker_started", worker="w1")
    assert "worker_started" in on_terminal.text()
    assert not on_terminal.text().startswith("{")

    in_file = log(log_format="auto")
    in_file.info("worker_started")
    assert in_file.lines()


def test_addresses_are_masked_unless_asked_for_in_full(log):
    masked = log()
    masked.info("item_finished", address="4915112345678", message="no user ann@example.com")
    assert masked.lines()[0]["address"] == "49…"
    assert masked.lines()[0]["message"] == "no user an…@example.com"

    full = log(log_addresses="full")
    full.info("item_finished", address="4915112345678")
    assert full.lines()[0]["address"] == "4915112345678"


def test_a_phone_number_in_a_refusal_is_masked_like_any_address(log):
    refused = {
        "what": "acme/shop may not send from 4915112345678",
        "why": "its senders are news, +49301119999, 004930111",
    }

    masked = log()
    masked.warning("message_refused", **refused, submission="dead_1234567890")
    full = log(log_addresses="full")
    full.warning("message_refused", **refused)

    told = masked.lines()[0]
    assert told["what"] == "acme/shop may not send from 49…"
    assert told["why"] == "its senders are news, +4…, 00…"
    assert told["submission"] == "dead_1234567890"
    assert full.lines()[0]["why"] == refused["why"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_passes_by_key_value_pattern_or_traceback(log, form):
    written = log(log_format=form)
    logs.redactor.register(SECRET)

    written.info("app_stopped", token=SECRET, body={"deep": [SECRET]}, said=f"<{SECRET}>")
    written.info("app_stopped", other=f"?token=another-{SECRET[::-1]}&x=1")
    try:
        raise ValueError(SECRET)
    except ValueError:
        written.exception("parcel_failed")
    written.error("parcel_failed", error=RuntimeError(SECRET))

    assert SECRET not in written.text()
    assert SECRET[::-1] not in written.text()
    assert "Traceback" in written.text()
    assert "ValueError: ***" in written.text()


def test_a_library_speaks_through_the_same_gate(log):
    written = log()
    logs.redactor.register(SECRET)

    logging.getLogger("celery.worker").error("lost %s", f"redis://:word-{SECRET}@host/0")
    try:
        raise OSError(SECRET)
    except OSError:
        logging.getLogger("kombu.transport").exception("failed")

    first, second = written.lines()
    assert first["event"] == second["event"] == "library_message"
    assert first["logger"] == "celery.worker"
    assert first["message"] == "lost redis://:***@host/0"
    assert second["level"] == "error"
    assert "OSError: ***" in second["exception"]


@pytest.mark.parametrize("name", ["celery.app.trace", "kombu.common", "urllib3.connectionpool"])
def test_a_library_that_speaks_of_each_task_or_request_is_heard_from_warnings_up(log, name):
    written = log(log_level="DEBUG")

    logging.getLogger(name).info("one more")
    logging.getLogger(name).warning("look here")

    assert [line["message"] for line in written.lines()] == ["look here"]


def test_a_higher_level_holds_for_quiet_libraries_too(log):
    written = log(log_level="ERROR")

    logging.getLogger("kombu").warning("look here")

    assert written.lines() == []


def test_a_python_warning_is_a_line(log):
    written = log()

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("token=abcdefgh", stacklevel=1)

    assert "token=***" in written.lines()[0]["message"]


def test_a_thread_that_dies_leaves_a_redacted_line(log):
    written = log()
    logs.redactor.register(SECRET)

    def die():
        raise ValueError(SECRET)

    thread = threading.Thread(target=die)
    thread.start()
    thread.join()

    (line,) = written.lines()
    assert line["event"] == "unexpected_error"
    assert "ValueError: ***" in line["exception"]


def test_a_stream_that_is_gone_does_not_stop_the_work(log):
    written = log(Gone())

    written.info("worker_started")
    logging.getLogger("celery").warning("still here")


def test_a_record_that_cannot_be_formatted_prints_nothing_by_itself(log, capsys):
    log()

    logging.getLogger("celery").warning("%d", SECRET)

    assert SECRET not in capsys.readouterr().err
