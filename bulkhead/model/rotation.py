"""What a job that rotates credentials over many apps carries in its rows, and its steps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bulkhead.model import push
from bulkhead.model.push import UploadRow

COLUMNS = (
    *(*push.COLUMNS, "app", "previous", "previous_slot", "previous_type", "previous_file"),
    *("options", "address", "fingerprint", "previous_fingerprint"),
)
"""Of a row of `creds.rotate`: ids of the store, never bytes."""

APP, OWN = COLUMNS.index("app"), COLUMNS.index("options")

VERIFICATIONS = ("none", "options", "test-push")
"""What proves that a credential works; each includes no other."""

WITHIN = 60.0
"""Seconds that the result of a test is waited for, where nobody says."""

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


_NOTHING = UploadRow("", "", "", "")


@dataclass(frozen=True, slots=True)
class RotationRow:
    """One app: the file that its slot is to hold, and the one that it held by our record."""

    new: UploadRow
    app: str
    previous: UploadRow | None
    options: Mapping[str, bool] | None = None
    """The app's own push options; None for those of the job."""
    address: str = ""
    """The app's own probe user; empty for that of the job."""
    fingerprint: str = ""
    """Of the new file, for whoever reads the result."""
    previous_fingerprint: str = ""

    def cells(self) -> list[str]:
        """The row as a job keeps it: it begins as that of an upload."""
        options = "" if self.options is None else json.dumps(dict(self.options))
        previous = (self.previous or _NOTHING).cells()
        own = options, self.address, self.fingerprint, self.previous_fingerprint
        return [*self.new.cells(), self.app, *previous, *own]

    @classmethod
    def of(cls, cells: Sequence[str]) -> RotationRow:
        """The row that `cells` wrote. Raises ValueError for any other."""
        previous = UploadRow.of(cells[APP + 1 :])
        # Jobs of versions before this one have fewer of these.
        options, *texts = (*cells[OWN:], "", "", "", "")[:4]
        return cls(
            UploadRow.of(cells),
            cells[APP],
            None if previous == _NOTHING else previous,
            json.loads(options) if options else None,
            *texts,
        )
