"""`bulkhead users`: people in, from a file."""

from __future__ import annotations

from typing import Any

import click

from bulkhead.model.job import Job
from producers.cli.context import Context, pass_context
from producers.cli.follow import say_code
from producers.cli.job_options import job_options, quote_options, take_asked, take_how
from producers.cli.order import carry_out, submit
from producers.cli.output import chosen, output_option, show_one
from producers.cli.people import MENTIONED, Work, described, mention, order_of
from producers.rows.csv_file import open_rows
from producers.rows.template import template

IMPORT = Work("users.import", {"tokens": "none", "force": False})


@click.group()
def users() -> None:
    """Users: import a file, check a file, get a template."""


@users.command("import")
@click.argument("file", metavar="FILE|-")
@click.option(
    "--app", required=True, metavar="APP", help="tenant/app, or app with BULKHEAD_TENANT."
)
@job_options
@quote_options
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
    """Create or update every user in a CSV file.

    Rows with a problem are not sent; they stop no other row and are told in `jobs errors`.
    """
    asked, how = take_asked(options), take_how(options)
    return carry_out(ctx, order_of(ctx, IMPORT, file, ctx.app_id(app), asked), how, form)


@users.command("validate")
@click.argument("file", metavar="FILE|-")
@output_option
@pass_context
def validate(ctx: Context, /, file: str, form: str | None) -> int:
    """Read a file as an import would; exit 9 if a row is bad."""
    del ctx
    found: dict[str, list[int]] = {}
    with open_rows(file) as rows:
        mention(rows)
        for line, _, problem in rows:
            if problem is not None:
                found.setdefault(problem.code, []).append(line)
        bad = sum(map(len, found.values()))
        summary = {
            **described(rows),
            "valid": rows.count - bad,
            "invalid": bad,
            "not_sent": rows.ignored_columns,
            "errors_by_code": [_code(code, lines) for code, lines in found.items()],
        }
    _show_summary(summary, form)
    return 9 if bad else 0


def _show_summary(summary: dict[str, Any], form: str | None) -> None:
    if chosen(form) != "table":
        show_one(summary, form)
        return
    show_one({name: value for name, value in summary.items() if name != "errors_by_code"}, form)
    for entry in summary["errors_by_code"]:
        say_code(**entry)


@users.command("template")
@click.option("--format", "kind", default="csv", show_default=True, help="Format of the file.")
def template_(kind: str) -> None:
    """Print an example file to start from."""
    click.echo(template(kind), nl=False)


def submit_file(ctx: Context, file: str, app: str) -> Job:
    """The job that imports this file, as `users import` would with no options."""
    return submit(ctx, order_of(ctx, IMPORT, file, app), yes=True)


def _code(code: str, lines: list[int]) -> dict[str, Any]:
    from bulkhead.model.code import CODES

    first = lines[:MENTIONED]
    return {"code": code, "count": len(lines), "first_lines": first, "hint": CODES[code].fix}
