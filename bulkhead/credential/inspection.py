"""Say what a file is by its content, whatever its name says."""

from __future__ import annotations

import base64
import binascii
import warnings
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import BinaryIO

from bulkhead.credential import remedy
from bulkhead.credential.account import DOWNLOAD, read_json
from bulkhead.credential.archive import read_archive
from bulkhead.credential.envelope import begins_as_archive
from bulkhead.credential.pem import read_bare_certificate, read_pem
from bulkhead.credential.reading import Problem, Reading, found

LARGEST = 1 << 20
"""Bytes of a file that is looked at; a credential has a few thousand."""

_FILTERS = Lock()
_EXTENSIONS = {"fcm": ".json", "apn": ".p12"}
_PLIST = (b"GOOGLE_APP_ID", b"GCM_SENDER_ID")


def take(stream: BinaryIO) -> bytes:
    """The content for `inspect`: of a huge file no more than shows that it is too large."""
    return stream.read(LARGEST + 1)


def inspect(content: bytes, path: str | None, now: datetime) -> Reading:
    """What a file is, and whether it could be uploaded as it is.

    `path` is where it lies, for its extension and for commands to paste; None if nowhere. `now`
    is with a zone. It never raises for what a file holds, and never opens anything itself.
    """
    if len(content) > LARGEST:
        why = f"it has more than {LARGEST:,} bytes; the rest was not read"
        return found("CREDENTIAL_TOO_LARGE", why)
    if not content.strip(b"\0\t\r\n "):
        why = "it has nothing but blanks" if content else "it has 0 bytes"
        return found("CREDENTIAL_EMPTY", why)
    # The library warns that it may read BER, or an odd serial number, no more some day: whoever
    # inspects a file cannot do anything about it. The filters are the whole process's.
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return _inspected(content, path, now)


def unreadable(why: str) -> Reading:
    """The reading of a file that could not be opened."""
    return found("CREDENTIAL_UNREADABLE", why)


def _inspected(content: bytes, path: str | None, now: datetime) -> Reading:
    reading = read_json(content) or read_archive(content, path, now)
    if reading is not None:
        return _with_extension(reading, path)
    return (
        read_pem(content, path, now)
        or read_bare_certificate(content, now)
        or _something_else(content, path)
    )


def _something_else(content: bytes, path: str | None) -> Reading:
    if content.startswith(b"bplist") or b"<plist" in content:
        return _property_list(content)
    if _is_text_of_archive(content):
        why = "it is a .p12 written as base64 text"
        run = remedy.run(path, then="inspect")
        return found("CREDENTIAL_UNKNOWN", why, run, remedy.decode(path))
    if content[:1] == b"\x30" and (path or "").endswith((".p12", ".pfx")):
        return found("CREDENTIAL_DAMAGED", "its name says .p12, and its first bytes do not")
    if content.startswith(b"PK\x03\x04"):
        return found("CREDENTIAL_UNKNOWN", "it is a ZIP archive", "Unpack it first.")
    is_markup = content.lstrip()[:1] == b"<"
    why = "it is a web page or other XML" if is_markup else "nothing in it looks like one"
    return found("CREDENTIAL_UNKNOWN", why)


def _property_list(content: bytes) -> Reading:
    if any(word in content for word in _PLIST):
        return found("CREDENTIAL_CLIENT_FILE", "it is a GoogleService-Info.plist", DOWNLOAD)
    return found("CREDENTIAL_UNKNOWN", "it is a property list or a provisioning profile")


def _is_text_of_archive(content: bytes) -> bool:
    try:
        head = base64.b64decode(b"".join(content.split())[:64], validate=True)
    except binascii.Error:
        return False
    return begins_as_archive(head)


def _with_extension(reading: Reading, path: str | None) -> Reading:
    wanted = _EXTENSIONS.get(reading.kind or "")
    if path is None or wanted is None or path.endswith(wanted):
        return reading
    why = f"mesibo takes {wanted} for {reading.kind}, and the name does not end so"
    problem = Problem("CREDENTIAL_OTHER_EXTENSION", why)
    return replace(reading, problems=(*reading.problems, problem))
