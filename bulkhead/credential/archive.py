"""A PKCS#12 file (`.p12`): a certificate and its key, behind a password or, for mesibo, none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12KeyAndCertificates,
    load_pkcs12,
)

from bulkhead.credential import remedy
from bulkhead.credential.certificate import UNREADABLE, describe
from bulkhead.credential.der import NotDer
from bulkhead.credential.envelope import Envelope, look
from bulkhead.credential.reading import Problem, Reading, found

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
        opened = load_pkcs12(content, None)
        inside = describe(_certificates(opened), opened.key, now)
    except UNREADABLE:
        # Its text is not passed on: it says "invalid password" of damage and of old ciphers too.
        return _closed(envelope, path)
    old = _old_cipher(envelope, path, password=False, whole=bool(inside.key_matches))
    return replace(inside, problems=(*old, *inside.problems))


def _certificates(opened: PKCS12KeyAndCertificates) -> list[x509.Certificate]:
    own = [opened.cert] if opened.cert is not None else []
    return [one.certificate for one in (*own, *opened.additional_certs)]


def _closed(envelope: Envelope, path: str | None) -> Reading:
    if envelope.intact and envelope.old_ciphers:
        # A library without the old ciphers, as some systems build it.
        problems = tuple(_old_cipher(envelope, path, password=False, whole=True))
        return Reading(kind="apn", problems=problems)
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
    problems = (has_password, *_old_cipher(envelope, path, password=True, whole=True))
    return Reading(kind="apn", problems=problems)


def _old_cipher(
    envelope: Envelope, path: str | None, *, password: bool, whole: bool
) -> Iterator[Problem]:
    """`whole`: certificate and key are there and belong together, else nothing can be exported."""
    if not envelope.old_ciphers:
        return
    why = f"it is encrypted with {' and '.join(envelope.old_ciphers)}"
    if not whole:
        yield Problem(
            "CREDENTIAL_OLD_CIPHER", why, "Mend what else is wrong, then inspect it again."
        )
        return
    command = remedy.export_again(path, password=password, old=True)
    run = remedy.run(path, password=password, old=True)
    yield Problem("CREDENTIAL_OLD_CIPHER", why, run, command)


def _damaged(why: str) -> Reading:
    return replace(found("CREDENTIAL_DAMAGED", why, _AGAIN), kind="apn")
