"""The DEBUG lines of items that ended without a slice reporting them."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from structlog import get_logger

from bulkhead.engine.verbs import Reaped
from bulkhead.model.ranges import indexes

_log = get_logger()


def wanted() -> bool:
    """True if such lines are written at all: then they are worth reading the store for."""
    return bool(_log.is_enabled_for(logging.DEBUG))


def tell(app: str, job: str, items: Iterable[tuple[int, str, str]]) -> None:
    """One line an item: its number, what became of it, and the code."""
    if not wanted():
        return
    about = {"tenant": app.split("/", maxsplit=1)[0], "app": app, "job": job}
    for item, outcome, code in items:
        _log.debug("item_finished", **about, item=item, attempt=0, outcome=outcome, code=code)


def tell_reaped(reaped: Reaped) -> None:
    """The items that a reaper ended; those that run again will have a line of their own."""
    ended, code = ("unknown", "NOT_CONFIRMED") if reaped.unknown else ("failed", "POISON")
    if reaped.dropped:
        ended = "failed"
    if reaped.unknown or reaped.failed:
        tell(reaped.app, reaped.job, ((item, ended, code) for item in indexes(reaped.ranges)))
