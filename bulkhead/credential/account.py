"""JSON: a Google service account, which is what FCM takes, and what is often mistaken for one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bulkhead.credential.reading import Kind, Problem, Reading, found
from bulkhead.model.text import listed

DOWNLOAD = (
    "In the Firebase console open Project settings, Service accounts, choose Generate new private "
    "key, and upload that file as it is."
)
_WORD = re.compile(r"[A-Za-z0-9._:@/-]{1,200}")
_ENCODINGS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def _word(value: Any) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


_MEMBERS: Mapping[str, Callable[[Any], bool]] = {
    "project_id": _word,
    "private_key_id": _word,
    "private_key": _text,
    "client_email": _word,
    "token_uri": _word,
}


def read_json(content: bytes) -> Reading | None:
    """What a JSON file is; None for what is no JSON object and was not meant to be one."""
    marked = content.startswith(_ENCODINGS)
    if not marked and not content.lstrip().startswith(b"{"):
        return None
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        return None if marked else _damaged(_place(error), content)
    if not isinstance(document, dict):
        return None
    if marked and document.get("type") == "service_account":
        why = "it was saved in another encoding, which begins with a mark of its own"
        return _damaged(why, content)
    return _judged(document)


def _judged(document: Mapping[str, Any]) -> Reading:
    if document.get("type") == "service_account":
        return _account(document)
    if "project_info" in document and "client" in document:
        return found("CREDENTIAL_CLIENT_FILE", "it is a google-services.json", DOWNLOAD)
    if {"apiKey", "projectId"} <= document.keys():
        return found("CREDENTIAL_CLIENT_FILE", "it is a web app's Firebase settings", DOWNLOAD)
    if "installed" in document or "web" in document:
        why = "it is an OAuth client, by which people sign in; it is no service account"
    elif "private_key" in document or "client_email" in document:
        why = "it looks like a service account, and its `type` is not `service_account`"
    else:
        why = "it is JSON, and its `type` is not `service_account`"
    return found("CREDENTIAL_UNKNOWN", why, DOWNLOAD)


def _account(document: Mapping[str, Any]) -> Reading:
    def kept(member: str) -> str | None:
        return document[member] if _word(document.get(member)) else None

    return Reading(
        kind="fcm",
        fingerprint=kept("private_key_id"),
        project=kept("project_id"),
        has_key=_text(document.get("private_key")),
        problems=tuple(_problems(document)),
    )


def _problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    missing = [name for name in _MEMBERS if document.get(name) in (None, "")]
    odd = [
        name for name, fits in _MEMBERS.items() if name not in missing and not fits(document[name])
    ]
    if missing:
        yield Problem("CREDENTIAL_MEMBERS_MISSING", f"it lacks {listed(missing)}", DOWNLOAD)
    if odd:
        why = f"{listed(odd)} cannot be what Google wrote there"
        yield Problem("CREDENTIAL_MEMBERS_MISSING", why, DOWNLOAD)
    if "private_key" not in (*missing, *odd):
        wrong = _wrong_key(document["private_key"])
        if wrong is not None:
            yield Problem("CREDENTIAL_BAD_ACCOUNT_KEY", wrong, DOWNLOAD)


def _wrong_key(text: str) -> str | None:
    """Why the private key cannot be used; None if it can. Never with a piece of the key."""
    try:
        key = load_pem_private_key(text.encode("utf-8", "replace"), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if "\\n" in text:
            return (
                "its line breaks are written as a backslash and an n: it was escaped once too often"
            )
        return "it is no private key in PEM that opens without a password"
    return None if isinstance(key, RSAPrivateKey) else "it is not an RSA key"


def _place(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON from line {error.lineno}, column {error.colno} on"
    return "it is no JSON that can be read"


def _damaged(why: str, content: bytes) -> Reading:
    kind: Kind | None = "fcm" if b"service_account" in content.replace(b"\0", b"") else None
    return replace(found("CREDENTIAL_DAMAGED", why, DOWNLOAD), kind=kind)
