"""The operations about push notifications."""

from __future__ import annotations

from typing import Any

from sandbox import word
from sandbox.app import App, Edition
from sandbox.call import Call
from sandbox.credential import kind_of, read_credential
from sandbox.outcome import Outcome, Refused, object_in
from sandbox.push_book import MINUTE_S, RESPONSES, Test, Window


def pushupload(app: App, call: Call) -> Outcome:
    """Keep the file in its slot; others keep theirs."""
    if call.file is None:
        return Refused(word.NOFILE)
    kind = kind_of(call.file, call.body.get("type"))
    credential = read_credential(kind, call.file.content) if kind else None
    if credential is None:
        return Refused(word.BADFILE)
    app.push.take(credential, call.file.name, call.t)
    return {}


def pushset(app: App, call: Call) -> Outcome:
    """Keep the options that are named, whatever they are; the others stay."""
    options = object_in(call.body, "push")
    if options is None:
        return Refused(word.BADPARAM)
    app.push.options.update(options)
    return {}


def pushtest(app: App, call: Call) -> Outcome:
    """Try the credential uploaded last, and tell the webhook what became of it."""
    address = (object_in(call.body, "push") or {}).get("address")
    if not isinstance(address, str) or not address:
        return Refused(word.BADPARAM)
    registration = app.registration
    if registration.edition is not Edition.ONPREM:
        made = app.push.tests_within(MINUTE_S, call.t)
        if made >= registration.tests_a_minute:
            return Refused(word.TESTLIMIT)
    app.tell(_event(app, app.push.test(address, registration.bad_push, call.t)), call.t)
    return {}


def pushdebug(app: App, call: Call) -> Outcome:
    """Open a debug window, on the cloud only a short one and not too soon after another."""
    duration = (object_in(call.body, "push") or {}).get("duration")
    if not isinstance(duration, (int, float)) or isinstance(duration, bool) or duration <= 0:
        return Refused(word.BADPARAM)
    onprem = app.registration.edition is Edition.ONPREM
    if not onprem and not app.push.may_debug(duration, call.t):
        return Refused(word.DEBUGLIMIT)
    app.push.windows.append(Window(call.t, duration))
    return {}


def _event(app: App, test: Test) -> dict[str, Any]:
    """The event's shape is a guess: mesibo shows none."""
    user = app.users.get(test.address)
    known = {} if user is None else {"uid": user.uid}
    return {
        "type": "push",
        "user": {**known, "address": test.address},
        "push": {
            "service": test.slot and test.slot.partition(":")[0],
            "result": test.delivered,
            "code": test.code,
            "response": RESPONSES[test.code],
            "payload": {},
        },
    }
