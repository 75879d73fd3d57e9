"""The operation that sends a message to people or to one group."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox import word
from sandbox.app import App
from sandbox.call import Call, group_in
from sandbox.outcome import Members, Outcome, Refused, object_in


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was accepted: to a group where there is a `gid`, else to people."""

    mid: int
    sender: str
    to: tuple[str, ...]
    gid: int
    type: int


def message(app: App, call: Call) -> Outcome:
    """Accept it whole under a mid never given before, or refuse it whole."""
    wanted = object_in(call.body, "message") or call.body
    sender = wanted.get("from")
    if not isinstance(sender, str) or not sender:
        return Refused(word.BADPARAM)
    if not app.registration.any_sender and sender not in app.users:
        return Refused(word.BADSENDER)
    gid, to = group_in(wanted), _people(wanted)
    if gid is None or bool(gid) == bool(to):
        return Refused(word.BADPARAM)
    if gid and (refused := _closed(app, gid)):
        return refused
    kind = wanted.get("type")
    sent = Message(app.count_up("mid"), sender, to, gid, kind if isinstance(kind, int) else 0)
    return {"mid": sent.mid}


def _people(wanted: Members) -> tuple[str, ...]:
    """The addresses of the comma list, each as often as it stands there."""
    to = wanted.get("to")
    return tuple(filter(None, to.split(","))) if isinstance(to, str) else ()


def _closed(app: App, gid: int) -> Refused | None:
    group = app.groups.get(gid)
    if group is None:
        return Refused(word.NOGROUP)
    return Refused(word.GROUPPAUSED) if group.paused else None
