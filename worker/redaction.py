"""Take out of a log line what opens something: by key, by value and by pattern."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from threading import Lock
from typing import Any
from urllib.parse import quote

from bulkhead.masking import MASK

SHORTEST_SECRET = 8
"""Characters; a shorter value would blank out ordinary words."""
FEW = 50
"""Up to so many secrets, asking for each is faster than asking for every place in a line."""
DEEPEST = 6

# `tokens` is a policy word, a fingerprint opens nothing.
_NAMES = (
    r"(?:token(?!s\b|_fingerprint|_last4)|secret|passw(?:or)?d|passphrase|authorization"
    r"|credential|cookie|api[_-]?key|private[_-]?key)"
)
_KEY = re.compile(_NAMES, re.IGNORECASE)
# A quoted value ends at the same quote, with as many backslashes: JSON may be inside JSON.
_NAMED_VALUE = re.compile(
    _NAMES
    + r"""[\w-]*(?:\\*["'])?\s*[:=]\s*(?P<bare>(?:b?(?P<open>\\*["']).*?(?:(?<!\\)(?P=open)|\Z))"""
    + r"""|(?:(?:bearer|basic)\s+)?[^\s"',;&)}\]]+)""",
    re.IGNORECASE | re.DOTALL,
)
_HARMLESS = frozenset({bool, int, float, type(None)})
_BEARER = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(://[^\s:@/\"']*):[^\s\"'<>]*@")
_INBOUND = re.compile(r"(/inbound/mesibo/)[^\s\"'<>?#\\]+")
"""The path of an inbound webhook is its secret."""
_URL_USER = re.compile(r"://[^\s/:@\"'*]+@")


class Redactor:
    """Knows the secrets of this process, and hides them in whatever is handed to it."""

    def __init__(self) -> None:
        # Only ever added to, so that other threads may read them meanwhile.
        self._secrets: list[str] = []
        self._beginnings: set[str] = set()
        self._known: set[str] = set()
        self._registering = Lock()

    def register(self, secret: str) -> None:
        """Never let this value pass, plain, quoted, JSON-escaped or in base64."""
        if len(secret) < SHORTEST_SECRET:
            return
        with self._registering:
            if secret in self._known:
                return
            self._known.add(secret)
            for spelling in _spellings(secret):
                self._beginnings.add(spelling[:SHORTEST_SECRET])
                self._secrets.append(spelling)

    def text(self, text: str) -> str:
        """The same text without secrets."""
        for secret in self._inside(text):
            text = text.replace(secret, MASK)
        if ":" in text or "=" in text:
            text = _NAMED_VALUE.sub(_hide_value, text)
            if "@" in text:
                text = _URL_PASSWORD.sub(rf"\1:{MASK}@", text)
                text = _URL_USER.sub(f"://{MASK}@", text)
        if "/inbound/" in text:
            text = _INBOUND.sub(rf"\1{MASK}", text)
        return _BEARER.sub(rf"\1 {MASK}", text) if " " in text else text

    def value(self, value: Any, depth: int = 0) -> Any:
        """The same value without secrets, as JSON can carry it; what it cannot is its repr."""
        if isinstance(value, str):
            return self.text(value)
        if type(value) in _HARMLESS:
            return value
        if depth < DEEPEST:
            if isinstance(value, Mapping):
                return {self.text(str(k)): self.field(k, v, depth) for k, v in value.items()}
            if isinstance(value, list | tuple | set | frozenset):
                return [self.value(one, depth + 1) for one in value]
        if isinstance(value, bytes | bytearray):
            return self.text(value.decode("utf-8", "backslashreplace"))
        return self.text(repr(value))

    def field(self, key: object, value: Any, depth: int = 0) -> Any:
        """A value beside its name: under the name of a secret nothing but a null passes."""
        if value is not None and _names_a_secret(str(key)):
            return MASK
        return self.value(value, depth + 1)

    def _inside(self, text: str) -> list[str]:
        secrets = self._secrets
        if len(text) < SHORTEST_SECRET or not secrets:
            return []
        if len(secrets) > FEW:
            places = range(len(text) - SHORTEST_SECRET + 1)
            if self._beginnings.isdisjoint(text[i : i + SHORTEST_SECRET] for i in places):
                return []
        found = [secret for secret in secrets if secret in text]
        found.sort(key=len, reverse=True)  # one spelling may contain another
        return found


@lru_cache(1024)
def _names_a_secret(key: str) -> bool:
    return _KEY.search(key) is not None


def _spellings(secret: str) -> frozenset[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    return frozenset(
        {
            secret,
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
            repr(secret)[1:-1],
            quote(raw, safe=""),
            base64.b64encode(raw).decode().rstrip("="),
            base64.urlsafe_b64encode(raw).decode().rstrip("="),
        }
    )


def _hide_value(found: re.Match[str]) -> str:
    quotation = found["open"] or ""
    start = found.start("bare") - found.start()
    return f"{found[0][:start]}{quotation}{MASK}{quotation}"
