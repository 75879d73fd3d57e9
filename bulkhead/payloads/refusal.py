"""Why a message cannot become what it asks for."""

from __future__ import annotations

from bulkhead.errors import BulkheadError, Conflict, InvalidInput, NotFound, NotPermitted

LONGEST_TEXT = 400
"""Characters of a reason that are kept: a reason is a sentence, never the payload."""


class Refused(InvalidInput):
    """The message is refused with this code; it goes to the dead letters, and the door goes on."""

    def __init__(self, code: str, what: str, *, why: str = "", to_do: str = "") -> None:
        super().__init__(what[:LONGEST_TEXT], why=why[:LONGEST_TEXT], to_do=to_do[:LONGEST_TEXT])
        self.code = code


def refusal_of(error: BulkheadError) -> Refused:
    """The same error as a refusal with a code of the closed list."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, NotFound):
        code = "NAME_UNKNOWN"
    elif isinstance(error, Conflict):
        code = "CONFLICT"
    elif isinstance(error, InvalidInput | NotPermitted):
        code = "PAYLOAD_INVALID"
    else:
        code = "MESSAGE_FAILED"
    return Refused(code, error.what, why=error.why, to_do=error.to_do)
