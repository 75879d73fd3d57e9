"""The calls of the package, each argument checked: what it does not bear ends the process."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from bulkhead.errors import InvalidInput
from bulkhead.model.realtime import HIGHEST_GID, is_app_id, is_carried, result_word, signed
from bulkhead.realtime.ears import Hearing, Page, listener
from bulkhead.realtime.load import built_on, version_of
from bulkhead.realtime.mouth import Mouth
from bulkhead.realtime.spec import Send

NOT_SIGNED_IN = 141
"""What the package itself returns; it has no name for it."""
BAD_REQUEST = 133
NOT_TAKEN = -1

_ONLINE = 1
_PAGE_S = 5.0
_LARGEST_PAGE = 1000
_UNICODE = 2


class Adapter:
    """The one identity of this process."""

    def __init__(self, package: ModuleType, mouth: Mouth) -> None:
        self._package = package
        self._mouth = mouth
        self._hearing = Hearing(mouth)
        self._api: Any = package.getInstance()
        # The package keeps no reference of its own: a listener that is let go is a crash.
        self._listener = listener(package, self._hearing)
        self._reading: list[Any] = []

    def start(self, folder: Path, app_id: str, token: str) -> None:
        """Sign in; what becomes of it is told by `connection`."""
        if not (token and is_carried(token) and is_app_id(app_id) and is_carried(str(folder))):
            raise ValueError("a token, app id or folder that the package does not bear")
        getattr(self._package, "readDataAs", lambda _: 0)(_UNICODE)
        self._api.addListener(self._listener)
        # Not the folder itself: where the path is HOME too, the package takes another one in it.
        data = folder / "data"
        data.mkdir(mode=0o700, exist_ok=True)
        self._api.setPath(str(data))
        self._api.setAccessToken(token)
        self._api.setAppName(app_id)
        self._api.setDatabase("mesibo.db", 0)
        result = self._api.start()
        self._mouth.tell(
            "started",
            result=result if isinstance(result, int) else 0,
            status=self._status(),
            version=version_of(self._package),
            built=built_on(self._package),
        )

    def send(self, about: Mapping[str, Any]) -> None:
        """Hand one message to the package; says `returned` in any case."""
        result, why = self._sent(about)
        self._mouth.tell("returned", mid=about.get("mid"), result=result, why=why)

    def history(self, request: str, peer: str, gid: int, count: int) -> None:
        """Read stored messages; says `history` in any case."""
        page = Page()
        why, last = self._why_no_history(peer, gid), False
        if not why:
            self._hearing.page = page
            last = self._read(page, peer, gid, max(1, min(count, _LARGEST_PAGE)))
            self._hearing.page = None
        self._mouth.tell("history", request=request, messages=page.messages, last=last, why=why)

    def stop(self) -> None:
        """Sign out."""
        self._api.stop()

    def _sent(self, about: Mapping[str, Any]) -> tuple[int, str]:
        try:
            message = Send(**about)
        except (InvalidInput, TypeError) as error:
            return BAD_REQUEST, getattr(error, "why", "") or "it is not a message"
        if self._hearing.connection != _ONLINE:
            # Not tried: with a title or a file the package says yes, and sends it never.
            return NOT_SIGNED_IN, "the session is not online"
        # This process may have read a page, or stood still, since the order was written.
        if 0 < message.closes <= time.monotonic():
            return NOT_SIGNED_IN, "its time to be sent was over"
        if message.file and not os.access(message.file, os.R_OK):
            return NOT_TAKEN, "its file is not there or cannot be read"
        try:
            made = self._made(message)
        except (TypeError, ValueError, OverflowError) as error:
            return BAD_REQUEST, f"the package does not take it ({type(error).__name__})"
        result = made.send()
        result = result if isinstance(result, int) else 0
        return result, "" if result == 0 else result_word(result)

    def _made(self, send: Send) -> Any:
        api = self._api
        message = api.newMessage(send.to) if send.to else api.newGroupMessage(send.gid)
        if message is None:
            raise ValueError("no message was made")
        # Ours, in place of the package's own: who sends a message again uses the same.
        message.mid = signed(send.mid)
        if send.text:
            message.message = send.text
        if send.title:
            message.title = send.title
        if content := send.file or send.url:
            message.setContent(content)
        if send.expiry is not None:
            message.setExpiry(send.expiry)
        return message

    def _read(self, page: Page, peer: str, gid: int, count: int) -> bool:
        ears = listener(self._package, self._hearing)
        session = self._api.createReadSession(peer, gid, "", ears)
        # Held as long as the process: the package may call them after their time.
        self._reading += [ears, session]
        found = session.read(count)
        if isinstance(found, int) and found > page.heard:
            page.whole.wait(_PAGE_S)
        return page.heard < count and not page.cut

    def _why_no_history(self, peer: str, gid: int) -> str:
        if not (is_carried(peer) and 0 <= gid <= HIGHEST_GID and (peer or gid)):
            return "it names neither a person nor a group"
        # The package reads nothing before a login.
        return "" if self._hearing.signed_in.is_set() else "the session has not been online yet"

    def _status(self) -> int:
        status = self._api.getConnectionStatus()
        return status if isinstance(status, int) else self._hearing.connection
