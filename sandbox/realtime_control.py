"""What a test does to the real-time server: see who is there, and let things happen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sandbox.fields import Fields
from sandbox.realtime_hub import Hub
from sandbox.realtime_message import MOST_MID, RECEIVED_NEW, Sent
from sandbox.realtime_send import pass_on
from sandbox.realtime_session import Event, Session
from sandbox.wire import Action, Later, Reply, json_reply

HEARD_WITHIN_S = 2.0
MOST = 1_000_000_000
ENDING = frozenset({3, 4, 5, 9, 10, 21, 22})


def view(hub: Hub, sender: str | None, *, with_keys: bool) -> dict[str, Any]:
    """Who is signed in, what was accepted how often, and which files came."""
    taken = {key: one for key, one in hub.taken.items() if sender in (None, key[0])}
    shown: dict[str, Any] = {
        "logins": hub.logins,
        "sessions": [_session(one) for one in hub.sessions.values()],
        "messages": sum(one.accepted for one in taken.values()),
        "distinct": sum(one.accepted > 0 for one in taken.values()),
        "most_per_mid": max((one.accepted for one in taken.values()), default=0),
        "refused": sum(one.count - one.accepted for one in taken.values()),
        "kept": hub.kept,
        "files": {name: one.shown() for name, one in hub.uploads.items()},
    }
    if with_keys:
        shown["by_mid"] = [one.shown(key[0]) for key, one in taken.items()]
    return shown


def _session(session: Session) -> dict[str, Any]:
    return {
        "address": session.address,
        "since": session.since,
        "connected": session.connected,
        "waiting": len(session.waiting),
    }


def do(hub: Hub, fields: Fields) -> Action:
    """Carry out one order; the answer comes when the sessions it is about have heard of it."""
    name = fields.text("do") or ""
    order = ORDERS.get(name)
    if order is None:
        raise fields.wrong("do", " | ".join(ORDERS))
    sessions = order(hub, fields)
    fields.finish()
    return _when_heard(sessions)


def _when_heard(sessions: list[Session]) -> Action:
    reply = json_reply({"sessions": len(sessions)})
    waits = [one.when_heard(HEARD_WITHIN_S) for one in sessions]
    if all(wait.done() for wait in waits):
        return reply
    answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def finished(_: asyncio.Future[list[None]]) -> None:
        if not answer.done():
            answer.set_result(reply)

    asyncio.gather(*waits).add_done_callback(finished)
    return Later(answer)


def _kick(hub: Hub, fields: Fields) -> list[Session]:
    return _end(hub, fields, {"kind": "dropped"})


def _signout(hub: Hub, fields: Fields) -> list[Session]:
    return _end(hub, fields, {"kind": "connection", "status": 3})


def _connection(hub: Hub, fields: Fields) -> list[Session]:
    status = fields.whole("status", -1, 255) or 0
    event = {"kind": "connection", "status": status}
    return _end(hub, fields, event) if status in ENDING else _tell(hub, fields, event)


def _end(hub: Hub, fields: Fields, event: Event) -> list[Session]:
    sessions = _whose(hub, fields)
    for session in sessions:
        hub.end(session, dict(event))
    return sessions


def _tell(hub: Hub, fields: Fields, event: Event) -> list[Session]:
    sessions = _whose(hub, fields)
    for session in sessions:
        session.push(event)
    return sessions


def _whose(hub: Hub, fields: Fields) -> list[Session]:
    address = fields.text("address")
    return hub.at(address) if address else list(hub.sessions.values())


def _message(hub: Hub, fields: Fields) -> list[Session]:
    """From anybody, whether there is such a user or not."""
    sender, address = _needed(fields, "from"), _needed(fields, "address")
    file = fields.inner("file")
    message = Sent(
        mid=fields.whole("mid", 0, MOST_MID) or hub.new_mid(),
        to=address,
        gid=fields.whole("gid", 0, MOST_MID) or 0,
        text=fields.text("text") or "",
        title=fields.text("title") or "",
        type=fields.whole("type", 0, MOST_MID) or 0,
        file=None if file is None else file.source,
    )
    pass_on(hub, sender, message, [address])
    return hub.at(address)


def _about(kind: str, status: int) -> Callable[[Hub, Fields], list[Session]]:
    def order(hub: Hub, fields: Fields) -> list[Session]:
        event = {
            "kind": kind,
            "from": _needed(fields, "from"),
            "gid": fields.whole("gid", 0, MOST_MID) or 0,
            "mid": fields.whole("mid", 0, MOST_MID) or hub.new_mid(),
            "text": fields.text("text") or "",
            "presence": fields.whole("presence", 0, 255) or 0,
            "status": fields.whole("status", 0, 255) or status,
        }
        return _tell(hub, fields, event)

    return order


def _needed(fields: Fields, name: str) -> str:
    text = fields.text(name)
    if text is None:
        raise fields.wrong(name, "an address")
    return text


def _trouble(hub: Hub, fields: Fields) -> list[Session]:
    """Set what is named; what goes wrong stays so until told otherwise."""
    trouble = hub.trouble
    unreachable = fields.flag("unreachable")
    trouble.unreachable = trouble.unreachable if unreachable is None else unreachable
    delay_s = fields.number("delay_s", 0, 3_600)
    trouble.delay_s = trouble.delay_s if delay_s is None else delay_s
    for name in ("swallow", "fail", "lose"):
        times = fields.whole(name, 0, MOST)
        if times is not None:
            setattr(trouble, name, times)
    trouble.status = fields.whole("status", 0, 255) or trouble.status
    if trouble.unreachable:
        hub.drop_all()
    return []


def _results(hub: Hub, fields: Fields) -> list[Session]:
    """What the next calls of `send()` return; kept for the next login if nobody is there."""
    results = fields.wholes("results", 255)
    sessions = _tell(hub, fields, {"kind": "results", "results": results})
    if not sessions:
        hub.trouble.results = results
    return sessions


ORDERS: dict[str, Callable[[Hub, Fields], list[Session]]] = {
    "kick": _kick,
    "signout": _signout,
    "connection": _connection,
    "message": _message,
    "presence": _about("presence", 0),
    "call": _about("call", 21),
    "update": _about("update", RECEIVED_NEW),
    "e2e": _about("e2e", 35),
    "trouble": _trouble,
    "results": _results,
}
