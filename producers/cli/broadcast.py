"""`bulkhead broadcast`: one message to groups and people."""

from __future__ import annotations

import click

from producers.cli.broadcast_stats import stats


@click.group()
def broadcast() -> None:
    """Broadcasts: how far they have come."""


broadcast.add_command(stats)
