"""What native code writes to its standard output: masked, bounded, and never in its way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic

from bulkhead.secrets import Secret

LONGEST_LINE = 4096
"""Bytes of a line that are looked at; the rest of it is dropped unread."""
LOGGED_A_SECOND = 50
_SHOWN = 300
_KEPT = 20


class Words:
    """The last lines that were written, each without the token, in a few kilobytes."""

    def __init__(
        self, token: Secret, log: Callable[[str], None], clock: Callable[[], float] = monotonic
    ) -> None:
        self._token = token
        self._log = log
        self._clock = clock
        self._second = 0
        self._logged = 0
        self._held = b""
        self._dropping = False
        self._kept: deque[str] = deque(maxlen=_KEPT)
        self.timed_out = False
        """True once Python itself has said that it ends a process which hangs."""

    def take(self, chunk: bytes) -> None:
        """Keep the last lines, and log some: who writes thousands a second is not written down."""
        lines = (self._held + chunk).split(b"\n")
        if self._dropping and len(lines) > 1:
            lines, self._dropping = lines[1:], False
        rest = lines.pop()
        if len(rest) > LONGEST_LINE:
            if not self._dropping:
                lines.append(rest)
            self._dropping = True
        self._held = b"" if self._dropping else rest
        allowed = self._allowed()
        for at, line in enumerate(lines):
            if at < allowed or at >= len(lines) - _KEPT:
                self._keep(line, logged=at < allowed)
        self._logged += len(lines)

    def said(self) -> str:
        """The last lines in one text."""
        rest = self._masked(self._held)
        return "\n".join([*self._kept, *([rest] if rest else [])])

    def _allowed(self) -> int:
        second = int(self._clock())
        if second != self._second:
            if self._logged > LOGGED_A_SECOND:
                self._log(f"… and {self._logged - LOGGED_A_SECOND} lines more")
            self._second, self._logged = second, 0
        return LOGGED_A_SECOND - self._logged

    def _keep(self, line: bytes, *, logged: bool) -> None:
        if text := self._masked(line):
            self._kept.append(text)
            self.timed_out = self.timed_out or text.startswith("Timeout (")
            if logged:
                self._log(text)

    def _masked(self, line: bytes) -> str:
        # Masked before it is cut: half a token at the end would not be recognised.
        text = self._token.scrub(line[:LONGEST_LINE].decode("utf-8", "replace"))
        return "".join(sign if sign.isprintable() else " " for sign in text)[:_SHOWN].strip()
