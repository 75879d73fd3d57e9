"""What mesibo's error words mean, as far as anyone knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class WordClass(Enum):
    """What to do after a word of refusal."""

    THROTTLED = "throttled"
    TRANSIENT = "transient"
    AUTH = "auth"
    PERMANENT = "permanent"
    UNLISTED = "unlisted"


class Source(Enum):
    """Who says what a word means."""

    OPERATOR = "operator"
    LIST = "list"
    GUESS = "guess"


# BADOP and TOKENBREACH are documented; the others were seen in mesibo's own programs.
_LISTED: Mapping[str, WordClass] = MappingProxyType(
    {
        "BADOP": WordClass.PERMANENT,
        "EXISTS": WordClass.PERMANENT,
        "TOKENBREACH": WordClass.AUTH,
        "AUTHFAIL": WordClass.AUTH,
        "MISSINGPASS": WordClass.AUTH,
        "BADPASS": WordClass.AUTH,
    }
)

LONGEST_SHOWN = 64
"""Characters of a word that are counted and shown."""

_FAULTS = (
    "ERROR",
    "ERR",
    "FAIL",
    "FAILED",
    "FAILURE",
    "FAULT",
    "IS",
    "HAS",
    "THE",
    "PLEASE",
    r"\d",
)
_ABOUT_TOKENS = ("BAD", "INVALID", "WRONG", "MISSING", "UNKNOWN", "EXPIRED", "REVOKED", "DISABLED")
_ABOUT_RATES = ("RATE", "OVER", "EXCEEDED", "REACHED", "TOO", "MANY", "MUCH", "REQUESTS", "CALLS")


@dataclass(frozen=True, slots=True)
class _Guess:
    """A word that has one of `core` and otherwise nothing but `beside` means this."""

    meaning: WordClass
    core: tuple[str, ...]
    beside: tuple[str, ...]

    def fits(self, compared: str) -> bool:
        return any(core in compared for core in self.core) and bool(
            re.fullmatch(f"(?:{'|'.join((*self.core, *self.beside, *_FAULTS))})+", compared)
        )


# A guess may stop an app or keep an item waiting for ever, so the whole word must be made of
# what we know: AUTH is also in AUTHOR, TOKEN in BADTOKENEXPIRY and LIMIT in BADLIMIT, which
# are about one item. A word that is not recognised is tried three times and then shown.
_GUESSES = (
    _Guess(
        WordClass.AUTH,
        (
            *("UNAUTHORIZED", "UNAUTHORISED", "AUTHENTICATION", "AUTHORIZATION", "AUTHORIZED"),
            *("AUTH", "TOKEN", "ACCESSDENIED", "FORBIDDEN", "SUSPENDED"),
        ),
        ("APP", "ACCOUNT", "ACCESS", "NOT", "NO", "VALID", "FOUND", "RETRY", *_ABOUT_TOKENS),
    ),
    _Guess(
        WordClass.THROTTLED,
        (
            *("LIMITED", "LIMIT", "QUOTA", "CREDITS", "CREDIT", "BUSY", "RETRY", "LATER"),
            *("TOOMANYREQUESTS", "TOOMANYCALLS", "SLOWDOWN"),
        ),
        ("SERVER", "TRY", "AGAIN", "AFTER", "OUTOF", "NO", "NOT", "ENOUGH", *_ABOUT_RATES),
    ),
    _Guess(
        WordClass.TRANSIENT,
        ("SERVER", "DATABASE", "DB", "INTERNAL", "TIMEOUT", "UNAVAILABLE", "TEMPORARY"),
        ("SERVICE", "CONNECTION", "CONNECT", "DOWN", "NOT", "RESPONDING", "BACKEND"),
    ),
)

# Long runs of letters and digits are what tokens look like: mesibo's have 44 to 64.
_LIKE_A_TOKEN = re.compile(r"[A-Za-z0-9_\-+/=.]{24,}")


def plain(word: str) -> str:
    """The word as it is compared: capitals and digits, so that "Bad-op" is BADOP."""
    return re.sub(r"[^A-Z0-9]", "", word.upper())


def shown(word: str) -> str:
    """The word as it may be kept and shown: at most 64 characters, and nothing like a token."""
    return _LIKE_A_TOKEN.sub("***", word)[:LONGEST_SHOWN]


class Words:
    """Knows the class of a word; what the operator has said about one wins."""

    def __init__(self, said: Mapping[str, WordClass] | None = None) -> None:
        self.learn(said or {})

    def learn(self, said: Mapping[str, WordClass]) -> None:
        """What the operator says from now on, in place of all that was said before."""
        self._said = {plain(word): meaning for word, meaning in said.items()}

    def classify(self, word: str) -> WordClass:
        """The class of a word: by the operator, by the list, or by a guess from its parts."""
        return self.explain(word)[0]

    def explain(self, word: str) -> tuple[WordClass, Source]:
        """The class of a word, and who says so."""
        compared = plain(word)
        if (said := self._said.get(compared)) is not None:
            return said, Source.OPERATOR
        if (listed := _LISTED.get(compared)) is not None:
            return listed, Source.LIST
        for guess in _GUESSES:
            if guess.fits(compared):
                return guess.meaning, Source.GUESS
        return WordClass.UNLISTED, Source.GUESS
