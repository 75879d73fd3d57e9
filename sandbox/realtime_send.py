"""What the real-time server does with one message: judge, count, pass on, report."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial

from sandbox.group import PERMISSIONS
from sandbox.realtime_hub import Hub
from sandbox.realtime_message import (
    DELIVERED,
    GROUP_PAUSED,
    INVALID_DEST,
    NOT_MEMBER,
    SENT,
    USER_OFFLINE,
    Sent,
    Taken,
)
from sandbox.realtime_session import Event, Session
from sandbox.receipt import Message, Step


def send(hub: Hub, session: Session, message: Sent) -> None:
    """Take one message; its sender hears of it unless that is swallowed."""
    sender, trouble = session.address, hub.trouble
    taken = hub.taken.setdefault((sender, message.mid), Taken(message, t=time.time()))
    taken.message = message
    taken.count += 1
    status = _judge(hub, sender, message)
    taken.statuses.append(status)
    steps: list[Step] | None = []
    if status == SENT:
        taken.accepted += 1
        hub.most_per_mid = max(hub.most_per_mid, taken.accepted)
        people = list(_people(hub, sender, message))
        origin = None if trouble.swallow else sender
        pass_on(hub, sender, message, people, origin)
        steps = _course(hub, sender, message, people)
    if trouble.swallow:
        trouble.swallow -= 1
        return
    if steps is None or any(step.status == SENT for step in steps) or status != SENT:
        first = _status(message, status, [] if message.gid else [message.to])
        _after(trouble.delay_s, partial(session.push, first))
    _tell_later(hub, sender, message, steps or [])


def pass_on(
    hub: Hub, sender: str, message: Sent, people: list[str], origin: str | None = None
) -> None:
    """Give it to everybody it is for; `origin` is who is to hear that it was delivered."""
    event = message.event(sender)
    if origin is not None:
        event["origin"] = origin
    for address in people:
        # One event for all: fifty members of a group hold the same object.
        hub.tell(address, event, keep=True)


def pass_on_from_backend(hub: Hub, sent: Message, people: list[str], text: str) -> None:
    """Give what the backend sent to those who were ever signed in here; the rest has no inbox."""
    message = Sent(sent.mid, gid=sent.gid, text=text, type=sent.type)
    pass_on(hub, sent.sender, message, [one for one in people if hub.has_met(one)])


def delivered(hub: Hub, address: str, event: Event) -> None:
    """Somebody's process has taken an event; receipts, if there are any, tell another story."""
    origin = event.get("origin")
    if origin is not None and hub.app.receipts is None:
        progress(hub, origin, event["mid"], event["gid"], address, DELIVERED)


def progress(hub: Hub, sender: str, mid: int, gid: int, address: str, status: int) -> None:
    """Tell a sender how far its message is with one recipient."""
    event = {"kind": "status", "mid": mid, "gid": gid, "status": status, "peers": [address]}
    hub.tell(sender, event, keep=True)


def _judge(hub: Hub, sender: str, message: Sent) -> int:
    trouble = hub.trouble
    if trouble.fail:
        trouble.fail -= 1
        return trouble.status
    if bool(message.gid) == bool(message.to):
        return INVALID_DEST
    return _of_group(hub, sender, message) if message.gid else _of_person(hub, message)


def _of_person(hub: Hub, message: Sent) -> int:
    if not (hub.app.registration.any_sender or message.to in hub.app.users):
        return INVALID_DEST
    if message.expiry == 0 and hub.app.receipts is None and not hub.at(message.to):
        return USER_OFFLINE
    return SENT


def _of_group(hub: Hub, sender: str, message: Sent) -> int:
    group = hub.app.groups.get(message.gid)
    if group is None:
        return INVALID_DEST
    if group.paused:
        return GROUP_PAUSED
    return SENT if group.members.get(sender, 0) & PERMISSIONS["send"] else NOT_MEMBER


def _people(hub: Hub, sender: str, message: Sent) -> Iterator[str]:
    if not message.gid:
        yield message.to
        return
    for address, rights in hub.app.groups[message.gid].members.items():
        if rights & PERMISSIONS["recv"] and address != sender:
            yield address


def _course(hub: Hub, sender: str, message: Sent, people: list[str]) -> list[Step] | None:
    told = Message(message.mid, sender, message.gid, message.type)
    return hub.app.course_of(told, ((address, True) for address in people))


def _status(message: Sent, status: int, peers: list[str]) -> Event:
    return {
        "kind": "status",
        "mid": message.mid,
        "gid": message.gid,
        "status": status,
        "peers": peers,
    }


def _tell_later(hub: Hub, sender: str, message: Sent, steps: list[Step]) -> None:
    """Tell the states after the first, those that come at one instant in one event."""
    together: dict[tuple[float, int], list[str]] = defaultdict(list)
    for step in steps:
        if step.status != SENT:
            together[step.seconds, step.status].append(step.to)
    for (seconds, status), peers in together.items():
        tell = partial(hub.tell, sender, _status(message, status, peers), keep=True)
        _after(hub.trouble.delay_s + seconds, tell)


def _after(seconds: float, run: Callable[[], object]) -> None:
    if seconds:
        asyncio.get_running_loop().call_later(seconds, run)
    else:
        run()
