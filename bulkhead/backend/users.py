"""The calls about users, and any other operation by its name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bulkhead.backend.call import Call
from bulkhead.errors import InvalidInput
from bulkhead.model.outcome import Repeat, Upstream

MOST_LISTED = 20
"""Rows that a list of users has at most (vendor's old server-side API page)."""

NOTHING_SAID = Upstream("usersget")
_OPERATION = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
# Reads, and writes that leave the same state behind however often they are made.
_SAFE = frozenset(
    {
        "usersget",
        "groupsget",
        "groupgetmembers",
        "userdel",
        "groupset",
        "groupdel",
        "groupeditmembers",
        "pushset",
    }
)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Asks for a user access token; `expiry` is in minutes."""

    appid: str | None = None
    expiry: int | None = None
    v2: bool | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A user as it should be; what is None is left to mesibo. `token` also issues one."""

    address: str
    name: str | None = None
    active: bool | None = None
    flags: int | None = None
    token: TokenRequest | None = None


def useradd(user: User) -> Call:
    """Create the user, or bring an existing one to this state."""
    members = _given(address=user.address, name=user.name, active=user.active, flags=user.flags)
    if user.token is None:
        return Call("useradd", {"user": members}, Repeat.SAFE, user.address)
    return _issuing("useradd", {**members, "token": _wishes(user.token)}, user.address)


def userset(
    address: str,
    *,
    active: bool | None = None,
    flags: int | None = None,
    revoke_token: bool = False,
    token: TokenRequest | None = None,
) -> Call:
    """Change an existing user; `revoke_token` signs it out until it has a new one."""
    members = _given(address=address, active=active, flags=flags)
    if token is not None:
        return _issuing("userset", {**members, "token": _wishes(token)}, address)
    if revoke_token:
        members["token"] = {"remove": True}
    return Call("userset", {"user": members}, Repeat.SAFE, address)


def userdel(address: str) -> Call:
    """Delete the user. A second call would be refused, so a lost answer is read back."""
    return Call("userdel", {"user": {"address": address}}, Repeat.CHECK, address)


def usersget(address: str) -> Call:
    """List the users that match the address, at most MOST_LISTED rows of them."""
    members = {"user": {"address": address}, "count": MOST_LISTED}
    return Call("usersget", members, Repeat.SAFE, address)


def raw(op: str, members: Mapping[str, Any]) -> Call:
    """Any operation by name, repeated only where a second call is known to change nothing.

    Raises InvalidInput for a body that cannot be sent, or that sets `op` or `token` itself.
    """
    if not _OPERATION.fullmatch(op):
        raise InvalidInput(
            "the operation's name is not usable",
            why="a name is 1 to 64 letters, digits and underscores, a letter first",
            to_do="write it as mesibo's documentation does, such as useradd",
        )
    if op == "pushupload":
        raise InvalidInput(
            "pushupload cannot be called raw",
            why="it carries a file, not a JSON body",
            to_do="use `bulkhead creds upload`",
        )
    try:
        json.dumps(members, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            "the body cannot be sent",
            why="it holds something that JSON or UTF-8 cannot carry",
            to_do="correct the body",
        ) from error
    return Call(op, dict(members), _repeat(op, members), "")


def _issuing(op: str, user: dict[str, Any], address: str) -> Call:
    # A second call would issue a second token and may end the first, which somebody holds.
    return Call(op, {"user": user}, Repeat.ONCE, address, issues=True)


def _wishes(token: TokenRequest) -> dict[str, Any]:
    return _given(appid=token.appid, expiry=token.expiry, v2=token.v2)


def _repeat(op: str, members: Mapping[str, Any]) -> Repeat:
    if op in ("useradd", "userset"):
        user = members.get("user")
        token = user.get("token") if isinstance(user, Mapping) else None
        revokes = isinstance(token, Mapping) and token.get("remove") is True
        return Repeat.SAFE if token is None or revokes else Repeat.ONCE
    return Repeat.SAFE if op in _SAFE else Repeat.ONCE


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
