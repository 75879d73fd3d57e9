"""`bulkhead users`: what is done to the people in a file."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from bulkhead.errors import UsageProblem
from bulkhead.model.job import Job
from producers.cli.context import Context, pass_context
from producers.cli.follow import say_code
from producers.cli.input_options import input_options, take_input, template_command
from producers.cli.job_options import tokens_out_option
from producers.cli.order import submit
from producers.cli.output import chosen, output_option, show_one
from producers.cli.people import (
    People,
    Work,
    described,
    mention,
    order_of,
    over_people,
    people_options,
)
from producers.cli.user_record import export, list_
from producers.cli.user_tokens import tokens
from producers.rows.open_input import open_input
from producers.rows.row import Rows
from producers.rows.survey import Survey
from producers.rows.template import template

NO_TOKENS = "none"
DELETE = Work("users.delete", repeat="check", verb="Delete")


@click.group()
def users() -> None:
    """Users: import, validate, delete, tokens; list what our record has."""


for command in (list_, export, tokens, template_command(template)):
    users.add_command(command)


@users.command("import")
@people_options
@click.option(
    "--tokens",
    "policy",
    type=click.Choice(["none", "missing", "rotate"]),
    default="none",
    show_default=True,
    help="Access tokens: none, for users without one on our record, or new ones for all.",
)
@tokens_out_option
@click.option("--force", is_flag=True, help="Send also what our record says is done already.")
@pass_context
def import_(ctx: Context, /, policy: str, force: bool, form: str | None, **options: Any) -> int:
    """Create or update every user in a file of CSV or JSON Lines.

    Rows with a problem are not sent; they stop no other row and are told in `jobs errors`.
    """
    if options["tokens_out"] is not None and policy == NO_TOKENS:
        raise UsageProblem(
            "--tokens-out has nothing to write",
            why="without --tokens an import issues none",
            to_do="add --tokens missing, or --tokens rotate for new ones",
        )
    return over_people(ctx, importing(policy, force), options, form)


def importing(policy: str = NO_TOKENS, force: bool = False) -> Work:
    """An import that issues tokens by this policy; `force` looks at no record."""
    return Work("users.import", {"tokens": policy, "force": force})


@users.command("delete")
@people_options
@pass_context
def delete(ctx: Context, /, form: str | None, **options: Any) -> int:
    """Delete every user in a file, and forget them on our record.

    Only the addresses count. What was sent and not answered is read back before it is repeated.
    """
    return over_people(ctx, DELETE, options, form)


@users.command("validate")
@click.argument("file", metavar="FILE|-")
@input_options
@output_option
@pass_context
def validate(ctx: Context, /, file: str, form: str | None, **options: Any) -> int:
    """Read a file as an import would; exit 9 if a row is bad."""
    del ctx
    with open_input(file, take_input(options)) as rows:
        survey = Survey(rows, asdict(rows.mapping), rows.columns)
    mention(rows)
    return show_summary(rows, described(rows), survey, form)


def show_summary(rows: Rows, told: dict[str, Any], survey: Survey, form: str | None) -> int:
    """Print what was found in a file; the exit code: 9 if a row is bad."""
    summary = {
        **told,
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


def submit_file(ctx: Context, file: str, app: str) -> Job:
    """The job that imports this file, as `users import` would with no options."""
    return submit(ctx, order_of(ctx, importing(), People(file, app)), yes=True)
