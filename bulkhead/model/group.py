"""A row of a groups file: the group it stands for, what it lists, and what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

from bulkhead.model.code import code
from bulkhead.model.mapping import ABSENT, ANY_WIDTH, Places
from bulkhead.model.text import LOST
from bulkhead.model.user import (
    BLANKS,
    LONGEST_CUSTOM_ID,
    Problem,
    active_in,
    address_problem,
    names_in,
    problem_of,
    wrong_width,
)

OF_NEW = (
    *("custom_id", "name", "flags", "expiry", "expiryext"),
    *("active", "members", "permissions", "admin"),
)
OF_KNOWN = ("gid", *OF_NEW)
LISTS = frozenset({"flags", "members", "permissions", "admin"})
"""Fields that may be a list in JSON."""

FLAGS: Mapping[str, int] = MappingProxyType(
    {
        "normal": 0x0,
        "selected-send": 0x1,
        "anyone-send": 0x2,
        "auto-add": 0x8,
        "selected-receive": 0x10,
        "one-receives": 0x20,
        "no-store": 0x40,
        "loop-back": 0x80,
        "selected-publish": 0x100,
        "anyone-publish": 0x200,
        "selected-subscribe": 0x1000,
        "anyone-subscribe": 0x2000,
        "selected-list": 0x10000,
        "anyone-list": 0x20000,
        "no-self-remove": 0x40000,
        "paused": 0x8000000,
    }
)
"""Our words for the bits of a group's flags (vendor's group page and SDK constants)."""
PERMISSIONS = ("send", "recv", "pub", "sub", "list")
ADMIN = (
    *("owner", "modify", "adduser", "remuser", "addadmin", "remadmin", "remowner"),
    *("remgroup", "callcontrol", "hangup", "addpin", "removepin", "listpin"),
)
LOWEST_GID, LARGEST = 12, 2**32 - 1
"""The gids below are mesibo's own special groups (SDK headers)."""
LONGEST_NAME = 1_000
"""Bytes of UTF-8, so that a group's own members never fill a request."""

