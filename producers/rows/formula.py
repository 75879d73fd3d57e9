"""Keep a spreadsheet from running a cell as a formula, and undo that exactly."""

from __future__ import annotations

import re

# A cell that already begins with '= gets one more ', so that restoring takes off only ours.
_WOULD_RUN = re.compile(r"'*[=+\-@\t\r]")
_WAS_NEUTRALISED = re.compile(r"'+[=+\-@\t\r]")

MARKS = ("'=", "'+", "'-", "'@", "'\t", "'\r")
"""A text without any of these holds no neutralised cell."""


def neutralise(cell: str) -> str:
    """The cell as a spreadsheet shows it without running it."""
    return f"'{cell}" if _WOULD_RUN.match(cell) else cell


def restore(cell: str) -> str:
    """The cell as it was before `neutralise`, whatever it was."""
    return cell[1:] if _WAS_NEUTRALISED.match(cell) else cell
