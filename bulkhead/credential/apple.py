"""What Apple writes into a push certificate, and how the others that it issues are told apart.

The subject of a push certificate has the app's bundle id as UID and, after a colon, in its common
name, whose beginning says what it is for; two extensions name the service, for development and for
production (Apple's certification practice statement for developer relations, push certificates).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from bulkhead.credential.reading import Environment, shown

_PUSH: dict[str, Environment] = {
    "Apple Push Services": "both",
    "Apple Production IOS Push Services": "production",
    "Apple Production Mac Push Services": "production",
    "Apple Sandbox Push Services": "sandbox",
    "Apple Development IOS Push Services": "sandbox",
    "Apple Development Mac Push Services": "sandbox",
    "VoIP Services": "voip",
    "WatchKit Services": "watch",
}
_OTHERS = (
    ("Apple Pay ", "it is for Apple Pay"),
    ("Pass Type ID", "it is for passes of Wallet"),
    ("Website Push ID", "it is for Safari on websites, not for an app"),
    ("APSP:", "it is for device management (MDM)"),
    ("Developer ID ", "it signs apps outside the App Store"),
    ("3rd Party Mac ", "it signs apps"),
    ("Mac ", "it signs apps"),
    ("iPhone ", "it signs apps"),
    ("iOS ", "it signs apps"),
    ("Apple Development", "it signs apps"),
    ("Apple Distribution", "it signs apps"),
)
_FOR_SANDBOX = x509.ObjectIdentifier("1.2.840.113635.100.6.3.1")
_FOR_PRODUCTION = x509.ObjectIdentifier("1.2.840.113635.100.6.3.2")
_BUNDLE = re.compile(r"[A-Za-z0-9.-]{1,255}")


@dataclass(frozen=True, slots=True)
class PushSubject:
    """The app a push certificate is for, and where it may send."""

    bundle: str
    environment: Environment


@dataclass(frozen=True, slots=True)
class OtherSubject:
    """No push certificate: `why` says what it is instead, as far as it tells."""

    why: str


def subject_of(certificate: x509.Certificate) -> PushSubject | OtherSubject:
    """What the certificate is for, by its subject; a signature is not looked at."""
    name = _first(certificate.subject, NameOID.COMMON_NAME)
    use, _, after = name.partition(":")
    environment = _PUSH.get(use.strip())
    if environment is None:
        return OtherSubject(_instead(name))
    bundle = _first(certificate.subject, NameOID.USER_ID) or after.strip()
    if not _BUNDLE.fullmatch(bundle):
        return OtherSubject(f"its subject is “{shown(name)}” and names no bundle id")
    return PushSubject(bundle, _where(certificate, environment))


def not_by_apple(certificate: x509.Certificate) -> str | None:
    """Why Apple did not issue it, by its own words; None if it says that Apple did."""
    if certificate.issuer == certificate.subject:
        return "it is self-issued: issuer and subject are the same"
    if _first(certificate.issuer, NameOID.ORGANIZATION_NAME) == "Apple Inc.":
        return None
    issuer = _first(certificate.issuer, NameOID.COMMON_NAME) or "nobody named"
    return f"its issuer is “{shown(issuer)}”"


def _where(certificate: x509.Certificate, by_name: Environment) -> Environment:
    if by_name in ("voip", "watch"):
        return by_name
    try:
        named = {extension.oid for extension in certificate.extensions}
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return by_name
    match _FOR_SANDBOX in named, _FOR_PRODUCTION in named:
        case True, True:
            return "both"
        case True, False:
            return "sandbox"
        case False, True:
            return "production"
        case _:
            return by_name


def _instead(name: str) -> str:
    if not name:
        return "its subject has no common name"
    known = next((what for start, what in _OTHERS if name.startswith(start)), "")
    return f"its subject is “{shown(name)}”" + (f": {known}" if known else "")


def _first(name: x509.Name, attribute: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(attribute)
    value = found[0].value if found else ""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
