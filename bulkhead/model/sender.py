"""The addresses that an app's messages may come from."""

from __future__ import annotations

from collections.abc import Iterable

from bulkhead.errors import InvalidInput
from bulkhead.model.user import Problem, UserMapping, read_user


def checked_senders(addresses: Iterable[str]) -> tuple[str, ...] | None:
    """The addresses, once each and in order; None (any) for no address. Raises InvalidInput."""
    named = tuple(dict.fromkeys(filter(None, (address.strip() for address in addresses))))
    for address in named:
        found = read_user(UserMapping(width=1, address=0), [address])
        if isinstance(found, Problem):
            raise InvalidInput(
                f"{address!r} cannot be a sender",
                why=found.message,
                to_do="name senders by their mesibo addresses, such as news@example.com",
            )
    return named or None
