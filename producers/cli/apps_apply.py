"""`bulkhead apps apply`: the whole fleet from one file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulkhead.errors import InvalidInput
from producers.cli.context import Context, pass_context
from producers.cli.output import chosen, output_option, show_one
from producers.cli.secret_input import read_token

if TYPE_CHECKING:
    from bulkhead.engine.fleet_plan import Plan
    from bulkhead.model.fleet import WantedFleet
    from bulkhead.secrets import Secret


@click.command("apply")
@click.argument("file", metavar="FLEET.yaml")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--prune", is_flag=True, help="Also remove what the file has not.")
@click.option("--yes", is_flag=True, help="Do not ask before removing.")
@output_option
@pass_context
def apply(
    ctx: Context, /, file: str, dry_run: bool, prune: bool, yes: bool, form: str | None
) -> None:
    """Make the apps what a file says; a second time changes nothing."""
    from bulkhead.engine.fleet_deeds import applying
    from bulkhead.engine.fleet_plan import carry_out, plan

    wanted = _read(file)
    todo = plan(ctx.fleet, wanted, prune=prune)
    if not dry_run:
        gone = [*(app.id for app in todo.removed), *todo.tenants_removed]
        if gone:
            ctx.confirm(f"Remove {', '.join(gone)}?", yes)
        ctx.audit_all(list(applying(todo)))
        carry_out(ctx.scripts, todo, wanted, ctx.seal_token)
    _show(todo, dry_run, form)


def _show(todo: Plan, dry_run: bool, form: str | None) -> None:
    from bulkhead.engine.fleet_plan import lines

    if chosen(form) != "table":
        show_one({**todo.to_dict(), "dry_run": dry_run}, form)
        return
    for line in lines(todo):
        click.echo(line)
    said = "no change" if todo.empty else "nothing was changed (--dry-run)" if dry_run else "done"
    click.echo(f"{said}; {todo.unchanged} apps were as they should be", err=True)


def _read(file: str) -> WantedFleet:
    from bulkhead.fleet_file.document import read_fleet

    path = Path(file)
    try:
        content = sys.stdin.read() if file == "-" else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{file} cannot be read",
            why=getattr(error, "strerror", None) or "it is not UTF-8 text",
            to_do="name a FLEET.yaml, or - for stdin",
        ) from None
    folder = Path() if file == "-" else path.parent

    def token(*, token_env: str | None, token_file: str | None) -> Secret | None:
        # Made absolute: a file of the name `-` is not the standard input.
        place = folder / Path(token_file).expanduser() if token_file else None
        return read_token(str(place.absolute()) if place else None, token_env)

    return read_fleet(content, file, token)
