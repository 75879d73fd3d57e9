"""`bulkhead doctor`: everything that is often wrong, looked at in a fixed order."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from producers.cli.context import Context, pass_context
from producers.cli.output import chosen, output_option, show_list, show_one

if TYPE_CHECKING:
    from producers.cli.check import Check

COLUMNS = ("check", "state", "says", "to_do")


@click.command()
@output_option
@pass_context
def doctor(ctx: Context, /, form: str | None) -> None:
    """Check this machine, settings and store; exit 1 if one is wrong."""
    from producers.cli.checks import examine

    checks = examine(ctx)
    rows = [check.to_dict() for check in checks]
    wrong = [check for check in checks if check.state == "error"]
    match chosen(form):
        case "json":
            show_one({"ok": not wrong, "checks": rows}, form)
        case "table":
            _print(checks)
        case _:
            show_list(rows, COLUMNS, form)
    sys.exit(11 if any(check.unreachable for check in wrong) else int(bool(wrong)))


def _print(checks: list[Check]) -> None:
    # Lines, not a table: what a check says may be long, and paths must not be cut.
    width = max(len(check.check) for check in checks)
    for check in checks:
        click.echo(f"{check.state:<7}  {check.check:<{width}}  {check.says}")
        if check.to_do:
            click.echo(f"{'':<7}  {'':<{width}}  to do: {check.to_do}")
