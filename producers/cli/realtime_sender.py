"""Whose session a command is about, and what is said while it waits for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bulkhead.errors import UsageProblem
from bulkhead.model.job import rfc3339
from producers.cli.context import Context

if TYPE_CHECKING:
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


NOTES = {
    "wanted": "waiting for a worker to take the session of {who}",
    "signing_in": "{who} is signing in",
    "connecting": "{who} is connecting",
    "online": "{who} is online",
    "offline": "{who} is offline, and connects again by itself",
    "failed": "the session of {who} failed",
    "closed": "nobody keeps the session of {who}: is its app still there?",
}


def note_of(view: SessionView) -> str:
    """What a session is at, as a person who waits for it is told."""
    note = NOTES.get(view.state, view.state).format(who=view.who.sender)
    why = f" ({view.why})" if view.why else ""
    job = f"; see `bulkhead jobs show {view.job}`" if view.job else ""
    again = f"; again at {rfc3339(view.again_at * 1e6)}" if view.again_at else ""
    return note + why + job + again


class Waiting:
    """Says on stderr how a session is, once each time that this changes."""

    def __init__(self) -> None:
        self._said = ""

    def look(self, view: SessionView) -> None:
        """Say it, unless it was said. Raises Unreachable for one that cannot come online."""
        from bulkhead.model.sender_session import UNUSABLE

        if view.state == UNUSABLE:
            raise _unusable(view)
        note = note_of(view)
        if note != self._said:
            click.echo(note, err=True)
            self._said = note


def _unusable(view: SessionView) -> Exception:
    from bulkhead.errors import Unreachable

    return Unreachable(
        f"no worker can sign {view.who.sender} in",
        why=view.why or "the workers cannot use the real-time package",
        to_do="`bulkhead realtime status` shows the package of each worker",
    )
