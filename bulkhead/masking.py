"""Show where something is without showing what opens it."""

from __future__ import annotations

import re

MASK = "***"

_SECRET_IN_QUERY = re.compile(r"([?&](?:password|pass|token|secret|key)=)[^&#\s]*", re.IGNORECASE)


def mask_url(url: str) -> str:
    """The same URL without its password: `redis://ann:***@host:6379/0`."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return MASK
    # The last @, so that an unescaped one inside a password hides too much, never too little.
    credentials, at, place = rest.rpartition("@")
    if at:
        user, colon, _ = credentials.partition(":")
        rest = f"{user}:{MASK}@{place}" if colon else f"{MASK}@{place}"
    return _SECRET_IN_QUERY.sub(rf"\g<1>{MASK}", f"{scheme}://{rest}")


def mask_address(address: str) -> str:
    """Enough of a person's address to recognise it beside the file: `an…@example.com`, `49…`."""
    person, at, domain = address.rpartition("@")
    if not at:
        return f"{address[:2]}…"
    return f"{person[:2]}…@{domain}"
