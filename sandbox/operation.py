"""What each backend operation does to an app, and the members it answers with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sandbox import word
from sandbox.app import App, Edition, User
from sandbox.call import Call
from sandbox.groups import GROUP_OPERATIONS
from sandbox.message import message
from sandbox.outcome import Members, Outcome, Refused, object_in
from sandbox.push import pushdebug, pushset, pushtest, pushupload

MOST_LISTED = 20
LONGEST_UID = 20  # digits


def perform(app: App, call: Call) -> Outcome:
    """Do what the call asks, or refuse it whole."""
    operation = OPERATIONS.get(call.op)
    hosted_elsewhere = app.registration.edition is Edition.CLOUD_FOR_ONPREM
    if operation is None or (hosted_elsewhere and call.op not in CLOUD_SERVED):
        return Refused(word.BADOP)
    return operation(app, call)


def useradd(app: App, call: Call) -> Outcome:
    """Create the user or change it; a token only if asked for, replacing that app id's."""
    user = object_in(call.body, "user")
    address = user.get("address") if user else None
    if not user or not isinstance(address, str) or not address:
        return Refused(word.BADPARAM)
    wanted = user.get("token")
    if wanted is not None and _app_id(wanted) is None:
        return Refused(word.BADPARAM)
    return _changed(app, address, app.provide(address), user)


def userset(app: App, call: Call) -> Outcome:
    """Change a user that exists; `token.remove` revokes, any other token object issues."""
    fields = object_in(call.body, "user") or call.body
    address = _whom(app, fields)
    if address is None:
        return Refused(word.NOUSER)
    wanted = fields.get("token") if "user" in call.body else None
    if wanted is not None and not _revokes(wanted) and _app_id(wanted) is None:
        return Refused(word.BADPARAM)
    return _changed(app, address, app.users[address], {**fields, "token": wanted})


def usertoken(app: App, call: Call) -> Outcome:
    """Issue a token to a user that exists, or with `delete` take it away."""
    fields = object_in(call.body, "user") or call.body
    address = _whom(app, fields)
    if address is None:
        return Refused(word.NOUSER)
    user = app.users[address]
    given = object_in(fields, "token") if fields is not call.body else None
    app_id = _app_id(given or {"v2": True, **fields}) or ""
    answer = {"uid": user.uid, "address": address, "appid": app_id}
    if fields.get("delete") or (given and _revokes(given)):
        _revoke(user, app_id)
        return {"user": answer}
    return {"user": {**answer, "token": _issue(app, user, app_id)}}


def userdel(app: App, call: Call) -> Outcome:
    """Forget the user and its tokens."""
    address = _whom(app, object_in(call.body, "user") or call.body)
    if address is None:
        return Refused(word.NOUSER)
    del app.users[address]
    return {}


def usersget(app: App, call: Call) -> Outcome:
    """List at most twenty rows, one for each app id of each user that the pattern matches."""
    fields = object_in(call.body, "user") or call.body
    pattern = fields.get("address", fields.get("addr", "*"))
    count = call.body.get("count", MOST_LISTED)
    if not isinstance(pattern, str) or not isinstance(count, int):
        return Refused(word.BADPARAM)
    rows: list[Members] = []
    for row in _rows(app, pattern):
        if len(rows) >= min(count, MOST_LISTED):
            break
        rows.append(row)
    return {"users": rows}


def otp(app: App, call: Call) -> Outcome:
    """Make a one-time password for an address."""
    wanted = object_in(call.body, "otp")
    if not wanted or not isinstance(wanted.get("address"), str):
        return Refused(word.BADPARAM)
    return {"otp": f"{app.random.randrange(1_000_000):06d}"}


def accept(app: App, call: Call) -> Outcome:
    """Answer the bare envelope; nothing is kept."""
    return {}


OPERATIONS: dict[str, Callable[[App, Call], Outcome]] = {
    "useradd": useradd,
    "userset": userset,
    "usertoken": usertoken,
    "userdel": userdel,
    "usersget": usersget,
    "otp": otp,
    **GROUP_OPERATIONS,
    "message": message,
    "pushupload": pushupload,
    "pushset": pushset,
    "pushtest": pushtest,
    "pushdebug": pushdebug,
    "uacset": accept,
}
READS = frozenset({"usersget", "groupgetmembers", "groupsget"})
CLOUD_SERVED = frozenset({"useradd", "userset", "usertoken"})


def _whom(app: App, fields: Members) -> str | None:
    """The address of the user that exists and is meant by address or uid."""
    address = fields.get("address", fields.get("addr"))
    if isinstance(address, str):
        return address if address in app.users else None
    uid = fields.get("uid")
    if isinstance(uid, str) and uid.isdecimal() and len(uid) <= LONGEST_UID:
        uid = int(uid)
    return app.address_of(uid) if isinstance(uid, int) else None


def _changed(app: App, address: str, user: User, fields: Members) -> Outcome:
    if "name" in fields:
        user.name = fields["name"]
    if "active" in fields:
        user.active = bool(fields["active"])
    if isinstance(fields.get("flags"), int):
        user.flags = fields["flags"]
    answer: Members = {"uid": user.uid, "address": address}
    token = fields.get("token")
    if token is not None and _revokes(token):
        _revoke(user, _app_id(token))
    elif token is not None:
        answer["token"] = _issue(app, user, _app_id(token) or "")
    return {"user": answer}


def _app_id(token: object) -> str | None:
    """The app id a token is bound to, empty for v2 without one, None if there is neither."""
    if not isinstance(token, dict):
        return None
    app_id = token.get("appid")
    if isinstance(app_id, str) and app_id:
        return app_id
    return "" if token.get("v2") else None


def _revokes(token: object) -> bool:
    return isinstance(token, dict) and bool(token.get("remove"))


def _issue(app: App, user: User, app_id: str) -> str:
    token = app.mint()
    user.tokens = {**(user.tokens or {}), app_id: token}
    return token


def _revoke(user: User, app_id: str | None) -> None:
    """Take away one app id's token, or all of them."""
    if user.tokens and app_id:
        user.tokens.pop(app_id, None)
    else:
        user.tokens = None


def _rows(app: App, pattern: str) -> Iterator[Members]:
    like = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
    for address, user in app.users.items():
        if like.fullmatch(address) is None:
            continue
        for app_id in user.tokens or {"": ""}:
            yield {
                "uid": user.uid,
                "address": address,
                "appid": app_id,
                "active": user.active,
                "flags": user.flags,
            }
