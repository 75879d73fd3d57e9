"""An example of a users file, to start from."""

from __future__ import annotations

import json

from bulkhead.errors import UsageProblem
from bulkhead.model.user import FIELDS

FORMATS = ("csv", "jsonl")
_EXAMPLES = (
    ("ann@example.com", "Ann Example", "true", "com.example.shop", "30d", "0", "hr-1001"),
    ("0049301234567", '"Grün, Bob"', "", "", "", "", "hr-1002"),
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


def template(kind: str) -> str:
    """The text of an example file with two users; `kind` is one of FORMATS.

    Raises UsageProblem.
    """
    if kind == "csv":
        return "".join(f"{','.join(cells)}\r\n" for cells in (FIELDS, *_EXAMPLES))
    if kind == "jsonl":
        return "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in _OBJECTS)
    raise UsageProblem(
        f"There is no template for `{kind}`.",
        why="Users files are read as CSV or JSON Lines.",
        to_do="Ask for `--format csv` or `--format jsonl`.",
    )
