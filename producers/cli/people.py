"""Jobs over the people in a file: what is done to them, and the order that it becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

import click

from bulkhead import client
from bulkhead.engine.draft import Request
from producers.cli.context import Context
from producers.cli.order import Order
from producers.rows.csv_file import Rows, open_rows

MENTIONED = 5
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Work:
    """What is done to each person of a file."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    repeat: str = "safe"
    """What may be done about its first call when no answer comes: `safe`, `check` or `once`."""
    verb: str = ""
    """The question's first word where a person is asked first; empty where nobody is."""


@contextmanager
def order_of(
    ctx: Context, work: Work, file: str, app: str, asked: Mapping[str, Any] = NOTHING
) -> Iterator[Order]:
    """The order for this file; `asked` are further members of the request.

    Raises NotFound (app) before the file is opened, and InvalidInput for one of the wrong kind.
    """
    name = ctx.fleet.app(app).id
    with open_rows(file) as rows:
        mention(rows)
        request = Request(
            kind=work.kind,
            tenant=name.split("/")[0],
            app=name,
            columns=rows.columns,
            mapping=asdict(rows.mapping),
            params=work.params,
            repeat=work.repeat,
            **asked,
        )
        question = _question(work.verb, name) if work.verb else None
        yield Order(request, _entries(rows), lambda: described(rows), question)


def described(rows: Rows) -> dict[str, Any]:
    """The `input` of a job document; whole when the last row was read."""
    return {"sha256": rows.sha256, "rows": rows.count, "bytes": rows.bytes, "format": "csv"}


def mention(rows: Rows) -> None:
    """Say which columns stay here."""
    if rows.ignored_columns:
        names = ", ".join(rows.ignored_columns[:MENTIONED])
        more = " …" if len(rows.ignored_columns) > MENTIONED else ""
        click.echo(f"note: not sent, only kept for the errors file: {names}{more}", err=True)


def _entries(rows: Rows) -> Iterator[client.Entry]:
    for line, cells, problem in rows:
        if problem is None:
            yield client.Entry(line, cells)
        else:
            yield client.Entry(line, cells, problem.code, problem.message)


def _question(verb: str, app: str) -> Any:
    def ask(count: int) -> str:
        return f"{verb} {count:,} {'user' if count == 1 else 'users'} of {app}?"

    return ask
