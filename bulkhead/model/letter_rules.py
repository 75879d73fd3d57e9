"""What every letter of a broadcast must be, and what is said of one that is not."""

from __future__ import annotations

from bulkhead.errors import InvalidInput

Mistake = tuple[str, str, str]
ONE_OF: Mistake = (
    "it is not clear what to send",
    "a broadcast sends a text or a file, one of the two",
    "give a message, the URL of a file, or in real time a file",
)
BLANK: Mistake = (
    "the message is empty",
    "it has nothing but blanks and line breaks",
    "write what is to be read",
)
NO_TEXT: Mistake = (
    "the message is no text",
    "it, its title, its URL or a variable has a byte that is no UTF-8, or half a character",
    "write it again, in UTF-8",
)
TITLE_FITS: Mistake = (
    "a title goes with a file",
    "mesibo shows it beside the file; a text has none",
    "leave the title out, or send a file",
)
EXPIRY_FITS: Mistake = (
    "the expiry does not fit",
    "a message can wait for its recipient for up to a year",
    "give hours, such as 6h",
)
URL: Mistake = (
    "the file's URL does not fit",
    "recipients fetch it by http or https",
    "give a public URL that begins with https://",
)
LITERAL: Mistake = (
    "the file's URL has a variable",
    "everybody gets the same file; variables stand in the message and the title",
    "leave the braces out of the URL",
)
FILE_WAY: Mistake = (
    "the backend sends no file",
    "it takes the URL of one; only a real-time session uploads files",
    "send it in real time, or put it where everybody can fetch it and give its URL",
)
WAY: Mistake = (
    "there is no such way to send",
    "messages go by the backend or in real time",
    "write backend or realtime",
)
SHORTEN = "shorten it, or send it as a file by its URL"


def require(holds: bool, mistake: Mistake) -> None:
    """Raises InvalidInput with the mistake unless it holds."""
    if not holds:
        what, why, to_do = mistake
        raise InvalidInput(what, why=why, to_do=to_do)
