"""The operation that sends a message to people or to one group, and the book of what was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sandbox import word
from sandbox.app import App
from sandbox.call import Call, group_in
from sandbox.group import PERMISSIONS
from sandbox.outcome import Members, Outcome, Refused, object_in
from sandbox.receipt import Message


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
    sent = Message(app.count_up("mid"), sender, gid, kind if isinstance(kind, int) else 0)
    app.messages.update([f"gid:{gid}"] if gid else to)
    people = list(_reached(app, sent, to))
    app.tell_of(sent, people)
    if app.radio is not None:
        text = wanted.get("message")
        app.radio(sent, [one for one, _ in people], text if isinstance(text, str) else "")
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


def _reached(app: App, sent: Message, to: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    """Whom it is for, and whether there is such a user; of a group the members that receive."""
    if sent.gid:
        for address, rights in app.groups[sent.gid].members.items():
            if rights & PERMISSIONS["recv"] and address != sent.sender:
                yield address, True
        return
    for address in to:
        yield address, app.registration.any_sender or address in app.users


def view(app: App, *, with_keys: bool) -> Members:
    """How often each recipient was sent something, for whoever checks afterwards."""
    times: Counter[str] = app.messages
    shown: Members = {
        "sent": times.total(),
        "distinct": len(times),
        "most_per_recipient": max(times.values(), default=0),
        "waiting": app.waiting,
        "reached": app.reached,
        "webhook": dict(app.told),
    }
    return {**shown, "recipients": dict(times)} if with_keys else shown
