"""The codes of rows that are refused or left out before any call is made for them."""

from __future__ import annotations

from bulkhead.model.code_entry import Code

ROWS = (
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
