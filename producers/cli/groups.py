"""`bulkhead groups`: groups are made, changed and deleted from a file, and listed."""

from __future__ import annotations

from dataclasses import asdict
from heapq import nsmallest
from typing import Any

import click

from bulkhead.engine.groups import Groups
from bulkhead.model.group_record import Known
from bulkhead.model.shape import NEW_GROUPS
from producers.cli.context import Context, pass_context
from producers.cli.group_members import members
from producers.cli.input_options import input_options, take_input, template_command
from producers.cli.output import output_option, show_list
from producers.cli.people import Work, app_option, described, mention, over_people, people_options
from producers.cli.users import show_summary
from producers.cli.values import COUNT
from producers.rows.open_input import open_input
from producers.rows.survey import Survey
from producers.rows.template import group_template

COLUMNS = ("gid", "custom_id", "name", "flags", "complete", "job", "at")
CREATE = Work("groups.create", repeat="check")
SET = Work("groups.set")
DELETE = Work("groups.delete", repeat="check", verb="Delete")


@click.group()
def groups() -> None:
    """Groups: create, set, delete, their members; list what our record has."""


for command in (members, template_command(group_template)):
    groups.add_command(command)


@groups.command("create")
@people_options
@pass_context
def create(ctx: Context, /, form: str | None, **options: Any) -> int:
    """Make every group in a file of CSV or JSON Lines, each once.

    A group whose custom_id is on our record is not made again, whichever job made it. Without a
    custom_id a second run makes a second group.
    """
    return over_people(ctx, CREATE, options, form)


@groups.command("set")
@people_options
@pass_context
def set_(ctx: Context, /, form: str | None, **options: Any) -> int:
    """Change every group in a file, by gid or custom_id.

    What a row leaves empty stays; members are added, and none is taken away.
    """
    return over_people(ctx, SET, options, form)


@groups.command("delete")
@people_options
@pass_context
def delete(ctx: Context, /, form: str | None, **options: Any) -> int:
    """Delete every group in a file, by gid or custom_id.

    They are forgotten on our record. A lost answer is read back.
    """
    return over_people(ctx, DELETE, options, form)


@groups.command("list")
@app_option
@click.option("--limit", type=COUNT, metavar="N", help="Only the newest.")
@output_option
@pass_context
def list_(ctx: Context, /, app: str, limit: int | None, form: str | None) -> None:
    """List the groups our record has of an app, the newest first.

    The record is what jobs of ours did. What was made or changed elsewhere cannot be seen.
    """
    entries = Groups(ctx.scripts).entries(ctx.fleet.app(ctx.app_id(app)).id)
    newest = sorted(entries, key=_order) if limit is None else nsmallest(limit, entries, key=_order)
    show_list((known.to_dict(gid) for gid, known in newest), COLUMNS, form)


def _order(entry: tuple[str, Known]) -> tuple[int, str, int]:
    """The newest first, and those of one moment by their custom_id and gid."""
    gid, known = entry
    return -known.at, known.custom_id, int(gid)


@groups.command("validate")
@click.argument("file", metavar="FILE|-")
@input_options
@output_option
@pass_context
def validate(ctx: Context, /, file: str, form: str | None, **options: Any) -> int:
    """Read a file as `groups create` would; exit 9 if a row is bad."""
    del ctx
    with open_input(file, take_input(options, NEW_GROUPS)) as rows:
        survey = Survey(rows, asdict(rows.mapping), rows.columns)
    mention(rows)
    return show_summary(rows, described(rows), survey, form)
