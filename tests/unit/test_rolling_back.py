"""Which credential is the one before, whatever was put into a slot and taken back."""

import pytest

from bulkhead.model.push import InSlot
from bulkhead.rolling_back import line_of


def history(*changes):
    """Entries newest first, of changes in the order they were made: `upload A`, `rollback B`."""
    told = [change.split() for change in changes]
    return [
        InSlot(slot, f"cred_{name}", name, "fcm", "shop", None, None, None, "f.json", by)
        for by, name, *rest in reversed(told)
        for slot in (rest or ["fcm"])
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ([], ""),
        (["upload A"], "A"),
        (["adopt A", "upload B", "rotate C"], "C B A"),
        # Twice goes two back, and there it ends.
        (["upload A", "upload B", "upload C", "rollback B"], "B A"),
        (["upload A", "upload B", "upload C", "rollback B", "rollback A"], "A"),
        # What is uploaded after that is in front again.
        (["upload A", "upload B", "rollback A", "upload C"], "C A"),
        (["upload A", "upload B", "rollback A", "upload B"], "B A"),
        # `--to` over several, and to one that had been taken back.
        (["upload A", "upload B", "upload C", "rollback A"], "A"),
        (["upload A", "upload B", "rollback A", "rollback B"], "B A"),
        # The same file again is one of it.
        (["upload A", "upload B", "upload B"], "B A"),
        (["upload A", "upload B", "upload A"], "A B A"),
        (["upload A", "upload B", "upload A", "upload C", "rollback A"], "A B A"),
        # A rotation that undid itself: the new file was never noted, or was.
        (["upload A", "upload B", "rollback B"], "B A"),
        (["upload A", "rotate B", "rollback A"], "A"),
        # Where the history is cut, what is left is the first.
        (["rollback B", "upload C"], "C B"),
        (["upload X apn:b", "upload A", "upload Y apn:b", "upload B"], "B A"),
    ],
)
def test_the_line_of_a_slot_leaves_out_what_was_taken_back(changes, line):
    assert [entry.fingerprint for entry in line_of(history(*changes), "fcm")] == line.split()
