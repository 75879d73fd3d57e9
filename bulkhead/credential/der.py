"""The little of ASN.1 that a look into a PKCS#12 file needs, in DER and in its laxer form, BER."""

from __future__ import annotations

from dataclasses import dataclass, field

INTEGER, OBJECT_ID, SEQUENCE = 0x02, 0x06, 0x30
CONTEXT_0 = 0xA0
"""The tag `[0]` of something constructed."""

_CONSTRUCTED = 0x20
_INDEFINITE = 0x80
_LONG_TAG = 0x1F
_DEEPEST = 32


class NotDer(Exception):
    """The bytes do not follow the form: something is missing or was changed."""


@dataclass(frozen=True, slots=True)
class Node:
    """One value: its tag, and what stands in it, which may be secret and is never shown."""

    tag: int
    content: bytes = field(repr=False)

    def children(self) -> list[Node]:
        """The values in this one, one after the other. Raises NotDer."""
        found, at = [], 0
        while at < len(self.content):
            node, at = read(self.content, at)
            found.append(node)
        return found

    def child(self, number: int, *tags: int) -> Node:
        """The value at that place, which must have one of the tags. Raises NotDer."""
        children = self.children()
        if number >= len(children) or (tags and children[number].tag not in tags):
            raise NotDer
        return children[number]

    def octets(self) -> bytes:
        """The bytes of an octet string, also of one that came in pieces."""
        if not self.tag & _CONSTRUCTED:
            return self.content
        return b"".join(piece.octets() for piece in self.children())

    def number(self) -> int:
        """The integer's value. Raises NotDer."""
        if self.tag != INTEGER or not self.content:
            raise NotDer
        return int.from_bytes(self.content, signed=True)

    def object_id(self) -> str:
        """The object identifier in its dotted form. Raises NotDer."""
        if self.tag != OBJECT_ID or not self.content:
            raise NotDer
        numbers, value = [], 0
        for byte in self.content:
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                numbers.append(value)
                value = 0
        root = min(numbers[0] // 40, 2) if numbers else 0
        return ".".join(map(str, (root, numbers[0] - 40 * root, *numbers[1:]) if numbers else ()))


def read(data: bytes, at: int = 0, depth: int = 0) -> tuple[Node, int]:
    """The value that begins there, and where it ends. Raises NotDer."""
    if depth > _DEEPEST or at + 2 > len(data) or data[at] & _LONG_TAG == _LONG_TAG:
        raise NotDer
    tag, size, start = data[at], data[at + 1], at + 2
    if size == _INDEFINITE:
        return _until_end_mark(data, tag, start, depth)
    if size > _INDEFINITE:
        width = size - _INDEFINITE
        size, start = int.from_bytes(data[start : start + width]), start + width
    if start + size > len(data):
        raise NotDer
    return Node(tag, data[start : start + size]), start + size


def _until_end_mark(data: bytes, tag: int, start: int, depth: int) -> tuple[Node, int]:
    if not tag & _CONSTRUCTED:
        raise NotDer
    at = start
    while data[at : at + 2] != b"\0\0":
        _, at = read(data, at, depth + 1)
    return Node(tag, data[start:at]), at + 2
