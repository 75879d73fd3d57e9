"""What messages and presence of the stand-in are made of."""

from __future__ import annotations

from typing import Any, Protocol

from sandbox.standin_values import MESIBO_READAS_AUTO

MOST_SIGNED = 2**31
reading: dict[str, int] = {"as": MESIBO_READAS_AUTO}
"""How `data` is given: one choice a process, as in the package."""


class Sender(Protocol):
    """What a message needs of the process's one connection."""

    def send(self, message: Any) -> int: ...

    def send_presence(self, presence: Any) -> int: ...


class Sealed:
    """An object of native code: it takes no attribute that it does not have."""

    __slots__ = ()


def signed(number: int) -> int:
    """The low 32 bits as the package shows them."""
    number &= 0xFFFF_FFFF
    return number - (1 << 32) if number >= MOST_SIGNED else number


def text_or_nothing(value: object, where: str) -> str | None:
    """Text, or None for None; the package's TypeError for anything else."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"in method '{where}', argument 2 of type 'char const *'")
    return value


class MesiboDateTime(Sealed):
    """An instant, `ts` in milliseconds since 1970, 0 for none."""

    __slots__ = ("ts",)

    def __init__(self, ts: int) -> None:
        self.ts = ts

    def isValid(self) -> int:
        return int(self.ts > 0)


class MesiboFile(Sealed):
    """A message's file; every member is empty where there is none."""

    __slots__ = ("mimeType", "name", "path", "size", "subtype", "thumbnail", "type", "url")

    def __init__(self, path: str | None = None, url: str | None = None, size: int = 0) -> None:
        self.path, self.url, self.size = path, url, size
        self.name: str | None = None
        self.mimeType: str | None = None
        self.thumbnail: bytes | None = None
        self.type = self.subtype = 0
