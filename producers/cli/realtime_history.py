"""`bulkhead realtime history`: the messages that a sender's session has stored."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from bulkhead.errors import NotAccepted, StillGoing, UsageProblem
from producers.cli.context import Context, pass_context
from producers.cli.output import output_option, show_list
from producers.cli.people import app_option
from producers.cli.realtime_event import stored
from producers.cli.realtime_sender import Waiting, as_option, refuse_no_address, sender_of
from producers.cli.values import COUNT, TIME_LIMIT

if TYPE_CHECKING:
    from bulkhead.engine.sessions import Sessions
    from bulkhead.model.sender_session import SenderId

COLUMNS = ("at", "mid", "peer", "gid", "outgoing", "word", "text", "title", "file")
LOOK_EVERY = 0.5
MOST = 100


@click.command("history")
@app_option
@as_option
@click.option("--with", "peer", metavar="ADDR", help="The messages with this person.")
@click.option("--gid", type=click.IntRange(1, 2**31 - 1), metavar="N", help="Those in this group.")
@click.option("--limit", type=COUNT, metavar="N", default=MOST, help="Only the newest. [100]")
@click.option("--timeout", type=TIME_LIMIT, metavar="D", default=60.0, help="Wait no longer. [60s]")
@output_option
@pass_context
def history(ctx: Context, /, app: str, sender: str, form: str | None, **options: Any) -> int:
    """List the messages that a user's session has stored, newest first.

    One conversation is read: --with a person, or --gid a group's.
    They lie with the worker that keeps the session: what went by before it first kept it, or what
    another worker stored, is not among them.
    """
    from bulkhead.engine.fleet_deeds import of_app
    from bulkhead.engine.sessions import Sessions

    peer, gid = options["peer"], options["gid"]
    _refuse_unclear(peer, gid)
    who = sender_of(ctx, app, sender)
    read = {"peer": peer} if peer is not None else {"gid": str(gid)}
    ctx.audit("realtime.history", **of_app(who.app), sender=sender, **read)
    about = {"peer": peer or "", "gid": gid or 0, "count": options["limit"]}
    sessions, until = Sessions(ctx.scripts), time.monotonic() + options["timeout"]
    _wait(sessions, who, Waiting(ctx.scripts), until)
    told = _ask(sessions, who, about, until)
    show_list(map(stored, told), COLUMNS, form)
    return 0


def _refuse_unclear(peer: str | None, gid: int | None) -> None:
    if peer is not None:
        refuse_no_address(peer, "--with")
    if (peer is None) == (gid is None):
        raise UsageProblem(
            "no conversation is named" if peer is None else "two conversations are named",
            why="a session reads one at a time: that with a person, or that of a group",
            to_do="give --with ADDR or --gid N; `realtime listen` hears all of them",
        )


def _wait(sessions: Sessions, who: SenderId, waiting: Waiting, until: float) -> None:
    """Until it is online, or the time is over. Raises Unreachable where it cannot be."""
    while True:
        view = sessions.want(who)
        waiting.look(view)
        if view.online or time.monotonic() >= until:
            return
        time.sleep(LOOK_EVERY)


def _ask(
    sessions: Sessions, who: SenderId, about: Mapping[str, Any], until: float
) -> list[Mapping[str, Any]]:
    """What the session says. Raises StillGoing when the time is over, NotAccepted if it ended."""
    from bulkhead.model.sender_session import HISTORY

    said = sessions.request(who, HISTORY, about, max(0.0, until - time.monotonic()))
    if said is None:
        view = sessions.view(who)
        raise StillGoing(
            "the time is over, and the session said nothing",
            why=f"it is {view.state}" + (f": {view.why}" if view.why else ""),
            to_do="try again, or with a longer --timeout; `bulkhead realtime status` shows it",
        )
    why = said.get("why") or said.get("ended") or ""
    if why or "history" not in said:
        raise NotAccepted(
            "the session did not read its messages",
            why=str(why or "it does not say why"),
            to_do="try again; `bulkhead realtime status` shows the session",
        )
    found: list[Mapping[str, Any]] = list(said["history"])
    return found
