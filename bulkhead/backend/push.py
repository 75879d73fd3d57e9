"""The calls about push notifications: credentials, options, a test, a debug window.

The facts are from mesibo's page "Backend APIs - Push Notifications". Its tables name `pushset` as
the operation of the test and of the debug window too; its examples name the true ones, as here.
No answer is shown there: no more than the plain envelope is expected.
"""

from __future__ import annotations

from typing import Literal

from bulkhead.backend.call import Call
from bulkhead.backend.push_options import PushOptions
from bulkhead.backend.upload import Upload, sendable_name
from bulkhead.errors import InvalidInput
from bulkhead.model.outcome import Repeat, Upstream
from bulkhead.secrets import SecretBytes

Service = Literal["fcm", "apn"]

SERVICE_OF_EXTENSION: dict[str, Service] = {".json": "fcm", ".p12": "apn"}
"""How mesibo knows what a file is for, unless `type` says it."""

LARGEST_CREDENTIAL = 1 << 20
"""Bytes; ours, because a credential has some thousands and mesibo states no limit."""

LONGEST_DEBUG = 10_800
"""Seconds of debugging that mesibo's cloud allows at once; on-premise has no limit."""

DEBUG_EVERY = 28_800
"""Seconds: the cloud allows one such window in so many; on-premise has no limit."""

NOTHING_SAID = Upstream("pushupload")
"""Of an upload without an answer."""


def pushset(options: PushOptions) -> Call:
    """Set the options that are given and no other; the same ones again change nothing.

    Raises InvalidInput if none is given.
    """
    given = options.given()
    if not given:
        raise InvalidInput(
            "no push option is given", to_do="name at least one: " + ", ".join(options.names())
        )
    return Call("pushset", {"push": given}, Repeat.SAFE)


def pushtest(address: str) -> Call:
    """Send a test notification to this user; a second one would be seen by a person.

    Whether it arrived is told by webhook only. The cloud limits tests, and says not how.
    """
    if not address:
        raise InvalidInput("a push test needs the address of a user", to_do="name one")
    return Call("pushtest", {"push": {"address": address}}, Repeat.ONCE, address)


def pushdebug(duration_s: int) -> Call:
    """Open a window in which mesibo reports what becomes of pushes; see LONGEST_DEBUG.

    Never repeated blindly: if the first call opened it, a second one is refused for hours, and
    the refusal would hide that the window is open. Nothing can be read back.
    """
    if duration_s < 1:
        raise InvalidInput("a debug window takes a second or more", to_do="name a duration")
    return Call("pushdebug", {"push": {"duration": duration_s}}, Repeat.ONCE)


def pushupload(content: SecretBytes, file_name: str, service: Service | None = None) -> Call:
    """Upload a credential: an FCM service account or an APN certificate with its key.

    Without a `service` the file's extension says which it is. Raises InvalidInput for a file
    that cannot be one.

    It may be repeated. A lost answer leaves no way to look: no operation reads credentials back,
    so to hold the item as unknown would leave an app between two credentials for good. The bytes
    are the same, and the state that is wanted afterwards is that they are the ones in use, which
    a second upload brings about whether or not the first arrived. What is not known is whether
    mesibo replaces or adds; at worst it keeps the same credential twice. Only with another
    upload in between would a repetition undo something: lock the app.
    """
    name = sendable_name(file_name)
    if service is None and service_of(name) is None:
        raise InvalidInput(
            "nothing says which push service the file is for",
            why="mesibo goes by the extension, .json for FCM and .p12 for APN, or by a type",
            to_do="rename the file, or name the type: fcm or apn",
        )
    if not 0 < len(content) <= LARGEST_CREDENTIAL:
        raise InvalidInput(
            "the file cannot be a push credential",
            why=f"it has {len(content):,} bytes; 1 to {LARGEST_CREDENTIAL:,} are possible",
            to_do="name the service account's .json, or the certificate's .p12",
        )
    members = {} if service is None else {"type": service}
    return Call("pushupload", members, Repeat.SAFE, name, upload=Upload(name, content))


def service_of(file_name: str) -> Service | None:
    """What mesibo takes a file of this name for, if anything."""
    _, dot, extension = file_name.rpartition(".")
    return SERVICE_OF_EXTENSION.get((dot + extension).lower())
