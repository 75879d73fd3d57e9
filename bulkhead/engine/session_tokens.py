"""User tokens of senders: sealed in the store, for whichever worker signs them in next."""

from __future__ import annotations

from bulkhead.box import Box
from bulkhead.engine.app_fields import SENDERS
from bulkhead.engine.keys import Keys, about_sender
from bulkhead.engine.script import Scripts, ask
from bulkhead.model.sender_session import SenderId
from bulkhead.secrets import Secret, utf8


class SessionTokens:
    """Keeps and opens them. Raises CannotOpen, Unreachable."""

    def __init__(self, scripts: Scripts, box: Box) -> None:
        self._scripts = scripts
        self._redis = scripts.redis
        self._box = box

    def keep(self, who: SenderId, token: Secret) -> None:
        """Keep a token in the place of the one before; of an app that is gone, none."""
        key = Keys(self._scripts).agree(self._box.key_ids)
        sealed = self._box.seal(utf8(token.reveal()), about_sender(*who), key)
        self._scripts.run("session", "keep", *who, sealed)

    def get(self, who: SenderId) -> Secret | None:
        """The token that was kept last, if it was not forgotten."""
        sealed = ask(self._redis.hget, self._name(who), who.sender)
        if sealed is None:
            return None
        opened = self._box.open(sealed.decode(), about_sender(*who))
        return Secret(opened.decode("utf-8", "surrogatepass"))

    def forget(self, who: SenderId) -> None:
        """The token is no longer good."""
        ask(self._redis.hdel, self._name(who), who.sender)

    def _name(self, who: SenderId) -> str:
        return self._scripts.key("app", who.app, SENDERS)
