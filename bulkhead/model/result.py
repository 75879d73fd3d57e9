"""A result row: what became of one item, as people and programs read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from bulkhead.model.code import CODES
from bulkhead.model.code_entry import Code
from bulkhead.model.duplicates import is_of_groups
from bulkhead.model.job import rfc3339
from bulkhead.model.unknown import DROPPED_HINT, NOT_CONFIRMED

OUTCOMES: Mapping[int, str] = {2: "succeeded", 3: "skipped", 4: "failed", 5: "unknown"}
STATES: Mapping[str, int] = {name: state for state, name in OUTCOMES.items()}
UNTOUCHED = frozenset({0, 6})
"""States of the map, pending and waiting, of an item that has no outcome yet."""
WORDS = (*STATES, "cancelled", "not_attempted")
"""Every outcome that a row can have."""


@dataclass(frozen=True, slots=True)
class Result:
    """One row of `jobs results`. User access tokens are never in it."""

    custom_id: str | None
    line: int
    app: str | None
    key: Mapping[str, str]
    outcome: str
    detail: str | None
    code: str | None
    message: str | None
    hint: str | None
    retryable: bool
    upstream: Mapping[str, Any]
    attempts: int
    first_attempt_at: str | None
    last_attempt_at: str | None
    cells: Sequence[str] = ()
    """The original row, for the errors file; not part of the result itself."""

    @classmethod
    def of(
        cls,
        packed: Sequence[Any],
        *,
        app: str | None,
        line: int,
        cells: Sequence[str],
        mapping: Mapping[str, int],
    ) -> Result:
        """The row that settle packed: index, state, detail, code, message, upstream, times."""
        _, state, detail, code, message, upstream, attempts, first, last = packed
        known = CODES.get(code)
        return cls(
            custom_id=_cell(cells, mapping.get("custom_id")),
            line=line,
            app=app or _cell(cells, mapping.get("app")),
            key=_key(cells, mapping),
            outcome=OUTCOMES[state],
            detail=detail or None,
            code=code or None,
            message=message or None,
            hint=_hint(known, state),
            retryable=known.retryable if known else False,
            upstream=upstream or {},
            attempts=attempts,
            first_attempt_at=rfc3339(first * 1000) if attempts else None,
            last_attempt_at=rfc3339(last * 1000) if attempts else None,
            cells=tuple(cells),
        )

    @classmethod
    def left(
        cls,
        outcome: str,
        *,
        app: str | None,
        line: int,
        cells: Sequence[str],
        mapping: Mapping[str, int],
    ) -> Result:
        """The row of an item that its job ended without: `cancelled` or `not_attempted`."""
        row = cls.of(
            (0, STATES["skipped"], "", "", "", None, 0, 0, 0),
            app=app,
            line=line,
            cells=cells,
            mapping=mapping,
        )
        return replace(row, outcome=outcome, retryable=True)

    def to_dict(self) -> dict[str, Any]:
        """The row as JSON shows it."""
        row = asdict(self)
        del row["cells"]
        return row


def _hint(known: Code | None, state: int) -> str | None:
    if known is None:
        return None
    dropped = known.name == NOT_CONFIRMED and state == STATES["failed"]
    return DROPPED_HINT if dropped else known.fix


_NAMES = ("gid", "custom_id", "name")
"""What the key of a group's row is, the first that the row has."""


def _cell(cells: Sequence[str], column: int | None) -> str | None:
    present = column is not None and 0 <= column < len(cells)
    return (cells[column] or None) if present and column is not None else None


def _key(cells: Sequence[str], mapping: Mapping[str, int]) -> dict[str, str]:
    if is_of_groups(mapping):
        told = ((name, _cell(cells, mapping.get(name))) for name in _NAMES)
        return dict([(name, cell) for name, cell in told if cell][:1])
    # Members of groups that each row names are told apart by both: see `model.members`.
    place = mapping.get("address", mapping.get("member"))
    if place is None:
        return {}
    group = _cell(cells, mapping.get("group"))
    if group:
        return {"gid": group}
    return {"address": _cell(cells, place) or ""}
