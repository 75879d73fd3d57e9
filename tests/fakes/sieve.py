"""Finds a secret in bytes, also where it was encoded, escaped or packed on the way."""

import base64
import re
import zlib
from urllib.parse import quote

DEEPEST = 4
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")


def spellings(secret):
    """Every way in which the secret may stand in plain sight."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    letters = raw.decode("latin-1")
    found = {
        raw,
        raw.hex().encode(),
        "".join(f"%{byte:02x}" for byte in raw).encode(),
        quote(raw, safe="").encode(),
        "".join(f"\\u{ord(letter):04x}" for letter in letters).encode(),
        "".join(f"\\x{byte:02x}" for byte in raw).encode(),
    }
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * shift + raw)
            # The letters at both ends depend on the neighbours.
            found.add(text[-(-shift * 8 // 6) : len(text) - 4])
    return {spelling.lower() for spelling in found}


class Sieve:
    """Looks for one secret; upper and lower case are the same to it, which finds more."""

    def __init__(self, secret):
        self._spellings = spellings(secret)

    def finds(self, data, depth=0):
        """True if the secret is in these bytes, or in what unpacks from them."""
        low = data.lower()
        if any(spelling in low for spelling in self._spellings):
            return True
        return depth < DEEPEST and any(self.finds(part, depth + 1) for part in _inside(data))


def _inside(data):
    """What is packed in these bytes: compressed anywhere, or base64 of something else."""
    for place in _ZLIB.finditer(data):
        try:
            yield zlib.decompressobj().decompress(data[place.start() :])
        except zlib.error:
            continue
    for text in _BASE64.findall(data):
        plain = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
        if len(plain) % 4 != 1:
            yield base64.b64decode(plain + b"=" * (-len(plain) % 4))
