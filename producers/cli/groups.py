"""`bulkhead groups`: groups of an app and their members."""

from __future__ import annotations

import click

from producers.cli.group_members import members


@click.group()
def groups() -> None:
    """Groups: their members."""


groups.add_command(members)
