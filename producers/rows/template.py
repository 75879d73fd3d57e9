"""An example of a users or groups file, to start from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from bulkhead.errors import UsageProblem
from bulkhead.model.group import OF_NEW
from bulkhead.model.user import FIELDS

FORMATS = ("csv", "jsonl")
_EXAMPLES = (
    ("ann@example.com", "Ann Example", "true", "com.example.shop", "30d", "0", "hr-1001", ""),
    ("0049301234567", '"Grün, Bob"', "", "", "", "", "hr-1002", ""),
)
_OBJECTS = (
    {
        "address": "ann@example.com",
        "name": "Ann Example",
        "active": True,
        "appid": "com.example.shop",
        "expiry": "30d",
        "flags": 0,
        "custom_id": "hr-1001",
    },
    {"address": "0049301234567", "name": "Grün, Bob", "custom_id": "hr-1002"},
)


_GROUPS = (
    (
        *("team-sales", "Sales", "selected-send auto-add", "365d", "30d", "true"),
        *('"ann@example.com,0049301234567"', '"send,recv"', "owner"),
    ),
    ("team-all", '"All, everywhere"', "", "", "", "", "", "", ""),
)
_GROUP_OBJECTS = (
    {
        "custom_id": "team-sales",
        "name": "Sales",
        "flags": "selected-send auto-add",
        "expiry": "365d",
        "expiryext": "30d",
        "active": True,
        "members": ["ann@example.com", "0049301234567"],
        "permissions": ["send", "recv"],
        "admin": ["owner"],
    },
    {"custom_id": "team-all", "name": "All, everywhere"},
)


def template(kind: str) -> str:
    """The text of an example file with two users; `kind` is one of FORMATS.

    Raises UsageProblem.
    """
    return _written(kind, (FIELDS, *_EXAMPLES), _OBJECTS)


def group_template(kind: str) -> str:
    """The same with two groups."""
    return _written(kind, (OF_NEW, *_GROUPS), _GROUP_OBJECTS)


def _written(
    kind: str, rows: Iterable[Sequence[str]], objects: Iterable[Mapping[str, object]]
) -> str:
    if kind == "csv":
        return "".join(f"{','.join(cells)}\r\n" for cells in rows)
    if kind == "jsonl":
        return "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in objects)
    raise UsageProblem(
        f"There is no template for `{kind}`.",
        why="Files are read as CSV or JSON Lines.",
        to_do="Ask for `--format csv` or `--format jsonl`.",
    )
