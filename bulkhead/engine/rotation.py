"""An app's token is exchanged: the new one is checked, then used, then the old one forgotten."""

from __future__ import annotations

from bulkhead.engine.app_fields import SealedToken
from bulkhead.engine.script import Scripts
from bulkhead.errors import Conflict, NotFound

CHECK = "apps.check_token"
"""The kind of job whose one call is made with the token that is not in use yet."""


class Rotation:
    """One exchange, of one app, for one token. Raises Conflict, NotFound, Unreachable."""

    def __init__(self, scripts: Scripts, app: str, token: SealedToken) -> None:
        self._scripts = scripts
        self._app = app
        self._token = token

    def offer(self) -> None:
        """Put the new token beside the one in use; one that was offered before is dropped.

        The same token again goes on where an interrupted rotation stopped.
        """
        self._step("offer", self._token.box, self._token.last4)

    def checked_by(self, job: str) -> None:
        """Remember which job checks it."""
        self._step("job", job)

    def switch(self) -> None:
        """Use the new token from now on. An app that is stopped stays so until it is resumed."""
        self._step("switch")

    def drained(self) -> bool:
        """True once no call carries the old token any more, and it is forgotten."""
        return self._step("drained") == "ok"

    def drop(self) -> None:
        """Forget the new token: the app is as it was."""
        self._step("drop")

    def _step(self, verb: str, *more: str) -> str:
        answer, _ = self._scripts.run("rotate", self._app, verb, self._token.fingerprint, *more)
        verdict = str(answer.decode())
        if verdict == "none":
            raise NotFound(f"there is no app {self._app}", to_do="see `bulkhead apps list`")
        if verdict == "paused":
            raise Conflict(
                f"app {self._app} is paused",
                why="no call may be made for it, and a new token is tried with one",
                to_do=f"`bulkhead apps resume {self._app}`, then rotate again",
            )
        if verdict == "other":
            raise Conflict(
                f"another token was given to {self._app} meanwhile",
                why="somebody else has begun a rotation or set a token",
                to_do=f"see `bulkhead apps show {self._app}`, then rotate again if need be",
            )
        return verdict
