"""The codes of groups: what is wrong with a group's row, and why a group was left as it was."""

from __future__ import annotations

from bulkhead.model.code_entry import Code


def _row(name: str, meaning: str, fix: str, *, retryable: bool = False) -> Code:
    return Code(name, "row", retryable, meaning, fix)


GROUPS = (
    _row(
        "BAD_GID",
        "The gid is not a whole number from 12 to 4294967295.",
        "Write the number that mesibo gave the group; the first ones are mesibo's own groups.",
    ),
    _row(
        "BAD_CUSTOM_ID",
        "The custom_id is longer than 200 bytes, or has a control character.",
        "Use the short name that the group has in your own system.",
    ),
    _row(
        "BAD_GROUP_NAME",
        "The group's name is longer than 1,000 bytes, or has a control character.",
        "Shorten the name.",
    ),
    _row(
        "BAD_GROUP_FLAGS",
        "The flags are neither a number nor words for what a group does.",
        "Use a number, or words such as `selected-send auto-add`; the how-to page lists them.",
    ),
    _row(
        "BAD_GROUP_EXPIRY",
        "The expiry is not a number of seconds or a duration such as 30d.",
        "Use seconds, or a number with s, m, h or d.",
    ),
    _row(
        "BAD_PERMISSIONS",
        "A word among the permissions is not known.",
        "Use send, recv, pub, sub and list, with commas between them.",
    ),
    _row(
        "BAD_ADMIN",
        "A word among the admin rights is not known.",
        "Use owner, modify, adduser, remuser or another right that the how-to page lists.",
    ),
    _row(
        "BAD_MEMBERS",
        "The members are not a list of addresses.",
        "Write addresses with commas between them, or a list of text in JSON.",
    ),
    _row(
        "BAD_GROUPS",
        "The cell of a person's groups is not a list of gids or of custom_ids.",
        "Write them with commas between them, at most 100.",
    ),
    _row(
        "GROUP_NOT_NAMED",
        "The row has neither a gid nor a custom_id, so it means no group.",
        "Fill in one of the two.",
    ),
    _row(
        "NOTHING_TO_CHANGE",
        "The row names a group and nothing that is to be changed.",
        "Fill in what the group is to have, or leave the row out.",
    ),
    _row(
        "GROUP_EXISTS",
        "A group of this custom_id was made before, from a row that said something else.",
        "Change it with `bulkhead groups set`, or give the new group another custom_id.",
    ),
    _row(
        "GROUP_UNKNOWN",
        "No group of this custom_id is on our record.",
        "Create it first, or name the group by its gid.",
        retryable=True,
    ),
    _row(
        "GROUP_TAKEN",
        "Another job is about to make the group of this custom_id, so nothing was sent.",
        "Wait for the job that the row's message names, then run this again.",
        retryable=True,
    ),
)
