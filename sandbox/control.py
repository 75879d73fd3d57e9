"""The sandbox's own endpoints under /_sandbox/: apps, faults, record, reset."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any
from urllib.parse import parse_qs

from sandbox import message, realtime_control
from sandbox.app import App, Registration, masked, read_registrations
from sandbox.backend import Backend
from sandbox.fault import read_rules
from sandbox.fields import Fields, InvalidField
from sandbox.realtime import Realtime
from sandbox.receipt import read_receipts
from sandbox.record import Applied, Entry, Record, distinct, gather, summary
from sandbox.webhook import read_webhook
from sandbox.wire import Action, Reply, Request, json_reply

PREFIX = "/_sandbox/"


class Control:
    """Sets up and reads a backend; nothing asked here goes on record."""

    def __init__(self, backend: Backend, realtime: Realtime) -> None:
        self._backend = backend
        self._realtime = realtime
        self._handlers: dict[tuple[str, str], Callable[[Request], Action]] = {
            ("GET", "apps"): self._list_apps,
            ("POST", "apps"): self._add_apps,
            ("GET", "faults"): self._list_faults,
            ("POST", "faults"): self._set_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "received"): self._received,
            ("GET", "push"): self._push,
            ("GET", "groups"): self._groups,
            ("POST", "groups"): self._set_groups,
            ("GET", "messages"): self._messages,
            ("POST", "receipts"): self._set_receipts,
            ("GET", "realtime"): self._show_realtime,
            ("POST", "realtime"): self._do_realtime,
            ("POST", "reset"): self._reset,
        }

    def answer(self, request: Request) -> Action:
        """Answer one control request; a wrong one gets a 4xx naming what is wrong."""
        if request.oversized:
            return json_reply({"error": "the body is too large"}, 413)
        name = request.path.removeprefix(PREFIX)
        handler = self._handlers.get((request.method, name))
        if handler is None:
            known = any(name == path for _, path in self._handlers)
            return json_reply({"error": "no such endpoint or method"}, 405 if known else 404)
        try:
            return handler(request)
        except InvalidField as error:
            return json_reply({"error": str(error)}, 400)

    def _list_apps(self, request: Request) -> Reply:
        return json_reply([_shown(app) for app in self._backend.registrations()])

    def _add_apps(self, request: Request) -> Reply:
        added = read_registrations(_document(request))
        for registration in added:
            self._backend.register(registration)
        return json_reply({"registered": [_shown(app) for app in added]}, 201)

    def _list_faults(self, request: Request) -> Reply:
        return json_reply(self._backend.faults.describe())

    def _set_faults(self, request: Request) -> Reply:
        rules = read_rules(_document(request))
        self._backend.faults.arm(rules, time.time())
        return json_reply({"rules": len(rules)})

    def _clear_faults(self, request: Request) -> Reply:
        self._backend.faults.arm([], time.time())
        return json_reply({"rules": 0})

    def _reset(self, request: Request) -> Reply:
        self._backend.reset()
        return json_reply({"apps": len(self._backend.registrations())})

    def _push(self, request: Request) -> Reply:
        query = _query(request)
        book = self._app(query.get("token")).push
        return json_reply(book.view(with_bytes=query.get("bytes") in ("1", "true")))

    def _groups(self, request: Request) -> Reply:
        query = _query(request)
        groups = self._app(query.get("token")).groups
        return json_reply(
            {
                "count": len(groups),
                "groups": [
                    {"gid": gid, **group.shown(), "members": group.rights()}
                    for gid, group in groups.items()
                    if query.get("gid", str(gid)) == str(gid)
                    and query.get("name", group.name) == group.name
                ],
            },
        )

    def _set_groups(self, request: Request) -> Reply:
        fields = Fields(_document(request), "groups")
        app, partial = self._app(fields.text("token")), fields.flag("partial_members")
        fields.finish()
        if partial is not None:
            app.partial_members = partial
        return json_reply({"partial_members": app.partial_members})

    def _messages(self, request: Request) -> Reply:
        query = _query(request)
        app = self._app(query.get("token"))
        return json_reply(message.view(app, with_keys=query.get("keys") in ("1", "true")))

    def _show_realtime(self, request: Request) -> Reply:
        query = _query(request)
        hub = self._realtime.hub_of(self._app(query.get("token")))
        with_keys = query.get("keys") in ("1", "true")
        return json_reply(
            realtime_control.view(hub, query.get("sender"), with_keys=with_keys),
        )

    def _do_realtime(self, request: Request) -> Action:
        fields = Fields(_document(request), "realtime")
        app = self._app(fields.text("token"))
        return realtime_control.do(self._realtime.hub_of(app), fields)

    def _set_receipts(self, request: Request) -> Reply:
        fields = Fields(_document(request), "receipts")
        app, named = self._app(fields.text("token")), fields.source
        webhook = read_webhook(fields.inner("webhook"))
        receipts = read_receipts(fields.inner("receipts"))
        fields.finish()
        if "webhook" in named:
            app.tell_at(webhook)
        if "receipts" in named:
            app.hear_of_messages(receipts)
        return json_reply({"receipts": None if app.receipts is None else asdict(app.receipts)})

    def _app(self, token: str | None) -> App:
        app = self._backend.app_of(token or "")
        if app is None:
            raise InvalidField("token: expected an app token that is registered")
        return app

    def _received(self, request: Request) -> Reply:
        query = _query(request)
        return Received(query, self._backend.ledger.find(query.get("token"))).reply()


class Received:
    """One look into the record: which requests, and how much of each is wanted."""

    def __init__(self, query: dict[str, str], records: list[Record]) -> None:
        self._records = records
        self._op = query.get("op")
        self._since = float(_number(query, "since") or 0.0)
        self._offset = int(_number(query, "offset") or 0)
        limit = _number(query, "limit")
        self._limit = None if limit is None else int(limit)
        self._summary = query.get("summary") in ("1", "true")
        self._keys = query.get("keys") in ("1", "true")

    def reply(self) -> Reply:
        """The totals alone, or the requests themselves."""
        kinds, applied = self._counted()
        if self._summary:
            document = summary(kinds, applied)
        else:
            document = self._in_full(applied, kinds.total())
        if self._keys:
            document["keys"] = _times(applied)
        return json_reply(document)

    def _in_full(self, applied: list[Applied], requests: int) -> dict[str, Any]:
        entries = self._entries()
        if len(self._records) > 1:
            entries = iter(sorted(entries, key=lambda pair: pair[1].t))
        end = None if self._limit is None else self._offset + self._limit
        wanted = islice(entries, self._offset, end)
        return {
            "count": requests,
            "distinct": distinct(applied),
            "items": [{"token": label, **asdict(entry)} for label, entry in wanted],
        }

    def _entries(self) -> Iterator[tuple[str, Entry]]:
        for record in self._records:
            for entry in record.entries(self._op, self._since):
                yield record.label, entry

    def _counted(self) -> tuple[Counter[tuple[str, str]], list[Applied]]:
        """Totals kept as requests came in; only a start time needs every request looked at."""
        if self._since:
            kinds, applied = gather(entry for _, entry in self._entries())
            return kinds, list(applied.values())
        kinds = sum((record.kinds(self._op) for record in self._records), start=_NONE)
        return kinds, [one for record in self._records for one in record.applied(self._op)]


_NONE: Counter[tuple[str, str]] = Counter()


def _times(applied: list[Applied]) -> dict[str, int]:
    """How often each key was committed, over several operations if need be."""
    total: Counter[str] = Counter()
    for one in applied:
        total.update(one.times)
    return dict(total)


def _query(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(request.query).items()}


def _document(request: Request) -> object:
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise InvalidField("body: expected JSON") from None


def _number(query: dict[str, str], name: str) -> float | None:
    """A number of the query that is zero or more, or None if absent."""
    text = query.get(name)
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.0 <= number < float("inf"):
        raise InvalidField(f"{name}: expected a number of zero or more")
    return number


def _shown(app: Registration) -> dict[str, Any]:
    return {"token": masked(app.token), "edition": app.edition.value, "rate": app.rate}
