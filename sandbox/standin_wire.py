"""HTTP with the sandbox, a kept connection each caller."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

ANSWERS_WITHIN = 10.0
"""Seconds."""


class NotSent(Exception):
    """The server surely did not take it: there was no connection, or no session."""


class Unheard(Exception):
    """It may have been taken or not: the connection ended before the answer."""


class Wire:
    """One connection, for one thread."""

    def __init__(self, url: str, seconds: float = ANSWERS_WITHIN) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._seconds = seconds
        self._open: http.client.HTTPConnection | None = None

    def ask(self, name: str, document: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request; raises NotSent or Unheard."""
        return self.put(name, json.dumps(document).encode())

    def put(self, name: str, body: bytes) -> dict[str, Any]:
        """The same with bytes as they are."""
        connection = self._connected()
        try:
            connection.request("POST", f"/_realtime/{name}", body)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unheard from error
        if answer.status != 200:
            raise NotSent(content.decode("utf-8", "replace"))
        read: dict[str, Any] = json.loads(content)
        return read

    def close(self) -> None:
        """Let go of the connection; the next request opens another."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _connected(self) -> http.client.HTTPConnection:
        if self._open is None:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._seconds)
            try:
                connection.connect()
            except OSError as error:
                raise NotSent from error
            self._open = connection
        return self._open