_SECONDS = MappingProxyType({"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400})
_DURATION = re.compile(r"([0-9]{1,10})[ ]?([smhd]?)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_BETWEEN = re.compile(r"[\s,;|+]+")
_BYTES = 8


@dataclass(frozen=True, slots=True)
class Group:
    """What is asked for in one row; None means that the file leaves it to mesibo."""

    gid: int | None = None
    custom_id: str = ""
    name: str | None = None
    flags: int | None = None
    expiry: int | None = None
    expiryext: int | None = None
    """Both in seconds."""
    active: bool | None = None
    members: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    admin: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Stands for what the row asks for; pure, and the same for ever."""
        sent = [self.name, self.flags, self.expiry, self.expiryext, self.active]
        asked = [*sent, self.members, self.permissions, self.admin]
        text = json.dumps(asked, ensure_ascii=True, separators=(",", ":"))
        return blake2b(text.encode(), digest_size=_BYTES).hexdigest()

    @property
    def has_settings(self) -> bool:
        """True if anything but members is asked for."""
        told = (self.name, self.flags, self.expiry, self.expiryext, self.active)
        return any(value is not None for value in told)


@dataclass(frozen=True, slots=True)
class GroupMapping(Places):
    """The columns of a groups file."""

    gid: int = ABSENT
    custom_id: int = ABSENT
    name: int = ABSENT
    flags: int = ABSENT
    expiry: int = ABSENT
    expiryext: int = ABSENT
    active: int = ABSENT
    members: int = ABSENT
    permissions: int = ABSENT
    admin: int = ABSENT


class _BadCell(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def read_group(mapping: GroupMapping, cells: Sequence[str]) -> Group | Problem:
    """The group this row stands for, or what is wrong with it. Pure.

    Blanks around a cell do not count, and a cell that is empty then is left unset.
    """
    if len(cells) != mapping.width != ANY_WIDTH:
        return wrong_width(mapping.width, len(cells))
    told = {
        field: cells[place].strip(BLANKS)
        for field in OF_KNOWN
        if (place := getattr(mapping, field)) >= 0
    }
    try:
        return Group(**{field: _READ[field](cell) for field, cell in told.items() if cell})
    except _BadCell as bad:
        return bad.problem


def problem_in_new(mapping: GroupMapping, cells: Sequence[str]) -> Problem | None:
    """What is wrong with the row of a group that is to be made."""
    found = read_group(mapping, cells)
    return found if isinstance(found, Problem) else None


def problem_in_known(mapping: GroupMapping, cells: Sequence[str]) -> Problem | None:
    """What is wrong with the row of a group that is there already."""
    found = read_group(mapping, cells)
    if isinstance(found, Problem):
        return found
    return None if found.gid is not None or found.custom_id else _bad_row("GROUP_NOT_NAMED")


def problem_in_changed(mapping: GroupMapping, cells: Sequence[str]) -> Problem | None:
    """What is wrong with the row of a group that is to be changed."""
    problem = problem_in_known(mapping, cells)
    if problem is not None:
        return problem
    found = read_group(mapping, cells)
    changes = isinstance(found, Group) and (found.has_settings or found.members)
    return None if changes else _bad_row("NOTHING_TO_CHANGE")


def _gid(cell: str) -> int:
    if not (cell.isascii() and cell.isdigit() and len(cell) <= 10):
        raise _bad("BAD_GID")
    gid = int(cell)
    if not LOWEST_GID <= gid <= LARGEST:
        raise _bad("BAD_GID")
    return gid


def _text(cell: str, name: str, longest: int) -> str:
    if LOST in cell:
        raise _BadCell(problem_of("INVALID_UTF8", "A cell has a character (�) that was no UTF-8."))
    if len(cell.encode(errors="surrogatepass")) > longest or _CONTROL.search(cell):
        raise _bad(name)
    return cell


def _flags(cell: str) -> int:
    return _flags_of(cell) if len(cell) <= 500 else _raise("BAD_GROUP_FLAGS")


@lru_cache(256)
def _flags_of(cell: str) -> int:
    try:
        words = _words(cell)
    except ValueError:
        raise _bad("BAD_GROUP_FLAGS") from None
    flags = 0
    for word in words:
        if word.isascii() and word.isdigit() and len(word) <= 10 and int(word) <= LARGEST:
            flags |= int(word)
        elif word in FLAGS:
            flags |= FLAGS[word]
        else:
            shown = word[:40] if word.isprintable() else "?"
            raise _BadCell(problem_of("BAD_GROUP_FLAGS", f"There is no flag `{shown}`."))
    return flags


def _expiry(cell: str) -> int:
    found = _DURATION.fullmatch(cell.lower())
    seconds = int(found[1]) * _SECONDS[found[2]] if found else ABSENT
    if not 0 <= seconds <= LARGEST:
        raise _bad("BAD_GROUP_EXPIRY")
    return seconds


def _active(cell: str) -> bool | None:
    try:
        return active_in(cell)
    except ValueError:
        raise _bad("BAD_ACTIVE") from None


def _members(cell: str) -> tuple[str, ...]:
    try:
        members = names_in(cell)
    except ValueError:
        raise _bad("BAD_MEMBERS") from None
    for number, address in enumerate(members, 1):
        problem = address_problem(address)
        if problem is not None:
            message = problem.message.replace("The address", f"The address of member {number}", 1)
            raise _BadCell(Problem(problem.code, message, problem.hint))
    return members


def _among(known: Sequence[str], name: str, cell: str) -> tuple[str, ...]:
    try:
        words = set(_words(cell))
    except ValueError:
        raise _bad(name) from None
    if not words <= set(known):
        raise _bad(name)
    return tuple(word for word in known if word in words)


def _words(cell: str) -> list[str]:
    """The words of a cell in small letters. Raises ValueError."""
    parts: Iterable[str] = names_in(cell) if cell.startswith("[") else _BETWEEN.split(cell)
    return [part.lower() for part in parts if part]


def _bad_row(name: str) -> Problem:
    return problem_of(name, code(name).meaning)


def _bad(name: str) -> _BadCell:
    return _BadCell(_bad_row(name))


def _raise(name: str) -> Any:
    raise _bad(name)


_READ: Mapping[str, Any] = MappingProxyType(
    {
        "gid": _gid,
        "custom_id": lambda cell: _text(cell, "BAD_CUSTOM_ID", LONGEST_CUSTOM_ID),
        "name": lambda cell: _text(cell, "BAD_GROUP_NAME", LONGEST_NAME),
        "flags": _flags,
        "expiry": _expiry,
        "expiryext": _expiry,
        "active": _active,
        "members": _members,
        "permissions": lambda cell: _among(PERMISSIONS, "BAD_PERMISSIONS", cell),
        "admin": lambda cell: _among(ADMIN, "BAD_ADMIN", cell),
    }
)
