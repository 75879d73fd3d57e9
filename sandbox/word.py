"""Error words the sandbox answers with, and which of them mesibo itself documents."""

from __future__ import annotations

from typing import Final

# Documented by mesibo.
BADOP: Final = "BADOP"
TOKENBREACH: Final = "TOKENBREACH"

# Invented here: mesibo's own words for these are unknown, so a client must not be tuned to them.
AUTHFAIL: Final = "AUTHFAIL"
BADJSON: Final = "BADJSON"
BADPARAM: Final = "BADPARAM"
NOUSER: Final = "NOUSER"
RATELIMIT: Final = "RATELIMIT"
TOOLARGE: Final = "TOOLARGE"
SERVERFAIL: Final = "SERVERFAIL"

INVENTED: Final = frozenset(
    {AUTHFAIL, BADJSON, BADPARAM, NOUSER, RATELIMIT, TOOLARGE, SERVERFAIL},
)
