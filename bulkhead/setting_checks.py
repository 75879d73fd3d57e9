"""What a setting may be: each check takes what was written and gives what is used.

Every check raises ValueError in words that hold nothing of the value.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from bulkhead.secrets import SHORTEST_KEY, Secret

Check = Callable[[object], object]


def url_of(*schemes: str) -> Check:
    """A URL with one of these schemes and a place."""

    def check(value: object) -> str:
        url = text(value)
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:
            # The cause would quote the URL, and with it perhaps the password.
            raise ValueError("it is not a URL: escape special characters as %40, %2F …") from None
        if parts.scheme not in schemes:
            raise ValueError(f"it must begin with {' or '.join(f'{s}://' for s in schemes)}")
        if not (parts.path if parts.scheme in {"unix", "redis+socket"} else parts.hostname):
            raise ValueError("it names no host" if parts.netloc else "it names no place")
        return url

    return check


def one_of(*words: str) -> Check:
    """One of these words, written in any case."""
    meant = {word.lower(): word for word in words}

    def check(value: object) -> str:
        word = meant.get(text(value).lower())
        if word is None:
            raise ValueError(f"it must be {', '.join(words[:-1])} or {words[-1]}")
        return word

    return check


def text(value: object) -> str:
    """Text as it is; a settings file may hold a number or a table instead."""
    if not isinstance(value, str):
        raise ValueError("it must be text")
    return value


def key(value: object) -> Secret:
    """Text from which a key may be made."""
    if len(text(value)) < SHORTEST_KEY:
        raise ValueError(f"it is shorter than {SHORTEST_KEY} characters")
    return Secret(text(value))


def plain_name(value: object) -> str:
    """A name without a slash, a line's end or blanks around it."""
    name = text(value)
    if name != name.strip() or "/" in name or not name.isprintable() or not 1 <= len(name) <= 63:
        raise ValueError("it must be 1 to 63 visible characters without a slash")
    return name


def full_path(value: object) -> Path:
    """The path from the root on; `~` is the user's home."""
    try:
        return Path(text(value)).expanduser().absolute()
    except RuntimeError:
        raise ValueError("it begins with the home of a user who is not known here") from None
