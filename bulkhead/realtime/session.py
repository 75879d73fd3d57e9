"""One sender signed in through the package, in a process of its own that may crash alone."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from threading import Lock, Thread, current_thread
from typing import Any

from bulkhead.errors import SessionEnded, SessionProblem
from bulkhead.realtime.exits import HUNG, WHY
from bulkhead.realtime.lines import Lines, to_line
from bulkhead.realtime.process import Process, start_process
from bulkhead.realtime.spec import Heard, Send, Spec
from bulkhead.realtime.words import Words
from bulkhead.secrets import Secret

__all__ = ["Heard", "Send", "Session", "Spec"]

_MOST_WAITING = 64 * 1024 * 1024
"""Bytes of orders for a process that takes none."""
_CHUNK = 65536
_KILLED_S = 5.0
_NATIVE = logging.getLogger("bulkhead.realtime.native")
"""Words of a library: they are logged as any library's are."""


class Session:
    """Its methods may be called from any thread; `heard` is called in the session's own.

    What is heard last is always `ended`, once, however the process has ended.
    """

    def __init__(self, spec: Spec, heard: Callable[[Heard], None]) -> None:
        self._spec = spec
        self._heard = heard
        self._lock = Lock()
        self._outbox = bytearray()
        self._process: Process | None = None
        self._thread: Thread | None = None
        self._over = False
        self._kill_at: float | None = None
        self._closed = False
        self._fatal: Mapping[str, Any] = {}
        self._said: Words | None = None
        self._lines = Lines()
        self._wake = (-1, -1)

    @property
    def pid(self) -> int:
        """Of the process; 0 before `start`."""
        return self._process.popen.pid if self._process else 0

    @property
    def said(self) -> str:
        """The last lines that native code printed, without the token."""
        return self._said.said() if self._said else ""

    def start(self, token: Secret) -> None:
        """Sign in, once. Returns at once: what becomes of it is heard.

        Raises SessionProblem if the process cannot be started.
        """
        if self._process is not None:
            raise SessionProblem("a session is started once", to_do="make another one")
        self._said = Words(token, self._log_words)
        self._process = start_process(self._spec)
        self._wake = os.pipe()
        for fd in self._wake:
            os.set_blocking(fd, False)
        spec = self._spec
        about = {"package": spec.package, "app_id": spec.app_id, "patience": spec.patience}
        self._order({"op": "start", **about, "folder": str(spec.folder), "token": token.reveal()})
        name = f"realtime-{self._process.popen.pid}"
        self._thread = Thread(target=self._listen, args=(token,), name=name, daemon=True)
        self._thread.start()

    def send(self, message: Send) -> None:
        """Have a message sent: `returned` is heard, and its statuses. Raises SessionEnded."""
        self._order({"op": "send", "message": asdict(message)})

    def history(self, request: str, *, peer: str, gid: int, count: int) -> None:
        """Have the session's stored messages read: `history` is heard. Raises SessionEnded."""
        about = {"peer": peer, "gid": gid, "count": count}
        self._order({"op": "history", "request": request, **about})

    def close(self, seconds: float = 2.0) -> None:
        """Sign out; after so many seconds the process is killed. Waits for its end.

        Called from `heard` it does not wait.
        """
        thread = self._thread
        if thread is None:
            return
        self._closed = True
        self._kill_at = time.monotonic() + seconds
        with suppress(SessionEnded):
            self._order({"op": "close"})
        if thread is not current_thread():
            thread.join(seconds + 2 * _KILLED_S)

    def _order(self, order: Mapping[str, Any]) -> None:
        with self._lock:
            if self._over or self._process is None:
                raise SessionEnded("the session has ended", to_do="start another one")
            if len(self._outbox) > _MOST_WAITING:
                self._kill_at = 0.0
                self._wake_up()
                raise SessionEnded("the session takes nothing any more", to_do="start another one")
            self._outbox += to_line(order)
            self._wake_up()

    def _wake_up(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._wake[1], b"\0")

    def _listen(self, token: Secret) -> None:
        process = self._process
        assert process is not None  # noqa: S101 -- `start` has set it
        try:
            self._pump(process)
        finally:
            self._end(process, token)

    def _pump(self, process: Process) -> None:
        with selectors.DefaultSelector() as selector:
            for fd in (process.told, process.words, self._wake[0]):
                selector.register(fd, selectors.EVENT_READ)
            writing = False
            while True:
                if bool(self._outbox) != writing:
                    writing = _want_to_write(selector, process.orders, not writing)
                ready = {key.fd for key, _ in selector.select(self._until_killed(process))}
                if self._wake[0] in ready:
                    os.read(self._wake[0], _CHUNK)
                if process.words in ready and not self._take_words(process):
                    selector.unregister(process.words)
                if process.told in ready and not self._take_told(process):
                    return
                if process.orders in ready and not self._hand_over(process):
                    return

    def _until_killed(self, process: Process) -> float | None:
        if self._kill_at is None:
            return None
        left = self._kill_at - time.monotonic()
        if left <= 0:
            process.popen.kill()
            self._kill_at = time.monotonic() + _KILLED_S
        return max(left, 0.0)

    def _hand_over(self, process: Process) -> bool:
        try:
            with self._lock:
                del self._outbox[
                    : os.write(process.orders, memoryview(bytes(self._outbox[:_CHUNK])))
                ]
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    def _take_words(self, process: Process) -> bool:
        try:
            chunk = os.read(process.words, _CHUNK)
        except BlockingIOError:
            return True
        if chunk and self._said:
            self._said.take(chunk)
        return bool(chunk)

    def _take_told(self, process: Process) -> bool:
        try:
            chunk = os.read(process.told, _CHUNK)
        except BlockingIOError:
            return True
        for line in self._lines.take(chunk):
            if line.get("kind") == "fatal":
                self._fatal = line.get("about", {})
            else:
                self._tell(Heard(line["kind"], line["at_ms"], line["about"]))
        return bool(chunk)

    def _tell(self, heard: Heard) -> None:
        try:
            self._heard(heard)
        except Exception:
            # Only its kind: what was said may hold people's messages.
            _NATIVE.exception("what a session said could not be taken: %s", heard.kind)

    def _end(self, process: Process, token: Secret) -> None:
        with self._lock:
            self._over = True
            self._outbox.clear()
        while self._has_more_words(process):
            pass
        process.let_go()
        code = _reap(process.popen)
        process.forget()
        for fd in self._wake:
            os.close(fd)
        self._tell(Heard("ended", time.time_ns() // 1_000_000, self._ending(code, token)))

    def _ending(self, code: int, token: Secret) -> dict[str, Any]:
        said = token.scrub(str(self._fatal.get("said", "")))
        words = "\n".join(text for text in (self.said, said) if text)
        why = str(self._fatal.get("why", "")) or WHY.get(code, "")
        if code == 1 and self._said and self._said.timed_out:
            why = WHY[HUNG]
        if self._closed and not why:
            why = "closed"
        return {
            "code": max(code, 0),
            "signal": signal.Signals(-code).name if code < 0 else "",
            "said": words,
            "why": why,
        }

    def _has_more_words(self, process: Process) -> bool:
        before = self.said
        with suppress(OSError):
            return self._take_words(process) and self.said != before
        return False

    def _log_words(self, line: str) -> None:
        _NATIVE.debug("pid %d said: %s", self.pid, line)


def _want_to_write(selector: selectors.BaseSelector, fd: int, wanted: bool) -> bool:
    if wanted:
        selector.register(fd, selectors.EVENT_WRITE)
    else:
        selector.unregister(fd)
    return wanted


def _reap(popen: subprocess.Popen[bytes]) -> int:
    with suppress(subprocess.TimeoutExpired):
        return popen.wait(_KILLED_S)
    popen.kill()
    return popen.wait()
