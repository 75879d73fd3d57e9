"""A push certificate with its key, or without: what it says, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bulkhead.credential.apple import OtherSubject, PushSubject, not_by_apple, subject_of
from bulkhead.credential.reading import Problem, Reading, day

UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)
"""What the library raises for a certificate or a key that it cannot read."""
MAKE_ONE = (
    "At developer.apple.com under Certificates choose Apple Push Notification service SSL (Sandbox "
    "& Production) for the app's bundle id, export it with its key as `.p12`, and inspect that."
)
EXPORT_BOTH = (
    "On the Mac that made the signing request, select certificate and key together in Keychain "
    "Access, export them as `.p12` with an empty password, and inspect that."
)


def describe(
    certificates: Sequence[x509.Certificate], key: PrivateKeyTypes | None, now: datetime
) -> Reading:
    """What the certificate of this key says; without its own, what the likeliest one says."""
    matching = [one for one in certificates if key is not None and _belongs(one, key)]
    leaf = next(iter(matching or sorted(certificates, key=_is_other)), None)
    if leaf is None:
        missing = [Problem("CREDENTIAL_NO_CERTIFICATE", "there is a key, and no certificate")]
        if key is None:
            missing = [Problem("CREDENTIAL_NO_CERTIFICATE", "there is neither of the two")]
        return Reading(kind="apn", has_key=key is not None, problems=tuple(missing))
    subject = subject_of(leaf)
    push = subject if isinstance(subject, PushSubject) else None
    return Reading(
        kind="apn",
        fingerprint=leaf.fingerprint(SHA256()).hex(),
        bundle=push.bundle if push else None,
        environment=push.environment if push else None,
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        has_key=key is not None,
        key_matches=bool(matching) if key is not None else None,
        problems=(*_of_key(key, matching), *_of_subject(leaf, subject), *_of_time(leaf, now)),
    )


def _belongs(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    try:
        public = certificate.public_key()
    except UNREADABLE:
        return False
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return public.public_bytes(*form) == key.public_key().public_bytes(*form)


def _is_other(certificate: x509.Certificate) -> bool:
    return isinstance(subject_of(certificate), OtherSubject)


def _of_key(key: PrivateKeyTypes | None, matching: Sequence[x509.Certificate]) -> Iterable[Problem]:
    if key is None:
        yield Problem(
            "CREDENTIAL_NO_KEY", "there is a certificate, and no private key", EXPORT_BOTH
        )
    elif not matching:
        why = "the key's public half is not the one in the certificate"
        yield Problem("CREDENTIAL_OTHER_KEY", why, EXPORT_BOTH)


def _of_subject(
    certificate: x509.Certificate, subject: PushSubject | OtherSubject
) -> Iterator[Problem]:
    if isinstance(subject, OtherSubject):
        yield Problem("CREDENTIAL_WRONG_CERTIFICATE", subject.why, MAKE_ONE)
        return
    if subject.environment in ("voip", "watch"):
        service = "VoIP" if subject.environment == "voip" else "WatchKit"
        yield Problem("CREDENTIAL_SPECIAL_PUSH", f"its subject says {service} Services")
    issuer = not_by_apple(certificate)
    if issuer is not None:
        yield Problem("CREDENTIAL_NOT_BY_APPLE", issuer)


def _of_time(certificate: x509.Certificate, now: datetime) -> Iterator[Problem]:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > ends:
        yield Problem("CREDENTIAL_EXPIRED", f"it was valid until {day(ends)}", MAKE_ONE)
    elif now < begins:
        why = f"it is valid from {day(begins)}, and it is {day(now)} here"
        yield Problem("CREDENTIAL_NOT_YET_VALID", why)
