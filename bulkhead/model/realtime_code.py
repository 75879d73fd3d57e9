"""The codes of messages that a session was to send, and mesibo did not take."""

from __future__ import annotations

from bulkhead.model.code_entry import Code


def _row(name: str, meaning: str, fix: str, *, retryable: bool = False) -> Code:
    return Code(name, "row", retryable, meaning, fix)


REALTIME = (
    _row(
        "NO_SESSION",
        "The sender's real-time session could not be had, and the job was not to wait for one.",
        "See `bulkhead realtime status`; send it again when it is online, or use `--via backend`.",
        retryable=True,
    ),
    _row(
        "MESSAGE_NOT_SENT",
        "mesibo said of the message that it failed, and of a second attempt as well.",
        "See that sender and recipient exist and may write to one another; then retry the row.",
        retryable=True,
    ),
    _row(
        "RECIPIENT_OFFLINE",
        "The recipient was not online, and the message was not to wait for it.",
        "Send it again with a longer `--expires`, so that it waits for the next login.",
        retryable=True,
    ),
    _row(
        "INBOX_FULL",
        "The recipient's inbox takes no more messages for now.",
        "Nothing while it is retried; it ends when the recipient reads what is there.",
        retryable=True,
    ),
    _row(
        "NO_SUCH_RECIPIENT",
        "mesibo knows no user or group of that address or number.",
        "Correct the address or the gid, or import the user first.",
    ),
    _row(
        "MESSAGE_LAPSED",
        "The message was not delivered before the time after which it was no news any more.",
        "Send it again with a longer `--expires`, if it still matters.",
        retryable=True,
    ),
    _row(
        "TAKES_NO_MESSAGES",
        "The recipient takes no messages.",
        "Leave the recipient out; this is a setting of the user.",
    ),
    _row(
        "SENDER_BLOCKED",
        "The recipient has blocked the sender.",
        "Leave the recipient out, or write from another address.",
    ),
    _row(
        "GROUP_PAUSED",
        "The group takes no messages for now.",
        "Nothing while it is retried; see who paused the group if it lasts.",
        retryable=True,
    ),
    _row(
        "NOT_A_MEMBER",
        "The sender is no member of the group, and others may not write to it.",
        "Add the sender with `bulkhead groups members add`, then retry the row.",
        retryable=True,
    ),
    _row(
        "SENDER_DENIED",
        "mesibo does not let this sender write to this recipient.",
        "See what the app's access rules allow the sender.",
    ),
)
