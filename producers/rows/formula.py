"""Keep a spreadsheet from running a cell as a formula, and undo that exactly."""

from __future__ import annotations

import re

# A cell that already begins with '= gets one more ', so that restoring takes off only ours.
_WOULD_RUN = re.compile(r"'*[=+\-@\t\r]")
_WAS_NEUTRALISED = re.compile(r"'+[=+\-@\t\r]")
_MARK = re.compile(r"'[=+\-@\t\r]")


def neutralise(cell: str) -> str:
    """The cell as a spreadsheet shows it without running it."""
    return f"'{cell}" if _WOULD_RUN.match(cell) else cell


def restore(cell: str) -> str:
    """The cell as it was before `neutralise`, whatever it was."""
    return cell[1:] if _WAS_NEUTRALISED.match(cell) else cell


def may_hold_neutralised(text: str) -> bool:
    """False when no cell of this text can need `restore`, which is quicker than asking each."""
    # The first look takes a hundredth of the second's time, and settles it for most files.
    return "'" in text and _MARK.search(text) is not None
