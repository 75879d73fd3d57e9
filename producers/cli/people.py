"""Jobs over the people in a file: what is done to them, and the order that it becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

import click

from bulkhead.engine.draft import Request
from bulkhead.model.shape import USERS, shape_of
from producers.cli.context import Context
from producers.cli.input_options import input_options, take_input
from producers.cli.job_options import job_options, quote_options, take_asked, take_how
from producers.cli.order import Order, carry_out
from producers.cli.output import output_option
from producers.cli.time_options import time_options
from producers.rows.open_input import AS_IT_IS, open_input
from producers.rows.row import InputOptions, Rows

MENTIONED = 5
NOTHING: Mapping[str, Any] = MappingProxyType({})

app_option = click.option(
    "--app", required=True, metavar="APP", help="tenant/app, or app with BULKHEAD_TENANT."
)


Command = TypeVar("Command", bound=Callable[..., Any])


def people_options(command: Command) -> Command:
    """What every command takes that makes a job over the people in a file."""
    command = output_option(quote_options(job_options(time_options(command))))
    command = app_option(input_options(command))
    return click.argument("file", metavar="FILE|-")(command)


@dataclass(frozen=True, slots=True)
class Work:
    """What is done to each person of a file."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    repeat: str = "safe"
    """What may be done about its first call when no answer comes: `safe`, `check` or `once`."""
    verb: str = ""
    """The question's first word where a person is asked first; empty where nobody is."""


@dataclass(frozen=True, slots=True)
class People:
    """A file of people, how it is to be read, and the app whose users they are."""

    file: str
    app: str
    reading: InputOptions = AS_IT_IS


def over_people(ctx: Context, work: Work, options: dict[str, Any], form: str | None) -> int:
    """Do this work as the options of `people_options` say; the exit code."""
    reading = take_input(options, shape_of(work.kind) or USERS)
    people = People(options.pop("file"), options.pop("app"), reading)
    asked, how = take_asked(options), take_how(options)
    return carry_out(ctx, order_of(ctx, work, people, asked), how, form)


@contextmanager
def order_of(
    ctx: Context, work: Work, people: People, asked: Mapping[str, Any] = NOTHING
) -> Iterator[Order]:
    """The order for these people; `asked` are further members of the request.

    Raises NotFound (app) before the file is opened, and InvalidInput for one of the wrong kind.
    """
    name = ctx.fleet.app(ctx.app_id(people.app)).id
    with open_input(people.file, people.reading) as rows:
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
        noun = people.reading.shape.noun
        question = _question(work.verb, noun, name) if work.verb else None
        yield Order(request, rows.batches(), lambda: described(rows), question)
    # Only now are the columns of objects known.
    mention(rows)


def described(rows: Rows) -> dict[str, Any]:
    """The `input` of a job document; whole when the last row was read."""
    return {
        "sha256": rows.sha256,
        "rows": rows.count,
        "bytes": rows.bytes,
        "format": rows.format,
    }


def mention(rows: Rows) -> None:
    """Say which columns stay here."""
    if rows.ignored_columns:
        names = ", ".join(rows.ignored_columns[:MENTIONED])
        more = " …" if len(rows.ignored_columns) > MENTIONED else ""
        click.echo(f"note: not sent, only kept for the errors file: {names}{more}", err=True)


def _question(verb: str, noun: str, app: str) -> Any:
    def ask(count: int) -> str:
        return f"{verb} {count:,} {noun if count == 1 else noun + 's'} of {app}?"

    return ask
