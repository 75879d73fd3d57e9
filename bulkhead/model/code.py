"""The closed list of codes: what each one means, and what a person does about it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bulkhead.model.broadcast_code import BROADCASTS
from bulkhead.model.call_code import CALLS
from bulkhead.model.code_entry import Code
from bulkhead.model.credential_code import CREDENTIALS
from bulkhead.model.group_code import GROUPS
from bulkhead.model.message_code import MESSAGES
from bulkhead.model.realtime_code import REALTIME
from bulkhead.model.rotation_code import ROTATIONS
from bulkhead.model.row_code import ROWS

CODES: Mapping[str, Code] = MappingProxyType(
    {
        code.name: code
        for code in (
            *CALLS,
            *ROWS,
            *MESSAGES,
            *CREDENTIALS,
            *ROTATIONS,
            *GROUPS,
            *BROADCASTS,
            *REALTIME,
        )
    }
)


def code(name: str) -> Code:
    """The code of that name; a name off the list is a mistake of ours and raises KeyError."""
    return CODES[name]
