"""What an uploaded file is, and which of an app's push credentials it replaces."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache

from sandbox.form import File

MOST_BYTES = 1 << 20
FCM, APN = "fcm", "apn"
KINDS = (FCM, APN)
_KIND_OF_EXTENSION = {"json": FCM, "p12": APN}
_BUNDLE = "0.9.2342.19200300.100.1.1"  # the user id of a subject, where Apple writes the bundle


@dataclass(frozen=True, slots=True)
class Credential:
    """A file that may stand in a slot: `fcm`, or `apn:` and the bundle of its certificate."""

    kind: str
    slot: str
    sha256: str
    content: bytes = field(repr=False)


def kind_of(file: File, wanted: object) -> str | None:
    """The kind by `type` if that is given, else by the extension; None if neither says it."""
    if wanted is not None:
        return wanted if isinstance(wanted, str) and wanted in KINDS else None
    return _KIND_OF_EXTENSION.get(file.name.rpartition(".")[2].lower())


def read_credential(kind: str, content: bytes) -> Credential | None:
    """The credential that a file of this kind is, or None if it is none that could be used."""
    return _read(kind, content) if len(content) <= MOST_BYTES else None


# A fleet is sent the same file some thousand times: it is read and kept once.
@lru_cache(maxsize=256)
def _read(kind: str, content: bytes) -> Credential | None:
    slot = _fcm_slot(content) if kind == FCM else _apn_slot(content)
    if slot is None:
        return None
    return Credential(kind, slot, hashlib.sha256(content).hexdigest(), content)


def _fcm_slot(content: bytes) -> str | None:
    try:
        return FCM if isinstance(json.loads(content), dict) else None
    except (ValueError, RecursionError):
        return None


def _apn_slot(content: bytes) -> str | None:
    # Loaded only here: a sandbox without certificates starts sooner.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import pkcs12  # noqa: PLC0415

    try:
        key, certificate, _ = pkcs12.load_key_and_certificates(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if key is None or certificate is None:
        return None
    for attribute in certificate.subject:
        if attribute.oid.dotted_string == _BUNDLE:
            return f"{APN}:{attribute.value!s}"
    subject = hashlib.sha256(certificate.subject.public_bytes()).hexdigest()
    return f"{APN}:{subject}"
