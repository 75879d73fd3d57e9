"""The backend endpoint: a request becomes an answer, a commit and a line on record."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sandbox import word
from sandbox.app import App, Edition, Registration
from sandbox.call import Call, NotACall, read_call
from sandbox.fault import Faults
from sandbox.log import RequestLog
from sandbox.operation import READS, perform
from sandbox.outcome import Refused
from sandbox.record import Entry, Ledger, Record
from sandbox.spoil import HARMLESS, Fault
from sandbox.webhook import Poster
from sandbox.wire import Action, Reply, Request, json_reply, late

PATHS = frozenset({"/backend/", "/backend", "/mesiboapi", "/api.php"})
NOBODY = Call(op="", token="", key="", body={})
ONPREM_MOST_BYTES = 8_192  # what the nginx of mesibo's own on-premise install lets through

_TOO_LARGE = Reply(413, b"<html><body>413 Request Entity Too Large</body></html>\n", "text/html")
_NOT_A_CALL = json_reply({"result": False, "error": word.BADJSON})


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended: what to answer, and what goes on record."""

    action: Action
    outcome: str
    committed: bool = False


class Backend:
    """Every app the sandbox knows, and all that was asked of them."""

    def __init__(self, seed: int, log: RequestLog | None) -> None:
        self._seed = seed
        self._log = log
        self._apps: dict[str, App] = {}
        self._aids: dict[str, int] = {}
        self._poster = Poster()
        self.faults = Faults(seed)
        self.ledger = Ledger()

    def register(self, registration: Registration) -> None:
        """Make an app token known; its state starts afresh if it was known before."""
        aid = self._aids.setdefault(registration.token, len(self._aids) + 1)
        self._apps[registration.token] = App(registration, self._seed, aid, self._poster)
        self.ledger.open(registration.token)

    def registrations(self) -> list[Registration]:
        """The apps, in the order in which they were first registered."""
        return [app.registration for app in self._apps.values()]

    def app_of(self, token: str) -> App | None:
        """The app of that token, if it is registered."""
        return self._apps.get(token)

    def apps(self) -> list[App]:
        """Every app as it is now."""
        return list(self._apps.values())

    def reset(self) -> None:
        """Forget users, groups, peers, push, faults and the record; the apps stay registered."""
        known = self.registrations()
        self._poster.forget()
        self.faults.arm([], 0.0)
        self.ledger = Ledger()
        for registration in known:
            self.register(registration)

    def answer(self, request: Request) -> Action:
        """Carry out one request; never raises for what a client sent."""
        if request.method != "POST":
            return Reply(405, b"", headers=(("Allow", "POST"),))
        call, ended = self._judge(request)
        self._note(call, request, ended)
        return ended.action

    def _judge(self, request: Request) -> tuple[Call, Ended]:
        if request.oversized:
            return NOBODY, Ended(_TOO_LARGE, word.TOOLARGE)
        try:
            call = read_call(request.body, request.content_type, request.t)
        except NotACall:
            return NOBODY, Ended(_NOT_A_CALL, word.BADJSON)
        app = self._apps.get(call.token)
        return call, self._serve(app, call, request) if app else _refusal(call, word.AUTHFAIL)

    def _serve(self, app: App, call: Call, request: Request) -> Ended:
        if app.registration.edition is Edition.ONPREM and len(request.body) > ONPREM_MOST_BYTES:
            return Ended(_TOO_LARGE, word.TOOLARGE)
        if not app.admits(request.peer):
            return _refusal(call, word.TOKENBREACH)
        wait = app.bucket.take(request.t) if app.bucket else 0.0
        if wait:
            return _throttled(call, wait)
        trouble = self.faults.choose(call, request.t)
        ended = _spoiled(app, call, trouble.fault) if trouble.fault else _done(app, call)
        if not trouble.delay_s:
            return ended
        return Ended(late(ended.action, trouble.delay_s), ended.outcome, ended.committed)

    def _note(self, call: Call, request: Request, ended: Ended) -> None:
        entry = Entry(request.t, call.op, call.key, request.peer, ended.outcome, ended.committed)
        record: Record = self.ledger.of(call.token)
        record.add(entry)
        if self._log is not None:
            self._log.write(record.label, entry)


def _refusal(call: Call, error: str) -> Ended:
    return Ended(json_reply({**call.envelope, "result": False, "error": error}), error)


def _throttled(call: Call, wait: float) -> Ended:
    body = json_reply({**call.envelope, "result": False, "error": word.RATELIMIT}).body
    headers = (("Retry-After", str(math.ceil(wait))),)
    return Ended(Reply(429, body, headers=headers), "throttled")


def _carry_out(app: App, call: Call) -> tuple[dict[str, Any], str]:
    """The answer's document, and `ok` or the error word."""
    outcome = perform(app, call)
    if isinstance(outcome, Refused):
        return {**call.envelope, "result": False, "error": outcome.word}, outcome.word
    return {**call.envelope, "result": True, **outcome}, "ok"


def _done(app: App, call: Call) -> Ended:
    document, outcome = _carry_out(app, call)
    return Ended(json_reply(document), outcome, _commits(call, outcome))


def _spoiled(app: App, call: Call, fault: Fault) -> Ended:
    if not fault.commits:
        action = fault.spoil({**call.envelope, "result": True})
        return Ended(action, "throttled" if fault.kind == "throttle" else f"fault:{fault.kind}")
    document, outcome = _carry_out(app, call)
    committed = _commits(call, outcome)
    if fault.kind not in HARMLESS:
        outcome = f"committed:{fault.kind}" if committed else f"fault:{fault.kind}"
    return Ended(fault.spoil(document), outcome, committed)


def _commits(call: Call, outcome: str) -> bool:
    return outcome == "ok" and call.op not in READS
