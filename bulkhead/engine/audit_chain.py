"""The audit's chain: what each entry's hash is made of, and whether the entries still fit."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bulkhead.secrets import key_material

HASH, NUMBER, KEY = b"hash", b"number", b"key"
"""Fields of an entry that make it part of the chain; one without a hash is none."""

Fields = Mapping[bytes, bytes]


class AuditKeys:
    """The keys that entries are hashed with, by the names that boxes give them."""

    def __init__(self, secret_key: str, earlier: Iterable[str] = ()) -> None:
        derived = [_derived(text.strip()) for text in (secret_key, *earlier)]
        self._current = derived[0][0]
        self._keys = dict(derived)

    def choose(self, named: str) -> str:
        """The key for a new entry: the one the store names if it is here, else our own."""
        return named if named in self._keys else self._current

    def hash(self, key_id: str, before: bytes, name: bytes, fields: Fields) -> bytes | None:
        """Sixty-four hexadecimal digits; None if that key is not here.

        `before` is the hash of the entry before, empty for the first; `name` the entry's id.
        """
        key = self._keys.get(key_id)
        if key is None:
            return None
        return hmac.digest(key, canonical(before, name, fields), "sha256").hex().encode()


def canonical(before: bytes, name: bytes, fields: Fields) -> bytes:
    """What is hashed: each part as its length in bytes, a colon, itself and a comma.

    The parts are the hash of the entry before, the id, and every field but `hash`, its name then
    its value, in the order of the names' bytes. Two different entries never read the same.
    """
    pairs = (part for each in sorted(fields) if each != HASH for part in (each, fields[each]))
    return b"".join(b"%d:%b," % (len(part), part) for part in (before, name, *pairs))


def _derived(secret_key: str) -> tuple[str, bytes]:
    # HKDF (RFC 5869) as Box does it, in four lines: its library takes longer to load than
    # most of the commands that write one entry take altogether.
    drawn = hmac.digest(bytes(32), key_material(secret_key), "sha256")
    name = hmac.digest(drawn, b"bulkhead box v1 name\x01", "sha256")[:4].hex()
    return name, hmac.digest(drawn, b"bulkhead audit v1 key\x01", "sha256")


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the chain: an entry's number, hash and id; number 0 is before the first."""

    number: int = 0
    hash: bytes = b""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Misfit:
    """The first entry that does not fit; `id` is empty for one that is not there any more."""

    id: str
    number: int
    why: str
    chained: bool = True
    """False for one without a hash."""


@dataclass(slots=True)
class Walk:
    """Follows the chain entry by entry; `head` is what the store said of its end before."""

    keys: AuditKeys
    head: Link
    kept: bytes = b""
    """A hash that was noted before and must be met."""
    at: Link = field(default_factory=Link)
    begins: str = ""
    fitting: int = 0
    outside: int = 0
    """Entries from before there was a chain."""
    misfit: Misfit | None = None
    kept_at: str = ""
    _head_met: bool = False

    @property
    def kept_met(self) -> bool:
        """False if a hash was noted before and is not there."""
        return not self.kept or bool(self.kept_at)

    def step(self, name: bytes, fields: Fields) -> None:
        """The next entry. After a misfit nothing more can be said."""
        shown = name.decode("ascii", "replace")
        if HASH not in fields and not self.at.number:
            self.outside += 1
            return
        why = self._against(name, fields)
        if why:
            self.misfit = Misfit(shown, self.at.number + 1, why, HASH in fields)
            return
        self.begins = self.begins or shown
        self.fitting += 1
        self.arrive(Link(self.at.number + 1, fields[HASH], shown))

    def arrive(self, link: Link) -> None:
        """Stand at an entry that fits, or that is taken as it is."""
        self.at = link
        self._head_met |= (link.number, link.hash) == (self.head.number, self.head.hash)
        if self.kept and link.hash == self.kept:
            self.kept_at = link.id

    def end(self) -> None:
        """No entry is left: the end must be where it was said to be."""
        if self.misfit or self._head_met:
            return
        if self.head.number > self.at.number:
            why = f"the chain had {self.head.number} entries: from this one on they were taken out"
        elif self.at.number or self.head.hash:
            why = "the note of where the chain ends is missing or names another entry"
        else:
            return
        self.misfit = Misfit("", self.at.number + 1, why)

    def _against(self, name: bytes, fields: Fields) -> str:
        """What speaks against the entry; empty if nothing does."""
        if HASH not in fields:
            return (
                "it has no hash, and the chain had begun: an older Bulkhead wrote it, "
                "or something else did"
            )
        expected, said = self.at.number + 1, fields.get(NUMBER, b"")
        key = fields.get(KEY, b"").decode("ascii", "replace")
        made = self.keys.hash(key, self.at.hash, name, fields)
        if made is None:
            return f"it says that it was hashed with key {key[:16]!r}, which is not here"
        if said != str(expected).encode():
            there = said[:20].decode("ascii", "replace")
            return f"it says that it is number {there!r}: entries were taken out, put in or moved"
        if not hmac.compare_digest(made, fields[HASH]):
            return "its hash does not follow from what it says and from the entry before it"
        return ""
