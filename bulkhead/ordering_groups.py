"""Orders jobs about groups from objects; see `ordering` for the rest."""

from __future__ import annotations

from collections.abc import Iterable

from bulkhead.engine.script import Scripts
from bulkhead.model.job import Job
from bulkhead.ordering import DEFAULT, Options, Order, of_rows


def create_groups(
    scripts: Scripts, rows: Iterable[object], *, app: str, options: Options = DEFAULT
) -> Job:
    """Make a group for each mapping; one of a custom_id that is on our record is not made again.

    `app` is `tenant/app`. A row that cannot be sent fails with its code and stops no other.
    Raises NotFound (app), Conflict (idempotency key), StoreFull or Unreachable, and whatever
    `rows` raises: nothing was sent then.
    """
    return of_rows(scripts, rows, Order("groups.create", app, {}, options))
