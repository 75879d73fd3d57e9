"""mesibo's seven push options: defaults, notes, and what is odd about a choice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Option:
    """One option as the vendor documents it; the `note` is ours."""

    default: bool
    note: str
    ios: bool = False
    """True if it is about iOS devices only."""


OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        "background": Option(True, "silent notifications that wake the app, not visible alerts"),
        "fallback": Option(True, "on unless switched off; what it falls back to we do not know"),
        "ratelimit": Option(True, "mesibo thins out notifications that follow each other closely"),
        "collapse": Option(False, "off unless switched on; its name says: one replaces another"),
        "sound": Option(False, "plays a sound; only where background is off", ios=True),
        "forceprod": Option(
            False, "always Apple's production service; needs a production certificate", ios=True
        ),
        "iosfcm": Option(False, "reaches iOS devices through FCM, not through APN", ios=True),
    }
)
"""By the member's name in the object `push`, in the vendor's order."""


@dataclass(frozen=True, slots=True)
class PushOptions:
    """What to set; None is not sent, and leaves what mesibo has."""

    background: bool | None = None
    fallback: bool | None = None
    ratelimit: bool | None = None
    collapse: bool | None = None
    sound: bool | None = None
    forceprod: bool | None = None
    iosfcm: bool | None = None

    @staticmethod
    def names() -> tuple[str, ...]:
        """The seven, in the vendor's order."""
        return tuple(option.name for option in fields(PushOptions))

    def given(self) -> dict[str, bool]:
        """Those that are set, as they are sent."""
        return {name: value for name, value in self._all() if value is not None}

    def over(self, before: PushOptions) -> PushOptions:
        """What stands after these were set where `before` stood."""
        return PushOptions(**{**before.given(), **self.given()})

    def _all(self) -> Iterator[tuple[str, bool | None]]:
        return ((name, getattr(self, name)) for name in self.names())


class Oddity(StrEnum):
    """Why a choice may not do what it seems to."""

    NO_EFFECT = "no_effect"
    NEEDS_PRODUCTION = "needs_production"
    IOS_ONLY = "ios_only"


@dataclass(frozen=True, slots=True)
class OptionWarning:
    """A choice that is sent as it is, and what a person should know of it."""

    option: str
    oddity: Oddity
    message: str


def warnings(options: PushOptions, before: PushOptions | None = None) -> list[OptionWarning]:
    """What is odd about these, in the vendor's order; `before` is what we know was set earlier.

    What is set neither now nor before counts as the vendor's default.
    """
    found = []
    stands = options.over(before or PushOptions())
    background = OPTIONS["background"].default if stands.background is None else stands.background
    for name, value in options.given().items():
        if name == "sound" and value and background:
            said = "sound has an effect only where background is off, and it is on"
            found.append(OptionWarning(name, Oddity.NO_EFFECT, said))
        if name == "forceprod" and value:
            said = "forceprod needs a production certificate: a sandbox one no longer works"
            found.append(OptionWarning(name, Oddity.NEEDS_PRODUCTION, said))
        if OPTIONS[name].ios:
            said = f"{name} is about iOS devices only"
            found.append(OptionWarning(name, Oddity.IOS_ONLY, said))
    return found
