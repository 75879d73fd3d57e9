"""What a job that rotates credentials over many apps carries in its rows, and its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

COLUMNS = (
    "app",
    "credential",
    "slot",
    "type",
    "file",
    "previous",
    "previous_type",
    "previous_file",
)
"""Of a row of `creds.rotate`: ids of the store, never bytes."""

VERIFICATIONS = ("none", "options", "test-push")
"""What proves that a credential works; each includes no other."""

OPTIONS, VERIFY, AWAIT = "options", "verify", "await"

ROLL_BACK = "roll_back"
"""Back to the file before, since the app's wave has failed in another app."""

UNDO_UPLOAD, UNDO_OPTIONS, UNDO_TEST, UNDO_RESULT, UNDO_SILENCE = (
    *("undo_upload", "undo_options", "undo_test"),
    *("undo_result", "undo_silence"),
)
"""Back to the file before, each for a reason of the app's own."""

CODE_OF = {
    ROLL_BACK: "WAVE_FAILED",
    UNDO_UPLOAD: "UPLOAD_NOT_CONFIRMED",
    UNDO_OPTIONS: "OPTIONS_REFUSED",
    UNDO_TEST: "TEST_REFUSED",
    UNDO_RESULT: "PUSH_FAILED",
    UNDO_SILENCE: "NO_PUSH_RESULT",
}
"""Why an app goes back, by the step that takes it there."""


@dataclass(frozen=True, slots=True)
class RotationRow:
    """One app: what its slot is to hold, and what it held by our record (empty: nothing)."""

    app: str
    credential: str
    slot: str
    service: str
    file: str
    previous: str
    previous_service: str
    previous_file: str

    def cells(self) -> list[str]:
        """The row as a job keeps it."""
        return list(astuple(self))

    @classmethod
    def of(cls, cells: Sequence[str]) -> RotationRow:
        """The row that `cells` wrote. Raises TypeError for any other."""
        return cls(*cells)
