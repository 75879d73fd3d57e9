"""What the six group operations do to an app, and what an app knows of its groups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from sys import intern

from sandbox import word
from sandbox.app import App
from sandbox.call import Call
from sandbox.group import ADMIN, PERMISSIONS, USUAL, Group, bits
from sandbox.outcome import Members, Outcome, Refused, object_in

MOST_LISTED = 20
LONGEST_GID = 10  # digits of an unsigned 32-bit number


@dataclass(frozen=True, slots=True)
class Wanted:
    """The addresses a call names, those of them that may be used, and with which rights."""

    addresses: list[str]
    usable: list[str]
    rights: int
    removes: bool = field(default=False)

    @property
    def whole(self) -> bool:
        """False if an address is nobody's."""
        return len(self.usable) == len(self.addresses)


def groupadd(app: App, call: Call) -> Outcome:
    """Make a group under a gid never given before; whoever may not join spoils it whole."""
    fields = _fields(call)
    wanted = _wanted(app, call, None)
    if wanted is None or not _sound(fields):
        return Refused(word.BADPARAM)
    if not wanted.whole and not app.partial_members:
        return Refused(word.NOUSER)
    gid = app.count_up("gid")
    group = app.groups[gid] = Group()
    group.change(fields)
    _apply(app, group, wanted)
    return {"group": {"gid": gid}}


def groupset(app: App, call: Call) -> Outcome:
    """Change what is named of a group that exists; `members` are added to those it has."""
    gid, group = _whom(app, call)
    if group is None:
        return Refused(word.NOGROUP)
    fields = _fields(call)
    wanted = _wanted(app, call, group)
    if wanted is None or not _sound(fields):
        return Refused(word.BADPARAM)
    if not wanted.whole and not app.partial_members:
        return Refused(word.NOUSER)
    group.change(fields)
    _apply(app, group, wanted)
    return {"group": {"gid": gid}}


def groupdel(app: App, call: Call) -> Outcome:
    """Forget a group and its members."""
    gid, group = _whom(app, call)
    if group is None:
        return Refused(word.NOGROUP)
    del app.groups[gid]
    return {}


def groupeditmembers(app: App, call: Call) -> Outcome:
    """Add members, change their rights, or take them away in any of three spellings.

    One address that is nobody's refuses the call: nothing was done, or in `partial` mode
    all but that address.
    """
    _, group = _whom(app, call)
    if group is None:
        return Refused(word.NOGROUP)
    wanted = _wanted(app, call, group)
    if wanted is None or not wanted.addresses:
        return Refused(word.BADPARAM)
    if wanted.whole or app.partial_members:
        _apply(app, group, wanted)
    return {} if wanted.whole else Refused(word.NOUSER)


def groupgetmembers(app: App, call: Call) -> Outcome:
    """List at most twenty members of a group."""
    _, group = _whom(app, call)
    if group is None:
        return Refused(word.NOGROUP)
    most = _count(call)
    if most is None:
        return Refused(word.BADPARAM)
    return {"members": [_member(*one) for one in list(group.members.items())[:most]]}


def groupsget(app: App, call: Call) -> Outcome:
    """List at most twenty groups whose name the pattern matches; `*` stands for anything."""
    pattern = _fields(call).get("name", "*")
    most = _count(call)
    if not isinstance(pattern, str) or most is None:
        return Refused(word.BADPARAM)
    rows: list[Members] = []
    for gid, group in _named(app, pattern):
        if len(rows) >= most:
            break
        rows.append({"gid": gid, **group.shown(), "members": len(group.members)})
    return {"groups": rows}


GROUP_OPERATIONS = {
    operation.__name__: operation
    for operation in (groupadd, groupset, groupdel, groupeditmembers, groupgetmembers, groupsget)
}


def _fields(call: Call) -> Members:
    return object_in(call.body, "group") or call.body


def _sound(fields: Members) -> bool:
    """Whether every member that is there is of its kind."""
    numbers = (fields.get(name, 0) for name in ("flags", "flag", "expiry", "expiryext"))
    return all(isinstance(number, int) for number in numbers) and (
        isinstance(fields.get("name", ""), str)
    )


def _whom(app: App, call: Call) -> tuple[int, Group | None]:
    gid = _fields(call).get("gid", call.body.get("gid"))
    if isinstance(gid, str) and gid.isdecimal() and len(gid) <= LONGEST_GID:
        gid = int(gid)
    return (gid, app.groups.get(gid)) if isinstance(gid, int) else (0, None)


def _wanted(app: App, call: Call, group: Group | None) -> Wanted | None:
    """None if members are asked for in no known way."""
    fields = _fields(call)
    inner = fields.get("members", {})
    flat = not inner and "m" in call.body
    inner = call.body if flat else inner
    if not isinstance(inner, dict) or not isinstance(inner.get("m", ""), str):
        return None
    addresses = [address for address in inner.get("m", "").split(",") if address]
    removes = bool(
        fields.get("delete") or inner.get("remove") or (flat and call.body.get("delete"))
    )
    known = group.members if group is not None and removes else {}
    return Wanted(
        addresses=addresses,
        usable=[one for one in addresses if one in app.users or one in known],
        rights=_rights(inner, flat=flat),
        removes=removes,
    )


def _rights(inner: Members, *, flat: bool) -> int:
    permissions = inner.get("permissions")
    if flat and any(name in inner for name in _FLAT_RIGHTS):
        permissions = {word: inner.get(name) for name, word in _FLAT_RIGHTS.items()}
    held = bits(PERMISSIONS, permissions) if isinstance(permissions, dict) else USUAL
    return held | bits(ADMIN, inner.get("admin"))


_FLAT_RIGHTS = {"cs": "send", "cr": "recv", "canpub": "pub", "cansub": "sub", "canlist": "list"}


def _apply(app: App, group: Group, wanted: Wanted) -> None:
    for address in wanted.usable:
        if wanted.removes:
            group.members.pop(address, None)
        else:
            group.members[intern(address)] = wanted.rights


def _member(address: str, rights: int) -> Members:
    shown = {f"can{name}": int(bool(rights & bit)) for name, bit in PERMISSIONS.items()}
    return {"address": address, **shown, "admin": rights & sum(ADMIN.values())}


def _named(app: App, pattern: str) -> Iterator[tuple[int, Group]]:
    if "*" not in pattern:
        yield from ((gid, group) for gid, group in app.groups.items() if group.name == pattern)
        return
    like = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
    for gid, group in app.groups.items():
        if like.fullmatch(group.name):
            yield gid, group


def _count(call: Call) -> int | None:
    count = _fields(call).get("count", call.body.get("count", MOST_LISTED))
    return min(count, MOST_LISTED) if isinstance(count, int) and count >= 0 else None
