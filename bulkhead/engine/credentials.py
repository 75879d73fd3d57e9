"""The files of push credentials: each kept once, sealed, under a name made of its content."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bulkhead.box import Box
from bulkhead.engine.keys import CREDENTIAL_BOX, Keys, about_file
from bulkhead.engine.script import Scripts, ask, decoded
from bulkhead.errors import InvalidInput, NotFound
from bulkhead.model.push import InSlot
from bulkhead.secrets import SecretBytes

if TYPE_CHECKING:
    from bulkhead.credential.reading import Reading

DIGITS = 20
"""Hexadecimal digits of the SHA-256 of a file in its id: 80 bits."""

KEPT_FOR = 60 * 86400.0
"""Seconds that a file is kept which no entry of an app names, so that a job can still send it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of a stored credential without opening it."""

    id: str
    kind: str
    fingerprint: str
    slot: str
    project: str | None
    bundle: str | None
    environment: str | None
    not_after: float | None
    """Unix seconds; None for a credential that does not expire."""
    file: str
    size: int
    """Bytes."""

    @classmethod
    def of(cls, content: SecretBytes, reading: Reading, file: str) -> Stored:
        """What is kept of this file. Raises InvalidInput if nothing says what it is."""
        if reading.kind is None or reading.slot is None or reading.fingerprint is None:
            raise InvalidInput(
                "the file is no push credential that could be kept",
                why="nothing in it says which app of whom it is for",
                to_do="see `bulkhead creds inspect FILE`",
            )
        ends = reading.not_after
        return cls(
            id=id_of(content),
            kind=reading.kind,
            fingerprint=reading.fingerprint,
            slot=reading.slot,
            project=reading.project,
            bundle=reading.bundle,
            environment=reading.environment,
            not_after=None if ends is None else ends.timestamp(),
            file=file,
            size=len(content),
        )

    def in_slot(self, by: str, job: str = "") -> InSlot:
        """The entry that says that it is in its slot of an app now."""
        kept = asdict(self)
        del kept["size"]
        return InSlot(credential=kept.pop("id"), by=by, job=job, **kept)

    def fields(self) -> list[str]:
        """Names and values in turn; what is not known has none."""
        kept = {name: value for name, value in asdict(self).items() if value is not None}
        return [text for pair in kept.items() for text in (pair[0], str(pair[1]))]


class Credentials:
    """Keeps and opens them. Raises NotFound, CannotOpen, NotPermitted, Unreachable, StoreFull."""

    def __init__(self, scripts: Scripts, box: Box) -> None:
        self._scripts = scripts
        self._box = box

    def put(self, content: SecretBytes, kept: Stored, keep_for: float = KEPT_FOR) -> str:
        """Keep the file, unless it is here already; its id.

        It stays `keep_for` seconds at least, and as long as an entry of an app names it.
        """
        key = Keys(self._scripts).agree(self._box.key_ids)
        box = self._box.seal(content.reveal(), about_file(kept.id), key)
        fields = [*kept.fields(), CREDENTIAL_BOX, box]
        self._scripts.run("credential", "put", kept.id, round(keep_for * 1000), *fields)
        return kept.id

    def get(self, credential: str) -> Stored:
        """What is known of it."""
        return look_up(self._scripts, credential)

    def open(self, credential: str) -> SecretBytes:
        """The file, byte for byte."""
        return self.take(credential)[1]

    def take(self, credential: str) -> tuple[Stored, SecretBytes]:
        """Both, in one look."""
        fields = _fields(self._scripts, credential)
        content = self._box.open(fields[CREDENTIAL_BOX], about_file(credential))
        return _kept(credential, fields), SecretBytes(content)


def look_up(scripts: Scripts, credential: str) -> Stored:
    """What is known of it, for who has no key to open it. Raises NotFound, Unreachable."""
    return _kept(credential, _fields(scripts, credential))


def _fields(scripts: Scripts, credential: str) -> dict[str, str]:
    name = scripts.key("credential", credential)
    fields = decoded(ask(scripts.redis.hgetall, name))
    if CREDENTIAL_BOX not in fields:
        raise NotFound(
            f"the store keeps no credential {credential}",
            why=f"one that no app's history names is forgotten after {KEPT_FOR / 86400:.0f} days",
            to_do="upload the file itself: `bulkhead creds upload FILE --app APP`",
        )
    return fields


def keep_for(at: float | None) -> float:
    """Seconds to keep a file that a job sends which begins then, in Unix seconds; None: now."""
    return KEPT_FOR + (max(0.0, at - time.time()) if at else 0.0)


def id_of(content: SecretBytes) -> str:
    """The name of a file: the same bytes have the same one."""
    return f"cred_{hashlib.sha256(content.reveal()).hexdigest()[:DIGITS]}"


def _kept(credential: str, fields: Mapping[str, str]) -> Stored:
    ends = fields.get("not_after")
    return Stored(
        id=credential,
        kind=fields["kind"],
        fingerprint=fields["fingerprint"],
        slot=fields["slot"],
        project=fields.get("project"),
        bundle=fields.get("bundle"),
        environment=fields.get("environment"),
        not_after=float(ends) if ends else None,
        file=fields["file"],
        size=int(fields["size"]),
    )
