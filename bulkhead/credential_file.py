"""A push credential in hand, from a file, from memory or from the store: fit for an upload."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bulkhead.backend.upload import sendable_name
from bulkhead.credential.inspection import inspect, take
from bulkhead.credential.reading import Reading, shown
from bulkhead.engine.credentials import Credentials, Stored
from bulkhead.errors import InvalidInput
from bulkhead.named_file import content_of
from bulkhead.secrets import SecretBytes

Given = str | os.PathLike[str] | bytes
"""A path, or the file's content."""

NAMELESS: Mapping[str, str] = {"fcm": "credential.json", "apn": "credential.p12"}
"""What a content without a name is called when it is sent."""


@dataclass(frozen=True, slots=True)
class CredentialFile:
    """A file that could be uploaded as it is, and what is kept of it."""

    content: SecretBytes
    stored: Stored


def look(given: Given) -> dict[str, Any]:
    """What it is, as `creds inspect` says it. Raises InvalidInput if it cannot be read."""
    content, name = _content(given)
    return _reading(content, name).to_dict()


def taken(given: Given, kind: str) -> CredentialFile:
    """The credential. Raises InvalidInput for one that is not for `kind`, `fcm` or `apn`."""
    content, name = _content(given)
    reading = _reading(content, name)
    _refuse_unfit(reading, shown(name) or f"what is given as {kind}")
    refuse_other_kind(reading, kind, shown(name) or "the credential")
    kept = Stored.of(content, reading, sent_as(name, kind))
    return CredentialFile(content, kept)


def refuse_other_kind(reading: Reading, kind: str, name: str) -> None:
    """Raises InvalidInput for a credential that is not for `kind`."""
    if reading.kind != kind:
        raise InvalidInput(
            f"{name} is not for {kind}",
            why=f"its content is a credential of {reading.kind}",
            to_do=f"give it as {reading.kind}",
        )


def kept_as(credential: str, credentials: Credentials) -> CredentialFile:
    """The credential that the store keeps under this id.

    Raises NotFound, and InvalidInput if it could not be uploaded by now.
    """
    stored, content = credentials.take(credential)
    _refuse_unfit(_reading(content, stored.file), f"{credential} ({stored.file})")
    return CredentialFile(content, stored)


def sent_as(name: str, kind: str | None) -> str:
    """The name that a file is sent and kept by; of a content without a name its kind gives one."""
    return sendable_name(name) if name else NAMELESS.get(kind or "", "credential")


def _content(given: Given) -> tuple[SecretBytes, str]:
    """The bytes, and the path if there is one."""
    if isinstance(given, bytes):
        return SecretBytes(given), ""
    path = os.fspath(given)
    return SecretBytes(content_of(path, take)), path


def _reading(content: SecretBytes, name: str) -> Reading:
    return inspect(content.reveal(), name or None, datetime.now(UTC))


def _refuse_unfit(reading: Reading, name: str) -> None:
    if reading.uploadable:
        return
    stops = [problem for problem in reading.problems if problem.stops]
    raise InvalidInput(
        f"{name} cannot be uploaded as it is",
        why="; ".join(f"{problem.code}: {problem.why}" for problem in stops),
        to_do=stops[0].to_dict()["to_do"] if stops else "see `bulkhead creds inspect FILE`",
    )
