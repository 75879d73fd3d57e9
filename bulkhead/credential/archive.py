"""A PKCS#12 file (`.p12`): a certificate and its key, behind a password or, for mesibo, none."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import datetime
from threading import Lock

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12KeyAndCertificates,
    load_pkcs12,
)

from bulkhead.credential import remedy
from bulkhead.credential.certificate import describe
from bulkhead.credential.der import NotDer
from bulkhead.credential.envelope import Envelope, look
from bulkhead.credential.reading import Problem, Reading, found

_FILTERS = Lock()
_AGAIN = "Export it again from the keychain it is in, and copy it as binary, never as text."


def read_archive(content: bytes, path: str | None, now: datetime) -> Reading | None:
    """What a PKCS#12 file holds; None for anything else. `path` goes into commands only."""
    try:
        envelope = look(content)
    except NotDer:
        return _damaged("it begins as a .p12 does, and its parts do not fit together")
    if envelope is None:
        return None
    try:
        opened = _open(content, envelope)
        inside = describe(_certificates(opened), opened.key, now)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Its text is not passed on: it says "invalid password" of damage and of old ciphers too.
        return _closed(envelope, path)
    old = _old_cipher(envelope, path, password=False)
    return replace(inside, problems=(*old, *inside.problems))


def _open(content: bytes, envelope: Envelope) -> PKCS12KeyAndCertificates:
    if not envelope.loose:
        return load_pkcs12(content, None)
    # The library warns that it may read BER no more; who inspects a file cannot do much about it.
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return load_pkcs12(content, None)


def _certificates(opened: PKCS12KeyAndCertificates) -> list[x509.Certificate]:
    own = [opened.cert] if opened.cert is not None else []
    return [one.certificate for one in (*own, *opened.additional_certs)]


def _closed(envelope: Envelope, path: str | None) -> Reading:
    if envelope.opens or not (envelope.parts or envelope.has_mac):
        return _damaged("it has no password, and bytes in it were changed")
    old = bool(envelope.old_ciphers)
    command = remedy.export_again(path, password=True, old=old)
    has_password = Problem(
        "CREDENTIAL_HAS_PASSWORD",
        "it does not open without one",
        remedy.run(path, password=True, old=old),
        command,
    )
    problems = (has_password, *_old_cipher(envelope, path, password=True))
    return Reading(kind="apn", problems=problems)


def _old_cipher(envelope: Envelope, path: str | None, *, password: bool) -> tuple[Problem, ...]:
    if not envelope.old_ciphers:
        return ()
    return (
        Problem(
            "CREDENTIAL_OLD_CIPHER",
            f"it is encrypted with {' and '.join(envelope.old_ciphers)}",
            remedy.run(path, password=password, old=True),
            remedy.export_again(path, password=password, old=True),
        ),
    )


def _damaged(why: str) -> Reading:
    return replace(found("CREDENTIAL_DAMAGED", why, _AGAIN), kind="apn")
