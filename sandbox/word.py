"""Error words the sandbox answers with, and which of them mesibo itself documents."""

from __future__ import annotations

from typing import Final

# Documented by mesibo.
BADOP: Final = "BADOP"
TOKENBREACH: Final = "TOKENBREACH"

# Invented here: mesibo's own words for these are unknown, so a client must not be tuned to them.
AUTHFAIL: Final = "AUTHFAIL"
BADFILE: Final = "BADFILE"
BADJSON: Final = "BADJSON"
BADPARAM: Final = "BADPARAM"
BADSENDER: Final = "BADSENDER"
DEBUGLIMIT: Final = "DEBUGLIMIT"
GROUPPAUSED: Final = "GROUPPAUSED"
NOFILE: Final = "NOFILE"
NOGROUP: Final = "NOGROUP"
NOUSER: Final = "NOUSER"
RATELIMIT: Final = "RATELIMIT"
TESTLIMIT: Final = "TESTLIMIT"
TOOLARGE: Final = "TOOLARGE"
SERVERFAIL: Final = "SERVERFAIL"

INVENTED: Final = frozenset(
    {
        *(AUTHFAIL, BADFILE, BADJSON, BADPARAM, BADSENDER, DEBUGLIMIT, GROUPPAUSED),
        *(NOFILE, NOGROUP, NOUSER, RATELIMIT, SERVERFAIL, TESTLIMIT, TOOLARGE),
    },
)
