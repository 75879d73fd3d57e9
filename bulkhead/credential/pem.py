"""Certificates and keys that are not packed as a `.p12`: PEM, bare DER, Apple's `.p8`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bulkhead.credential import remedy
from bulkhead.credential.certificate import EXPORT_BOTH, MAKE_ONE, UNREADABLE, describe
from bulkhead.credential.reading import Problem, Reading, found

_BEGIN = b"-----BEGIN "
_BLOCK = re.compile(rb"([A-Z0-9 ]{1,40})-----[^-]*-----END \1-----")
_PACK = "Put the certificate into the same file, and inspect it again."
_AGAIN = "Mend what else is wrong, then inspect it again."


def read_pem(content: bytes, path: str | None, now: datetime) -> Reading | None:
    """What a PEM file holds; None for anything else. `path` goes into commands only."""
    if _BEGIN not in content:
        return None
    pieces = (_BLOCK.match(piece) for piece in content.split(_BEGIN)[1:])
    blocks = [(piece[1].decode(), _BEGIN + piece[0]) for piece in pieces if piece]
    keys = [text for label, text in blocks if label.endswith("PRIVATE KEY")]
    certificates = [text for label, text in blocks if label.endswith("CERTIFICATE")]
    if not keys and not certificates:
        return _other([label for label, _ in blocks])
    opened = _key(keys)
    if not certificates:
        return _key_alone(opened)
    try:
        loaded = [x509.load_pem_x509_certificate(text) for text in certificates]
        inside = describe(loaded, opened, now)
    except UNREADABLE:
        return found("CREDENTIAL_DAMAGED", "a certificate in it cannot be read")
    return _with_certificate(inside, bool(keys), path)


def read_bare_certificate(content: bytes, now: datetime) -> Reading | None:
    """What a certificate in DER (`.cer`) says; None for anything else."""
    try:
        certificate = x509.load_der_x509_certificate(content)
        return describe([certificate], None, now)
    except UNREADABLE:
        return None


def _with_certificate(inside: Reading, has_key: bool, path: str | None) -> Reading:
    if not has_key:
        pem = Problem("CREDENTIAL_PEM", "it is a certificate in PEM", EXPORT_BOTH)
        return replace(inside, problems=(pem, *inside.problems))
    # A key behind a password is there all the same; OpenSSL will ask for it.
    others = [one for one in inside.problems if one.code != "CREDENTIAL_NO_KEY"]
    pem = Problem("CREDENTIAL_PEM", "it is a certificate and a key in PEM", _AGAIN)
    if inside.key_matches is not False:
        pem = replace(pem, to_do=remedy.run(path), command=remedy.pack(path))
    return replace(inside, has_key=True, problems=(pem, *others))


def _key(keys: Sequence[bytes]) -> PrivateKeyTypes | None:
    try:
        return load_pem_private_key(keys[0], None) if keys else None
    except UNREADABLE:
        return None


def _key_alone(key: PrivateKeyTypes | None) -> Reading:
    if isinstance(key, EllipticCurvePrivateKey):
        why = "it is an elliptic-curve key with nothing beside it, as Apple's AuthKey_….p8 is"
        return found("CREDENTIAL_P8", why, MAKE_ONE)
    why = "it is a private key in PEM, and no certificate is in it"
    return found("CREDENTIAL_PEM", why, _PACK)


def _other(labels: Sequence[str]) -> Reading:
    if not labels:
        return found("CREDENTIAL_DAMAGED", "it is PEM text that is cut short")
    if any(label.endswith("CERTIFICATE REQUEST") for label in labels):
        why = "it is a signing request, with which Apple makes a certificate"
        return found("CREDENTIAL_UNKNOWN", why, MAKE_ONE)
    return found("CREDENTIAL_UNKNOWN", "it is PEM text with neither a certificate nor a key in it")
