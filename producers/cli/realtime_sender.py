"""Whose session a command is about, and what is said while it waits for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bulkhead.errors import Unreachable, UsageProblem
from bulkhead.model.job import rfc3339
from producers.cli.context import Context
from producers.cli.session_words import session_note

if TYPE_CHECKING:
    from bulkhead.engine.script import Scripts
    from bulkhead.model.sender_session import SenderId, SessionView

as_option = click.option(
    "--as", "sender", required=True, metavar="ADDR", help="The user whose session it is."
)


def sender_of(ctx: Context, app: str, sender: str) -> SenderId:
    """The sender of an app. Raises NotFound (app), NotPermitted and UsageProblem."""
    from bulkhead.broadcast_limits import refuse_sender
    from bulkhead.model.sender_session import SenderId

    found = ctx.fleet.app(ctx.app_id(app))
    refuse_no_address(sender, "--as")
    refuse_sender(found, sender)
    return SenderId(found.id, sender)


def refuse_no_address(address: str, option: str) -> None:
    """Raises UsageProblem for what no user can be called."""
    from bulkhead.model.broadcast import address_problem

    problem = address_problem(address)
    if problem is not None:
        raise UsageProblem(
            f"{option} is no address",
            why=problem.message,
            to_do="name a user by the mesibo address, such as news@example.com",
        )


def note_of(view: SessionView) -> str:
    """What a session is at, as a person who waits for it is told."""
    note = session_note(view.who.sender, view.state, view.why)
    gone = ": is its app still there?" if view.state == "closed" else ""
    job = f"; see `bulkhead jobs show {view.job}`" if view.job and view.job not in note else ""
    again = f"; again at {rfc3339(view.again_at * 1e6)}" if view.again_at else ""
    return note + gone + job + again


class Waiting:
    """Says on stderr how a session is, once each time that this changes."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._said = ""

    def look(self, view: SessionView) -> None:
        """Say it, unless it was said. Raises Unreachable for one that cannot come online."""
        from bulkhead.model.sender_session import UNUSABLE, WANTED

        if view.state == UNUSABLE:
            raise _unusable(view)
        note = note_of(view)
        if view.state == WANTED and self._nobody_works():
            note += ": none is running, start `bulkhead up` or `bulkhead worker`"
        if note != self._said:
            click.echo(note, err=True)
            self._said = note

    def _nobody_works(self) -> bool:
        from bulkhead.engine.overview import Overview

        try:
            return not any(one.live for one in Overview(self._scripts).workers())
        except Unreachable:  # who asks for the session is told
            return False


def _unusable(view: SessionView) -> Exception:
    return Unreachable(
        f"no worker can sign {view.who.sender} in",
        why=view.why or "the workers cannot use the real-time package",
        to_do="`bulkhead realtime status` shows the package of each worker",
    )
