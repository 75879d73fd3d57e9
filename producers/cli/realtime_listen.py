"""`bulkhead realtime listen`: what a sender's session hears, as it hears it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bulkhead.errors import Unreachable
from producers.cli.context import Context, pass_context
from producers.cli.follow import STORE_AWAY
from producers.cli.interrupts import raise_if_lost
from producers.cli.output import command_here
from producers.cli.people import app_option
from producers.cli.realtime_event import kinds_of, line_of
from producers.cli.realtime_sender import Waiting, as_option, sender_of
from producers.cli.values import TIME_LIMIT

if TYPE_CHECKING:
    from bulkhead.engine.sessions import Sessions
    from bulkhead.model.sender_session import SenderId, SessionView

T = TypeVar("T")
Look = Callable[["SessionView"], None]
"""Is shown the session each time; raises to end the listening."""

LISTENS = 30.0
"""Seconds for which a session's events are kept after this command's last word."""
LOOK_EVERY = 1.0


@click.command("listen")
@app_option
@as_option
@click.option("--only", metavar="KIND,…", help="Only these kinds of events.")
@click.option("--for", "seconds", type=TIME_LIMIT, metavar="D", help="Stop after this.")
@pass_context
def listen(ctx: Context, /, app: str, sender: str, only: str | None, seconds: float | None) -> int:
    """Print what a user's session hears, as JSON lines.

    A worker keeps the session and stays signed in while this listens. What it waits for is said on
    stderr. Ctrl-C ends the listening, not the session.
    """
    from bulkhead.engine.fleet_deeds import of_app
    from bulkhead.engine.sessions import Sessions

    kinds = kinds_of(only)
    who = sender_of(ctx, app, sender)
    ctx.audit("realtime.listen", **of_app(who.app), sender=sender)
    until = None if seconds is None else time.monotonic() + seconds
    try:
        look = Waiting(ctx.scripts).look
        Listening(Sessions(ctx.scripts), who, look, click.echo).run(kinds, until)
    except KeyboardInterrupt:
        again = f"{command_here()} realtime listen --app {who.app} --as {sender}"
        click.echo(f"\nthe session goes on for a while: `{again}` listens again", err=True)
        return 130
    return 0


class Listening:
    """Keeps a session wanted, and hands over each of its events once, in their order."""

    def __init__(
        self, sessions: Sessions, who: SenderId, look: Look, write: Callable[[str], Any]
    ) -> None:
        self._sessions = sessions
        self._who = who
        self._look = look
        self._write = write
        self._answered = time.monotonic()

    def run(self, kinds: frozenset[str], until: float | None) -> None:
        """Until that instant of the monotonic clock, or for good.

        Raises Unreachable where the session cannot be, and for a store that is away for a minute.
        """
        # Before anything is wanted: no event can come between this and the first read.
        after = self._sessions.position(self._who)
        while (left := LOOK_EVERY if until is None else until - time.monotonic()) > 0:
            raise_if_lost()
            view = self._asked(partial(self._sessions.want, self._who, listen=LISTENS))
            if view is not None:
                self._look(view)
            read = partial(self._sessions.events, self._who, after, min(LOOK_EVERY, left))
            for name, event in self._asked(read) or ():
                after = name
                if event.get("kind") in kinds:
                    self._write(line_of(event))

    def _asked(self, question: Callable[[], T]) -> T | None:
        """The store's answer; None while it is away, which is borne for a while."""
        try:
            answer = question()
        except Unreachable:
            if time.monotonic() - self._answered > STORE_AWAY:
                raise
            click.echo("the store does not answer; waiting for it", err=True)
            time.sleep(LOOK_EVERY)
            return None
        self._answered = time.monotonic()
        return answer
