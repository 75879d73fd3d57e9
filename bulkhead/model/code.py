"""The closed list of codes: what each one means, and what a person does about it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bulkhead.model.code_entry import Code
from bulkhead.model.credential_code import CREDENTIALS
from bulkhead.model.group_code import GROUPS
from bulkhead.model.rotation_code import ROTATIONS

_CALLS = (
    Code(
        "BACKEND_UNREACHABLE",
        "row",
        True,
        "The backend could not be reached; the call was never sent.",
        "Check the app's base URL, the network, and the proxy if one is set.",
    ),
    Code(
        "TLS_FAILED",
        "row",
        True,
        "The backend's certificate was not accepted; the call was never sent.",
        "Check the certificate; for a private authority set --ca-file on the app.",
    ),
    Code(
        "PROXY_FAILED",
        "row",
        True,
        "The proxy could not be reached or refused the way; the call was never sent.",
        "Check the app's --proxy, and that the proxy allows the backend's host.",
    ),
    Code(
        "NO_ANSWER",
        "row",
        True,
        "The call was sent and no answer came back.",
        "Nothing to do while it is being retried; if it persists, check the backend's health.",
    ),
    Code(
        "UNUSABLE_ANSWER",
        "row",
        True,
        "The answer was not the backend API's: a web page, cut JSON, a redirect, or nothing.",
        "Check that the base URL is the backend API's own, path included.",
    ),
    Code(
        "NOT_CONFIRMED",
        "row",
        True,
        "The call was sent and not confirmed: it may or may not have been carried out.",
        "Look whether it was carried out; then import the row again, or leave it.",
    ),
    Code(
        "THROTTLED",
        "row",
        True,
        "The backend asked for fewer calls; the app cools down and the row waits.",
        "Nothing; lower the app's --rate if it happens often.",
    ),
    Code(
        "UPSTREAM_ERROR",
        "row",
        True,
        "The backend reported a fault of its own.",
        "Nothing while it is being retried; if it persists, ask whoever runs the backend.",
    ),
    Code(
        "AUTH_FAILED",
        "fatal",
        True,
        "The app token is not accepted; no further call is made for this app.",
        "Set the right token with `bulkhead apps set APP --token-file -`; the rows are kept.",
    ),
    Code(
        "TOKEN_BREACH",
        "fatal",
        True,
        "mesibo has disabled the app: its token was used from too many addresses.",
        "Have it enabled and its token renewed in the mesibo console, then `bulkhead apps "
        "set` it here.",
    ),
    Code(
        "EGRESS_LIMIT",
        "fatal",
        True,
        "A further public address would call for this app, and mesibo disables an app for that.",
        "Run the app's workers behind the addresses it already has, or move it to another cell.",
    ),
    Code(
        "BADOP",
        "row",
        False,
        "The backend does not know this operation.",
        "Check the operation's name, and that this edition of the backend offers it.",
    ),
    Code(
        "REFUSED",
        "row",
        False,
        "The backend refused the request for good.",
        "Read the backend's own word in the result row and correct the row.",
    ),
    Code(
        "UNLISTED",
        "row",
        False,
        "The backend refused with a word we do not know.",
        "Read the backend's own word in the result row; report it, so that it can be listed.",
    ),
    Code(
        "BODY_TOO_LARGE",
        "row",
        False,
        "The request is larger than the backend accepts.",
        "Shorten the row, or export a .p12 without its authorities; "
        "on-premise backends accept 8,192 bytes in all.",
    ),
    Code(
        "UNSENDABLE",
        "row",
        False,
        "The row holds something that JSON or UTF-8 cannot carry.",
        "Retype the cells; half a character was probably cut off.",
    ),
    Code(
        "POISON",
        "row",
        False,
        "The workers that ran this row died, at last twice with it alone, so it is not run again.",
        "Report it with the row; import it alone if you know the cause is gone.",
    ),
    Code(
        "GAVE_UP",
        "row",
        True,
        "Six hours have passed since the first attempt at this row.",
        "See the last answer in the result row; import the row again when its cause is gone.",
    ),
)

_ROWS = (
    Code(
        "ADDRESS_MISSING",
        "row",
        False,
        "The row has no address.",
        "Fill in the address cell.",
    ),
    Code(
        "ADDRESS_TOO_LONG",
        "row",
        False,
        "The address is longer than 63 bytes of UTF-8.",
        "Use a shorter address; letters outside ASCII take two to four bytes each.",
    ),
    Code(
        "ADDRESS_HAS_COMMA",
        "row",
        False,
        "The address contains a comma, which separates addresses.",
        "Remove the comma, or put each address on a row of its own.",
    ),
    Code(
        "ADDRESS_HAS_CONTROL",
        "row",
        False,
        "The address contains a control character, such as a tab or a line break.",
        "Retype the address; it was probably pasted with hidden characters.",
    ),
    Code(
        "TOO_MANY_CELLS",
        "row",
        False,
        "The row has more cells than the header.",
        "Quote cells that contain the delimiter.",
    ),
    Code(
        "TOO_FEW_CELLS",
        "row",
        False,
        "The row has fewer cells than the header.",
        "Add the missing cells, empty if need be.",
    ),
    Code(
        "BAD_ACTIVE",
        "row",
        False,
        "The active cell is none of true, false, 1, 0, yes, no.",
        "Write true or false, 1 or 0, yes or no; or leave the cell empty.",
    ),
    Code(
        "BAD_EXPIRY",
        "row",
        False,
        "The expiry cell is neither minutes nor a duration.",
        "Write minutes, such as 1440, or a duration, such as 30d.",
    ),
    Code(
        "BAD_FLAGS",
        "row",
        False,
        "The flags cell is not a whole number of zero or more.",
        "Write a whole number, or leave the cell empty.",
    ),
    Code(
        "INVALID_UTF8",
        "row",
        False,
        "The row's bytes are not UTF-8.",
        "Save the file as UTF-8.",
    ),
    Code(
        "NOT_AN_OBJECT",
        "row",
        False,
        "The line is not one JSON object.",
        "Write the object on one line; the errors file has the line under `_text`.",
    ),
    Code(
        "DOUBLED_MEMBER",
        "row",
        False,
        "The object has two members for one field, and nothing says which one counts.",
        "Remove one of them.",
    ),
    Code(
        "BAD_VALUE",
        "row",
        False,
        "A value is of a kind that the field cannot hold, such as a list.",
        "Write text or a number there.",
    ),
    Code(
        "DUPLICATE_IN_FILE",
        "warning",
        False,
        "The same row stands earlier in the file; the first one counts.",
        "Nothing; remove the repeated row to be rid of the message.",
    ),
    Code(
        "CONFLICTING_ROWS",
        "row",
        False,
        "The same address stands earlier in the file with other cells.",
        "Keep the row that is right and remove the other.",
    ),
)

_MESSAGES = (
    Code(
        "NOT_A_MESSAGE",
        "fatal",
        False,
        "What lay in the front list is no Celery message with JSON arguments.",
        "Send it with a Celery client and the serializer json; drop this one.",
    ),
    Code(
        "MESSAGE_TOO_LARGE",
        "fatal",
        False,
        "A message has more than 4 MiB.",
        "Send several with one idempotency key, `append` in each and `last` in the last.",
    ),
    Code(
        "MESSAGE_EXPIRED",
        "fatal",
        False,
        "A message was read after the time its sender gave it with `expires`.",
        "Send it again if it is still wanted.",
    ),
    Code(
        "PAYLOAD_INVALID",
        "fatal",
        False,
        "A message's arguments are not what its kind takes.",
        "Correct them by the kind's JSON Schema and send the message again.",
    ),
    Code(
        "NOT_IN_THIS_VERSION",
        "fatal",
        True,
        "A message is of a kind that this version cannot carry out yet.",
        "Retry it with `bulkhead submissions dead retry` after the upgrade.",
    ),
    Code(
        "NAME_UNKNOWN",
        "fatal",
        True,
        "A message names an app or a job that is not there.",
        "Add the app, then `bulkhead submissions dead retry`; or correct the name.",
    ),
    Code(
        "CONFLICT",
        "fatal",
        True,
        "A message asks for what the present state or an earlier request does not allow.",
        "Read the reason; use another idempotency key for other content.",
    ),
    Code(
        "PARTS_INCOMPLETE",
        "fatal",
        False,
        "Parts of a job came, and the others did not within a day.",
        "Send all parts again under another idempotency key.",
    ),
    Code(
        "MESSAGE_FAILED",
        "fatal",
        True,
        "An error of ours kept a message from being carried out.",
        "See the worker's log, then `bulkhead submissions dead retry`.",
    ),
)

CODES: Mapping[str, Code] = MappingProxyType(
    {code.name: code for code in (*_CALLS, *_ROWS, *_MESSAGES, *CREDENTIALS, *ROTATIONS, *GROUPS)}
)


def code(name: str) -> Code:
    """The code of that name; a name off the list is a mistake of ours and raises KeyError."""
    return CODES[name]
