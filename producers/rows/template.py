"""An example of a users file, to start from."""

from __future__ import annotations

from bulkhead.errors import UsageProblem
from bulkhead.model.user import FIELDS

_EXAMPLES = (
    ("ann@example.com", "Ann Example", "true", "com.example.shop", "30d", "0", "hr-1001"),
    ("0049301234567", '"Grün, Bob"', "", "", "", "", "hr-1002"),
)


def template(kind: str) -> str:
    """The text of an example file with two users; `kind` is `csv`. Raises UsageProblem."""
    if kind != "csv":
        raise UsageProblem(
            f"There is no template for `{kind}`.",
            why="Users files are read as CSV.",
            to_do="Ask for `--format csv`.",
        )
    return "".join(f"{','.join(cells)}\r\n" for cells in (FIELDS, *_EXAMPLES))
