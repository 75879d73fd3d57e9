"""How a secret is kept at rest: sealed in a box, which names its key."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bulkhead.errors import CannotOpen
from bulkhead.secrets import key_material

_NONCE_BYTES = 12


class Box:
    """Keeps bytes secret and whole at rest, each box bound to what it is about.

    The key is made from any text of 32 characters or more; it should be random, for it is
    not slowed against guessing. A box names its key, so that what `earlier` keys have sealed
    can be opened after a change of key.
    """

    def __init__(self, secret_key: str, earlier: Iterable[str] = ()) -> None:
        derived = [_derived(text.strip()) for text in (secret_key, *earlier)]
        self._current = derived[0][0]
        self._keys = {name: AESGCM(key) for name, key in derived}

    @property
    def key_id(self) -> str:
        """Names the key without telling it."""
        return self._current

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The names of all keys here, the current one first."""
        return tuple(self._keys)

    def seal(self, content: bytes, about: str, key_id: str | None = None) -> str:
        """A box of plain ASCII, to be opened only with the same key and the same `about`.

        `key_id` names one of the keys here; else the current one is used.
        """
        nonce, name = os.urandom(_NONCE_BYTES), key_id or self._current
        sealed = self._keys[name].encrypt(nonce, content, _bound(name, about))
        return f"v1.{name}.{base64.urlsafe_b64encode(nonce + sealed).decode('ascii')}"

    def open(self, box: str, about: str) -> bytes:
        """What was sealed; raises CannotOpen for another key, another `about`, or damage."""
        key_id, packed = _parts(box)
        cipher = self._keys.get(key_id)
        if cipher is None:
            raise CannotOpen(
                "a stored secret cannot be opened",
                why=f"it was sealed with key {key_id}, and the key here is {self._current}",
                to_do="set BULKHEAD_SECRET_KEY_OLD or …_OLD_FILE to the key it was sealed with",
            )
        try:
            bound = _bound(key_id, about)
            return cipher.decrypt(packed[:_NONCE_BYTES], packed[_NONCE_BYTES:], bound)
        except (InvalidTag, ValueError) as error:
            raise _damaged(f"its content was changed, or it does not belong to {about}") from error


def key_id_of(box: str) -> str:
    """The name of the key that a box was sealed with. Raises CannotOpen for damage."""
    return _parts(box)[0]


def _derived(secret_key: str) -> tuple[str, bytes]:
    text = key_material(secret_key)
    # The name of the key comes from a derivation of its own: it says nothing about the key.
    name = HKDF(SHA256(), 4, salt=None, info=b"bulkhead box v1 name").derive(text)
    key = HKDF(SHA256(), 32, salt=None, info=b"bulkhead box v1 key").derive(text)
    return name.hex(), key


def _parts(box: str) -> tuple[str, bytes]:
    version, _, rest = box.partition(".")
    key_id, _, packed = rest.partition(".")
    if version != "v1":
        raise _damaged("it is not in a form this version knows")
    try:
        content = base64.b64decode(packed.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise _damaged("part of it is missing") from error
    # The last character has bits that decode to nothing: two texts must not open one box.
    if base64.urlsafe_b64encode(content).decode("ascii") != packed:
        raise _damaged("its last character was changed")
    return key_id, content


def _damaged(why: str) -> CannotOpen:
    return CannotOpen(
        "a stored secret cannot be opened",
        why=why,
        to_do="store it again: an app token with `bulkhead apps set APP --token-file -`",
    )


def _bound(key_id: str, about: str) -> bytes:
    return f"v1.{key_id}.{about}".encode()
