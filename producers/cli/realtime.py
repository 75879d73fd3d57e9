"""`bulkhead realtime`: the sessions of senders, which workers keep and no command does."""

from __future__ import annotations

import click

from producers.cli.realtime_history import history
from producers.cli.realtime_listen import listen
from producers.cli.realtime_send import send
from producers.cli.realtime_status import status


@click.group()
def realtime() -> None:
    """Real time: send as a user, hear what the user hears."""


for command in (send, listen, history, status):
    realtime.add_command(command)
