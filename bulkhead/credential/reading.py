"""What a credential's file was found to be. Nothing here ever holds a key or a file's bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bulkhead.model.code import code
from bulkhead.model.job import rfc3339

Kind = Literal["fcm", "apn"]
Environment = Literal["production", "sandbox", "both", "voip", "watch"]

_SHOWN = 80
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing about a file: its code, why we say so, and what to do about it.

    `command` may be pasted into a shell; None where no command would do.
    """

    code: str
    why: str
    to_do: str = ""
    command: str | None = None

    @property
    def stops(self) -> bool:
        """True if the file could not be uploaded as it is."""
        return code(self.code).level != "warning"

    def to_dict(self) -> dict[str, Any]:
        """The problem as JSON shows it."""
        entry = code(self.code)
        return {
            "code": self.code,
            "level": entry.level,
            "what": entry.meaning,
            "why": self.why,
            "to_do": self.to_do or entry.fix,
            "command": self.command,
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of a credential; a member is None where the file does not tell it.

    `fingerprint` is the `private_key_id` of an FCM credential, and the SHA-256 of the DER form of
    an APNs certificate in hexadecimal digits. `bundle` ends in `.voip` where the certificate does.
    """

    kind: Kind | None = None
    fingerprint: str | None = None
    project: str | None = None
    bundle: str | None = None
    environment: Environment | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    has_key: bool | None = None
    key_matches: bool | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def slot(self) -> str | None:
        """The place it fills in an app: `fcm`, or `apn:` and the bundle id."""
        if self.kind == "fcm":
            return "fcm"
        return f"apn:{self.bundle}" if self.kind and self.bundle else None

    @property
    def uploadable(self) -> bool:
        """True if nothing we can see keeps it from being uploaded as it is."""
        known = self.slot is not None and self.fingerprint is not None
        return known and not any(problem.stops for problem in self.problems)

    def to_dict(self) -> dict[str, Any]:
        """The reading as JSON shows it."""
        return {
            "kind": self.kind,
            "slot": self.slot,
            "uploadable": self.uploadable,
            "fingerprint": self.fingerprint,
            "project": self.project,
            "bundle": self.bundle,
            "environment": self.environment,
            "not_before": _written(self.not_before),
            "not_after": _written(self.not_after),
            "has_key": self.has_key,
            "key_matches": self.key_matches,
            "problems": [problem.to_dict() for problem in self.problems],
        }


def found(code: str, why: str, to_do: str = "", command: str | None = None) -> Reading:
    """A reading that knows nothing but what is wrong."""
    return Reading(problems=(Problem(code, why, to_do, command),))


def shown(text: str) -> str:
    """A name out of a file, fit for a terminal and for a sentence."""
    plain = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return plain if len(plain) <= _SHOWN else plain[: _SHOWN - 1] + "…"


def day(moment: datetime) -> str:
    """An instant as a sentence names it."""
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment.timestamp() * _MICROSECONDS)
