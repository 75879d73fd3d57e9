"""How an inbound delivery is known to be an app's: by its path, and by a secret in its body."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from bulkhead.box import Box
from bulkhead.engine.app_fields import INBOUND_BODY_BOX, INBOUND_BOX
from bulkhead.engine.keys import Keys, about
from bulkhead.engine.script import Scripts, ask
from bulkhead.errors import NotFound
from bulkhead.secrets import Secret, utf8

BYTES = 32
"""Of the path's secret: nobody guesses it, so its plain digest tells nothing."""


_KNOWN = ("inbound_digest", "inbound_old", INBOUND_BODY_BOX)


@dataclass(frozen=True, slots=True)
class Issued:
    """An app's path secret, and whether it was made just now."""

    secret: Secret
    made: bool


@dataclass(frozen=True, slots=True)
class Whose:
    """The app that a path belongs to, and the sealed secret that its bodies must carry."""

    app: str
    body_box: str | None = None


class InboundSecrets:
    """Makes, exchanges and recognises them. Raises NotFound, CannotOpen, Unreachable."""

    def __init__(self, scripts: Scripts, box: Box) -> None:
        self._scripts = scripts
        self._redis = scripts.redis
        self._box = box

    def issue(self, app: str) -> Issued:
        """The app's path secret; the first to ask makes it."""
        return self._put(app, "issue", 0)

    def rotate(self, app: str, grace: float = 0.0) -> Issued:
        """Another path secret from now on; the one before holds for `grace` seconds more."""
        return self._put(app, "rotate", grace)

    def demand(self, app: str, secret: Secret | None) -> None:
        """Believe from now on only bodies that carry this secret; None: whatever they carry."""
        box = "" if secret is None else self._sealed(app, INBOUND_BODY_BOX, secret)
        self._run(app, "body", box, "", 0)

    def whose(self, secret: str) -> Whose | None:
        """The app whose path this is, or None."""
        return self.whose_all([secret])[0]

    def whose_all(self, paths: Sequence[str]) -> list[Whose | None]:
        """The apps whose paths these are, None for what is nobody's; two round trips.

        They are looked up by their digests: how long that takes says nothing about any secret.
        """
        digests = [_digest(path) for path in paths]
        found = ask(self._redis.mget, [self._scripts.key("inbound", one) for one in digests])
        apps = [app.decode() if app else None for app in found]
        named = [app for app in dict.fromkeys(apps) if app]
        pipe = self._redis.pipeline(transaction=False)
        for app in named:
            pipe.hmget(self._scripts.key("app", app), *_KNOWN)
        known = dict(zip(named, ask(pipe.execute), strict=True)) if named else {}
        return [
            _whose(app, digest, known[app]) if app else None
            for app, digest in zip(apps, digests, strict=True)
        ]

    def accepts(self, whose: Whose, said: Secret | None) -> bool:
        """Whether a body with this secret is to be believed; compared in constant time."""
        if whose.body_box is None:
            return True
        wanted = self._open(whose.app, INBOUND_BODY_BOX, whose.body_box)
        return (said or Secret("")) == wanted

    def _put(self, app: str, verb: str, grace: float) -> Issued:
        fresh = Secret(secrets.token_urlsafe(BYTES))
        box = self._sealed(app, INBOUND_BOX, fresh)
        verdict, kept = self._run(app, verb, box, _digest(fresh.reveal()), round(grace * 1000))
        return Issued(self._open(app, INBOUND_BOX, kept.decode()), verdict == b"made")

    def _run(self, app: str, verb: str, box: str, digest: str, grace: int) -> list[bytes]:
        answer: list[bytes] = self._scripts.run("webhook", app, verb, box, digest, grace)
        if answer[0] == b"none":
            raise NotFound(f"there is no app {app}", to_do="see `bulkhead apps list`")
        return answer

    def _sealed(self, app: str, field: str, secret: Secret) -> str:
        key = Keys(self._scripts).agree(self._box.key_ids)
        return self._box.seal(utf8(secret.reveal()), about(field, app), key)

    def _open(self, app: str, field: str, box: str) -> Secret:
        return Secret(self._box.open(box, about(field, app)).decode("utf-8", "surrogatepass"))


def _whose(app: str, digest: str, known: Sequence[bytes | None]) -> Whose | None:
    *digests, body_box = known
    if digest.encode() not in digests:
        return None
    return Whose(app, body_box.decode() if body_box else None)


def _digest(secret: str) -> str:
    return hashlib.sha256(utf8(secret)).hexdigest()
