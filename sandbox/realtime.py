"""The real-time server that the stand-in for mesibo's package speaks to, under /_realtime/."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import parse_qs

from sandbox.app import App
from sandbox.backend import Backend
from sandbox.fields import Fields, InvalidField
from sandbox.realtime_hub import Hub, Upload
from sandbox.realtime_message import MOST_MID, READ, read_sent
from sandbox.realtime_send import delivered, pass_on_from_backend, progress, send
from sandbox.realtime_session import LONGEST_WAIT_S, Session
from sandbox.wire import Action, Hangup, Request, json_reply

PREFIX = "/_realtime/"
AUTH_FAIL, ONLINE, SIGNED_OUT = 4, 1, 3
_GONE = json_reply({"gone": True}, 410)


@dataclass(frozen=True, slots=True)
class Known:
    """A session and the hub it belongs to."""

    hub: Hub
    session: Session


class Realtime:
    """Knows the hub of each app, made when it is first asked for and gone at a reset."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._hubs: dict[str, Hub] = {}
        self._sessions: dict[str, Known] = {}
        self._names = count(1)
        self._handlers: dict[str, Callable[[Known, Fields], Action]] = {
            "events": self._events,
            "send": self._send,
            "read": self._read,
            "presence": self._presence,
            "logout": self._logout,
        }

    def hub_of(self, app: App) -> Hub:
        """The real-time side of that app."""
        token = app.registration.token
        hub = self._hubs.get(token)
        if hub is None or hub.app is not app:
            hub = self._hubs[token] = Hub(app)
            app.radio = partial(pass_on_from_backend, hub)
        return hub

    def answer(self, request: Request) -> Action:
        """Answer one request of a stand-in; a wrong one gets a 4xx naming what is wrong."""
        if request.oversized:
            return json_reply({"error": "the body is too large"}, 413)
        if request.method != "POST":
            return json_reply({"error": "no such method"}, 405)
        try:
            return self._judge(request.path.removeprefix(PREFIX), request)
        except InvalidField as error:
            return json_reply({"error": str(error)}, 400)

    def _judge(self, name: str, request: Request) -> Action:
        if name == "upload":
            return self._upload(request)
        fields = Fields(_document(request), name)
        if name == "login":
            return self._login(fields)
        handler = self._handlers.get(name)
        if handler is None:
            return json_reply({"error": "no such endpoint"}, 404)
        known = self._known(fields.text("session"))
        if known is None:
            return _GONE
        return self._reached(known, partial(handler, known, fields))

    def _reached(self, known: Known, handle: Callable[[], Action]) -> Action:
        if known.hub.trouble.unreachable:
            return Hangup(reset=True)
        return handle()

    def _known(self, name: str | None) -> Known | None:
        """A session of an app as it is now, whose token is still its user's."""
        known = self._sessions.get(name or "")
        if known is None:
            return None
        hub, session = known.hub, known.session
        if self._backend.app_of(hub.app.registration.token) is not hub.app:
            del self._sessions[session.name]
            return None
        user = hub.app.users.get(session.address)
        if user is None or session.token not in (user.tokens or {}).values():
            hub.end(session, {"kind": "connection", "status": SIGNED_OUT})
        return known

    def _login(self, fields: Fields) -> Action:
        token, app_id = fields.text("token"), fields.text("appid") or ""
        fields.finish()
        for hub in map(self.hub_of, self._backend.apps()):
            found = _owner(hub.app, token or "", app_id)
            if found is None:
                continue
            if hub.trouble.unreachable:
                return Hangup(reset=True)
            address, uid = found
            session = hub.sign_in(f"s{next(self._names)}", token or "", address, uid)
            self._sessions[session.name] = Known(hub, session)
            return json_reply(
                {
                    "status": ONLINE,
                    "session": session.name,
                    "address": address,
                    "uid": uid,
                    "results": hub.take_results(),
                },
            )
        return json_reply({"status": AUTH_FAIL})

    def _events(self, known: Known, fields: Fields) -> Action:
        after = fields.whole("after", 0, 1 << 62) or 0
        wait = fields.number("wait", 0, LONGEST_WAIT_S) or 0.0
        fields.finish()
        hub, session = known.hub, known.session
        action = session.poll(after, wait, partial(delivered, hub, session.address))
        if session.ended and not session.waiting:
            self._sessions.pop(session.name, None)
        return action

    def _send(self, known: Known, fields: Fields) -> Action:
        messages = fields.objects("messages")
        fields.finish()
        if known.session.ended:
            return _GONE
        every = [read_sent(one) for one in messages]
        trouble = known.hub.trouble
        for one in every:
            send(known.hub, known.session, one)
        if trouble.lose:
            trouble.lose -= 1
            return Hangup(reset=True)
        return json_reply({"taken": len(every)})

    def _read(self, known: Known, fields: Fields) -> Action:
        sender, gid = fields.text("from") or "", fields.whole("gid", 0, MOST_MID) or 0
        mids = fields.wholes("mids")
        fields.finish()
        for mid in mids:
            progress(known.hub, sender, mid, gid, known.session.address, READ)
        return json_reply({"read": len(mids)})

    def _presence(self, known: Known, fields: Fields) -> Action:
        to, gid = fields.text("to") or "", fields.whole("gid", 0, MOST_MID) or 0
        value = fields.whole("presence", 0, MOST_MID) or 0
        fields.finish()
        group = known.hub.app.groups.get(gid)
        people = list(group.members) if group is not None else [to]
        sender = known.session.address
        event = {"kind": "presence", "from": sender, "gid": gid, "presence": value}
        told = sum(known.hub.tell(one, event) for one in people if one != sender)
        return json_reply({"told": told})

    def _logout(self, known: Known, fields: Fields) -> Action:
        fields.finish()
        known.hub.end(known.session, {"kind": "stopped"})
        self._sessions.pop(known.session.name, None)
        return json_reply({})

    def _upload(self, request: Request) -> Action:
        """A piece of a file; the last one says so."""
        query = {name: values[-1] for name, values in parse_qs(request.query).items()}
        known = self._known(query.get("session"))
        if known is None:
            return _GONE
        if known.hub.trouble.unreachable:
            return Hangup(reset=True)
        upload = known.hub.uploads.setdefault(query.get("file", ""), Upload())
        upload.add(request.body, last=query.get("last") == "1")
        return json_reply(upload.shown())


def _owner(app: App, token: str, app_id: str) -> tuple[str, int] | None:
    """Whose token it is, if it was issued for that app id or for none."""
    for address, user in app.users.items():
        for issued_for, issued in (user.tokens or {}).items():
            if issued == token and issued_for in ("", app_id) and user.active:
                return address, user.uid
    return None


def _document(request: Request) -> Any:
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise InvalidField("body: expected JSON") from None
