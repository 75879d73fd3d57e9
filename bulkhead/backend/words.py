"""What mesibo's error words mean, as far as anyone knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class WordClass(Enum):
    """What to do after a word of refusal."""

    THROTTLED = "throttled"
    TRANSIENT = "transient"
    AUTH = "auth"
    PERMANENT = "permanent"
    UNLISTED = "unlisted"


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

# Guesses, tried in this order: stopping one app too early costs a person a minute, calling
# on with a dead token may cost the app.
_HINTS: tuple[tuple[WordClass, tuple[str, ...]], ...] = (
    (WordClass.AUTH, ("AUTH", "TOKEN", "DENIED", "SUSPEND")),
    (WordClass.THROTTLED, ("LIMIT", "QUOTA", "CREDIT", "BUSY", "RETRY", "LATER")),
    (WordClass.TRANSIENT, ("SERVER", "DB", "INTERNAL", "TIMEOUT")),
)


def plain(word: str) -> str:
    """The word as it is compared: capitals and digits, so that "Bad-op" is BADOP."""
    return re.sub(r"[^A-Z0-9]", "", word.upper())


class Words:
    """Knows the class of a word; what the operator has said about one wins."""

    def __init__(self, said: Mapping[str, WordClass] | None = None) -> None:
        self._said = {plain(word): meaning for word, meaning in (said or {}).items()}

    def classify(self, word: str) -> WordClass:
        """The class of a word: by the operator, by the list, or by a guess from its parts."""
        compared = plain(word)
        known = self._said.get(compared) or _LISTED.get(compared)
        if known is not None:
            return known
        for meaning, hints in _HINTS:
            if any(hint in compared for hint in hints):
                return meaning
        return WordClass.UNLISTED
