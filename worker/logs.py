"""One log for the process: JSON lines, ours and the libraries', with nothing secret in them."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Protocol, TextIO

import structlog
from structlog.typing import EventDict, Processor

from bulkhead.masking import mask_address
from worker.redaction import Redactor

redactor = Redactor()
"""This process's secrets. Register each as soon as it is known in the clear."""

QUIET = (
    "celery.app.trace",
    "celery.worker.strategy",
    "celery.task",
    "kombu",
    "amqp",
    "requests",
    "urllib3",
    "redis",
    "asyncio",
    "uvicorn.access",
)
"""Libraries that say one line a task or a request: only their warnings are worth a line."""

_ENCODE = json.JSONEncoder(check_circular=False).encode
_ALWAYS = ("timestamp", "level", "event", "tenant", "app", "job")
_ADDRESS_KEYS = frozenset({"address", "addresses", "sender", "recipient", "from", "to"})
_NO_ADDRESS = frozenset({int, float, bool, type(None)})
_TOLD_KEYS = frozenset({"what", "why", "error"})
"""Texts of refusals, which name whoever was refused."""
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w.])\+?[0-9]{7,15}(?!\w)")


class LogSettings(Protocol):
    """The three settings a log has."""

    @property
    def log_level(self) -> str: ...
    @property
    def log_format(self) -> str: ...
    @property
    def log_addresses(self) -> str: ...


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """From now on every line of this process, libraries and crashes included, goes one way.

    `stream` is standard error unless another is handed in.
    """
    stream = stream or sys.stderr
    level = logging.getLevelNamesMapping()[settings.log_level]
    last = _finish(settings, stream)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, _stamp, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(stream),
        cache_logger_on_first_use=True,
    )
    _route_libraries(level, stream, last)
    _route_crashes()


def _finish(settings: LogSettings, stream: TextIO) -> list[Processor]:
    """The processors that end every line; only the renderer comes after the redaction."""
    steps: list[Processor] = [structlog.processors.format_exc_info]
    if settings.log_addresses != "full":
        steps.append(_mask_addresses)
    steps.append(_redact)
    if settings.log_format == "json" or (settings.log_format == "auto" and not stream.isatty()):
        return [*steps, structlog.processors.JSONRenderer(_as_json)]
    return [*steps, _without_empty, _console(stream)]


def _stamp(_logger: Any, level: str, event: EventDict) -> EventDict:
    """Time, level, and who it is about come first, in every line."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    level = "error" if level == "exception" else level
    line: dict[str, Any] = dict.fromkeys(_ALWAYS)
    line.update(event)
    line["timestamp"] = f"{now[:-6]}Z"
    line["level"] = level
    return line


def _from_library(_logger: Any, level: str, event: EventDict) -> EventDict:
    """A record of the standard library as one of our lines."""
    record: logging.LogRecord = event["_record"]
    line = {"event": "library_message", "logger": record.name, "message": event["event"]}
    line |= {name: event[name] for name in ("exc_info", "stack_info") if name in event}
    return _stamp(_logger, level, line)


def _mask_addresses(_logger: Any, _level: str, event: EventDict) -> EventDict:
    return {
        name: value if type(value) in _NO_ADDRESS else _masked(name, value)
        for name, value in event.items()
    }


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, str):
        if name in _ADDRESS_KEYS:
            return mask_address(value)
        if name in _TOLD_KEYS:
            value = _PHONE.sub(_mask_found, value)
        return _EMAIL.sub(_mask_found, value) if "@" in value else value
    if isinstance(value, Mapping):
        return {inner: _masked(str(inner), one) for inner, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(name, one) for one in value]
    return value


def _mask_found(found: re.Match[str]) -> str:
    return mask_address(found[0])


def _redact(_logger: Any, _level: str, event: EventDict) -> EventDict:
    # The clock and the level are ours, and most lines have nothing else worth a search.
    return {
        name: value if name in {"timestamp", "level"} else redactor.field(name, value)
        for name, value in event.items()
    }


def _as_json(line: Any, **_: Any) -> str:
    # After the redaction every value is one that JSON knows: no fallback, so the fast way.
    return _ENCODE(line)


def _without_empty(_logger: Any, _level: str, event: EventDict) -> EventDict:
    return {name: value for name, value in event.items() if value is not None}


def _console(stream: TextIO) -> Processor:
    from rich.console import Console  # noqa: PLC0415 - knows terminals and NO_COLOR; slow to load

    terminal = Console(file=stream)
    return structlog.dev.ConsoleRenderer(
        colors=terminal.is_terminal and not terminal.no_color,
        # The traceback is text by now, redacted; a prettier one would show local variables.
        exception_formatter=structlog.dev.plain_traceback,
    )


class _Lines:
    """Writes lines; a stream that is full or gone never stops the work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except (OSError, ValueError):
            return

    log = debug = info = warning = warn = error = err = critical = fatal = exception = msg


def _route_libraries(level: int, stream: TextIO, last: list[Processor]) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[_from_library, *last]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # DEBUG is for our items; a library's would drown them.
    root.setLevel(max(level, logging.INFO))
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    for name in ("celery", "kombu", "uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.captureWarnings(True)
    # A record that cannot be formatted would be printed as it is, secrets included.
    logging.raiseExceptions = False


def _route_crashes() -> None:
    log = structlog.get_logger()

    def crashed(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        log.critical("unexpected_error", exc_info=(kind, error, trace))

    def thread_crashed(crash: threading.ExceptHookArgs) -> None:
        if crash.exc_value is not None:
            crashed(crash.exc_type, crash.exc_value, crash.exc_traceback)

    sys.excepthook = crashed
    threading.excepthook = thread_crashed
