"""One refusal for every option of an order that makes no sense."""

from __future__ import annotations

from bulkhead.errors import InvalidInput


def require(holds: bool, name: str, what: str) -> None:
    """Raises InvalidInput unless `name` is what it must be."""
    if not holds:
        raise InvalidInput(
            f"`{name}` does not fit",
            why=f"it must be {what}",
            to_do="correct it; nothing was sent",
        )
