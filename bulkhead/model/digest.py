"""What stands for a row's content on the record."""

from __future__ import annotations

import json
from hashlib import blake2b

from bulkhead.model.user import User

BYTES = 8


def digest(user: User) -> str:
    """Sixteen hexadecimal digits of what is sent for the user, apart from a token.

    Pure, and the same for ever: a change of it would have every import sent again.
    """
    sent: list[object] = [user.address, user.name, user.active, user.flags]
    if user.groups:
        sent.append(user.groups)
    text = json.dumps(sent, ensure_ascii=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=BYTES).hexdigest()
