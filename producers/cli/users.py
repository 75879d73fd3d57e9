"""`bulkhead users`: people in, from a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

import click

from bulkhead import client
from bulkhead.engine.draft import Request
from bulkhead.model.job import Job
from producers.cli.context import Context, pass_context
from producers.cli.follow import Following, finish, say_code
from producers.cli.input_options import input_options, take_input
from producers.cli.job_options import job_options, take_asked
from producers.cli.output import chosen, output_option, show_one
from producers.rows.open_input import AS_IT_IS, open_input
from producers.rows.row import InputOptions, Rows
from producers.rows.survey import Survey
from producers.rows.template import FORMATS, template

MENTIONED = 5
NOTHING: Mapping[str, Any] = MappingProxyType({})


@click.group()
def users() -> None:
    """Users: import a file, check a file, get a template."""


@users.command("import")
@click.argument("file", metavar="FILE|-")
@click.option(
    "--app", required=True, metavar="APP", help="tenant/app, or app with BULKHEAD_TENANT."
)
@input_options
@job_options
@output_option
@pass_context
def import_(
    ctx: Context,
    /,
    file: str,
    app: str,
    form: str | None,
    **options: Any,
) -> int:
    """Create or update every user in a file of CSV or JSON Lines.

    Rows with a problem are not sent; they stop no other row and are told in `jobs errors`.
    """
    how, asked = take_input(options), take_asked(options)
    job = submit_file(ctx, file, ctx.app_id(app), asked, how)
    return finish(ctx.jobs, job, Following(**options), form)


@users.command("validate")
@click.argument("file", metavar="FILE|-")
@input_options
@output_option
@pass_context
def validate(ctx: Context, /, file: str, form: str | None, **options: Any) -> int:
    """Read a file as an import would; exit 9 if a row is bad."""
    del ctx
    with open_input(file, take_input(options)) as rows:
        survey = Survey(rows)
    _mention(rows)
    summary = {
        **described(rows),
        "valid": survey.valid,
        "invalid": survey.invalid,
        "skipped": survey.skipped,
        "not_sent": rows.ignored_columns,
        "errors_by_code": survey.errors_by_code(),
    }
    _show_summary(summary, form)
    return 9 if survey.invalid else 0


def _show_summary(summary: dict[str, Any], form: str | None) -> None:
    if chosen(form) != "table":
        show_one(summary, form)
        return
    show_one({name: value for name, value in summary.items() if name != "errors_by_code"}, form)
    for entry in summary["errors_by_code"]:
        say_code(**entry)


@users.command("template")
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    default="csv",
    show_default=True,
    help="Format of the file.",
)
def template_(kind: str) -> None:
    """Print an example file to start from."""
    click.echo(template(kind), nl=False)


def submit_file(
    ctx: Context,
    file: str,
    app: str,
    asked: Mapping[str, Any] = NOTHING,
    how: InputOptions = AS_IT_IS,
) -> Job:
    """The job that imports this file; `asked` are further members of the request."""
    name = ctx.fleet.app(app).id
    with open_input(file, how) as rows:
        request = Request(
            kind="users.import",
            tenant=name.split("/")[0],
            app=name,
            columns=rows.columns,
            mapping=asdict(rows.mapping),
            **asked,
        )
        job = client.submit(ctx.scripts, request, entries(rows), lambda: described(rows))
    _mention(rows)
    return job


def entries(rows: Rows) -> Iterator[client.Entry]:
    """The rows as a job takes them."""
    for line, cells, problem in rows:
        if problem is None:
            yield client.Entry(line, cells)
        else:
            yield client.Entry(line, cells, problem.code, problem.message)


def described(rows: Rows) -> dict[str, Any]:
    """The `input` of the job document; whole after the last row."""
    return {
        "sha256": rows.sha256,
        "rows": rows.count,
        "bytes": rows.bytes,
        "format": rows.format,
    }


def _mention(rows: Rows) -> None:
    if rows.ignored_columns:
        names = ", ".join(rows.ignored_columns[:MENTIONED])
        more = " …" if len(rows.ignored_columns) > MENTIONED else ""
        click.echo(f"note: not sent, only kept for the errors file: {names}{more}", err=True)
