"""Keys as old PKCS#12 files make them from a password: RFC 7292, appendix B, over SHA-1."""

from __future__ import annotations

import hashlib

KEY, VECTOR, MAC = 1, 2, 3
"""What is derived: the cipher's key, the vector it begins with, or the key of the checksum."""
_BLOCK = 64
_ALL = 1 << (8 * _BLOCK)


def derived(password: bytes, salt: bytes, rounds: int, purpose: int, size: int) -> bytes:
    """That many bytes for one purpose; `password` is UTF-16 with its end mark, or nothing."""
    mixed, made = _filled(salt) + _filled(password), b""
    while True:
        digest = bytes([purpose]) * _BLOCK + mixed
        for _ in range(rounds):
            digest = hashlib.sha1(digest, usedforsecurity=False).digest()
        made += digest
        if len(made) >= size:
            return made[:size]
        mixed = _stirred(mixed, digest)


def _filled(text: bytes) -> bytes:
    """The text over and over, to the end of a block; nothing for nothing."""
    size = -(-len(text) // _BLOCK) * _BLOCK
    return (text * (size // len(text) + 1))[:size] if text else b""


def _stirred(mixed: bytes, digest: bytes) -> bytes:
    add = int.from_bytes((digest * _BLOCK)[:_BLOCK]) + 1
    blocks = (int.from_bytes(mixed[at : at + _BLOCK]) for at in range(0, len(mixed), _BLOCK))
    return b"".join(((block + add) % _ALL).to_bytes(_BLOCK) for block in blocks)
