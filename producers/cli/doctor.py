"""`bulkhead doctor`: everything that is often wrong, looked at in a fixed order."""

from __future__ import annotations

import sys

import click

from producers.cli.context import Context, pass_context
from producers.cli.output import chosen, output_option, show_list, show_one

COLUMNS = ("check", "state", "says", "to_do")


@click.command()
@output_option
@pass_context
def doctor(ctx: Context, /, form: str | None) -> None:
    """Check this machine, the settings and the store; exit 1 if something is wrong."""
    from producers.cli.checks import examine

    checks = examine(ctx)
    rows = [check.to_dict() for check in checks]
    wrong = [check for check in checks if check.state == "error"]
    if chosen(form) == "json":
        show_one({"ok": not wrong, "checks": rows}, form)
    else:
        show_list(rows, COLUMNS, form)
    sys.exit(11 if any(check.unreachable for check in wrong) else int(bool(wrong)))
