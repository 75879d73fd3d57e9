"""The codes of broadcasts: why a recipient was sent nothing."""

from __future__ import annotations

from bulkhead.model.code_entry import Code


def _row(name: str, meaning: str, fix: str) -> Code:
    return Code(name, "row", retryable=False, meaning=meaning, fix=fix)


BROADCASTS = (
    _row(
        "RECIPIENT_MISSING",
        "The row names neither a group nor a person, or both.",
        "Fill one of the columns `gid` and `address`, and leave the other empty.",
    ),
    _row(
        "GROUP_NOT_IN_RECORD",
        "The group is named by a word that no group of the app has as its custom_id on our record.",
        "Write the group's gid, which is a number; `bulkhead groups` made the ones we know.",
    ),
    _row(
        "VARIABLE_MISSING",
        "The message has a variable for which the row has no value.",
        "Fill the cell, or give `--var NAME=VALUE` for all rows that leave it empty.",
    ),
    _row(
        "MESSAGE_TOO_LONG",
        "The message, with the row's values in it, is longer than one may be.",
        "Shorten the text or the value; a long text can be sent as a file with `--file-url`.",
    ),
)
