"""Read a JSON object member by member, naming the member that is wrong."""

from __future__ import annotations

from typing import Any


class InvalidField(ValueError):
    """Correct the named member and send it again; the message never holds its value."""


class Fields:
    """The members of one JSON object; `where` is its place in the document, such as `rules[2]`."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise InvalidField(f"{where}: expected a JSON object")
        self.source: dict[str, Any] = dict(value)
        self._left = dict(value)
        self._where = where

    def wrong(self, name: str, expected: str) -> InvalidField:
        """The error that says what `name` should have been."""
        return InvalidField(f"{self._where}.{name}: expected {expected}")

    def text(self, name: str) -> str | None:
        """A text that is not empty, or None if absent."""
        value = self._left.pop(name, None)
        if value is not None and (not isinstance(value, str) or not value):
            raise self.wrong(name, "a text that is not empty")
        return value

    def header_text(self, name: str) -> str | None:
        """A text that may stand in an HTTP header, or None if absent."""
        value = self.text(name)
        if value is not None and not (value.isprintable() and value.isascii()):
            raise self.wrong(name, "printable ASCII")
        return value

    def number(self, name: str, lowest: float, highest: float) -> float | None:
        """A number within the bounds, or None if absent."""
        value = self._left.pop(name, None)
        if value is None:
            return None
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not good or not lowest <= value <= highest:
            raise self.wrong(name, f"a number from {lowest:g} to {highest:g}")
        return float(value)

    def whole(self, name: str, lowest: int, highest: int) -> int | None:
        """A whole number within the bounds, or None if absent."""
        value = self._left.pop(name, None)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise self.wrong(name, f"a whole number from {lowest} to {highest}")
        return value

    def flag(self, name: str) -> bool | None:
        """True or false, or None if absent."""
        value = self._left.pop(name, None)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def inner(self, name: str) -> Fields | None:
        """The members of an object within, or None if absent."""
        value = self._left.pop(name, None)
        return None if value is None else Fields(value, f"{self._where}.{name}")

    def texts(self, name: str) -> list[str]:
        """A list of texts, empty if absent."""
        value = self._left.pop(name, None)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise self.wrong(name, "a list of texts")
        return value

    def objects(self, name: str) -> list[Fields]:
        """The members of each object of a list, empty if absent."""
        value = self._left.pop(name, None)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.wrong(name, "a list of objects")
        return [Fields(one, f"{self._where}.{name}[{at}]") for at, one in enumerate(value)]

    def wholes(self, name: str, most: int = 0xFFFF_FFFF) -> list[int]:
        """A list of whole numbers from zero on, empty if absent."""
        value = self._left.pop(name, None)
        if value is None:
            return []
        if not isinstance(value, list) or not all(_is_whole(one, most) for one in value):
            raise self.wrong(name, f"a list of whole numbers from 0 to {most}")
        return value

    def finish(self) -> None:
        """Raise if a member is left that nobody asked for."""
        if self._left:
            raise InvalidField(f"{self._where}.{min(self._left)}: not a member known here")


def _is_whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
