"""A file that a call carries."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bulkhead.errors import InvalidInput
from bulkhead.secrets import SecretBytes

LONGEST_NAME = 100
"""Characters of a file's name that are sent."""

_NAME = re.compile(rf"[A-Za-z0-9._ -]{{1,{LONGEST_NAME}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Upload:
    """One file; its name may be shown and stands in a header. Raises InvalidInput for others."""

    file_name: str
    content: SecretBytes

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.file_name):
            raise InvalidInput(
                "the file's name cannot be sent",
                why=f"it is 1 to {LONGEST_NAME} letters, digits, spaces, dots, _ and -",
                to_do="rename the file",
            )


def sendable_name(path: str) -> str:
    """The last part of a path, its end kept, with `_` for each sign that a header cannot carry."""
    name = re.split(r"[/\\]", path)[-1]
    return re.sub(r"[^A-Za-z0-9._ -]", "_", name)[-LONGEST_NAME:]
