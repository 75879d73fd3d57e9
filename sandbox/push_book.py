"""What one app was told about push notifications."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.credential import Credential

MINUTE_S = 60.0
LONGEST_DEBUG_S = 10_800  # three hours, mesibo's own figure for its cloud
DEBUG_EVERY_S = 28_800  # eight hours, likewise

# Invented, as everything about the outcome of a push is.
DELIVERED, BAD_CREDENTIAL, NO_CREDENTIAL = 200, 403, 404
RESPONSES = {DELIVERED: "sent", BAD_CREDENTIAL: "not accepted", NO_CREDENTIAL: "no credential"}


@dataclass(frozen=True, slots=True)
class Upload:
    """One file that was taken, in place of the one with the fingerprint `replaced`, if any."""

    t: float
    file: str
    credential: Credential
    replaced: str | None

    def view(self, *, with_bytes: bool) -> dict[str, Any]:
        """As it is shown; the bytes themselves only if they are asked for."""
        credential = self.credential
        shown = {
            "t": self.t,
            "file": self.file,
            "kind": credential.kind,
            "slot": credential.slot,
            "sha256": credential.sha256,
            "size": len(credential.content),
            "replaced": self.replaced,
        }
        if with_bytes:
            shown["bytes"] = base64.b64encode(credential.content).decode()
        return shown


@dataclass(frozen=True, slots=True)
class Test:
    """One test that was let through, and what became of it; without a credential no slot."""

    t: float
    address: str
    slot: str | None
    sha256: str | None
    code: int

    @property
    def delivered(self) -> bool:
        return self.code == DELIVERED


@dataclass(frozen=True, slots=True)
class Window:
    """A time of debugging, from `t` on for `duration` seconds."""

    t: float
    duration: float


@dataclass(slots=True)
class PushBook:
    """Credentials by slot, all uploads in order, options, tests and debug windows of one app."""

    slots: dict[str, Upload] = field(default_factory=dict)
    uploads: list[Upload] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    tests: list[Test] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    webhook: Counter[str] = field(default_factory=Counter)

    def take(self, credential: Credential, file_name: str, t: float) -> None:
        """Put a credential into its slot; other slots keep theirs."""
        before = self.slots.get(credential.slot)
        replaced = before.credential.sha256 if before is not None else None
        upload = Upload(t, file_name, credential, replaced)
        self.slots[credential.slot] = upload
        self.uploads.append(upload)

    def test(self, address: str, bad: frozenset[str], t: float) -> Test:
        """Try the credential that was uploaded last."""
        slot, sha256, code = None, None, NO_CREDENTIAL
        if self.uploads:
            credential = self.uploads[-1].credential
            slot, sha256 = credential.slot, credential.sha256
            code = BAD_CREDENTIAL if sha256 in bad else DELIVERED
        test = Test(t, address, slot, sha256, code)
        self.tests.append(test)
        return test

    def tests_within(self, seconds: float, now: float) -> int:
        """How many tests were let through in the last so many seconds."""
        count = 0
        for test in reversed(self.tests):
            if test.t <= now - seconds:
                break
            count += 1
        return count

    def may_debug(self, duration: float, now: float) -> bool:
        """Whether the cloud opens a window: three hours at most, and eight from one to the next."""
        rested = not self.windows or now >= self.windows[-1].t + DEBUG_EVERY_S
        return rested and duration <= LONGEST_DEBUG_S

    def view(self, *, with_bytes: bool = False) -> dict[str, Any]:
        """All of it, for whoever checks afterwards."""
        return {
            "slots": {
                slot: upload.view(with_bytes=with_bytes) for slot, upload in self.slots.items()
            },
            "uploads": [upload.view(with_bytes=with_bytes) for upload in self.uploads],
            "options": self.options,
            "tests": [{**asdict(test), "delivered": test.delivered} for test in self.tests],
            "debug": [
                {**asdict(window), "until": window.t + window.duration} for window in self.windows
            ],
            "webhook": dict(self.webhook),
        }
