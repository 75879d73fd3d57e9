"""A rotation of the apps that an earlier one did not get done, on the record as it is now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bulkhead.engine.credentials import Stored, look_up
from bulkhead.engine.draft import Request
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.push_record import PushRecord
from bulkhead.engine.script import Scripts
from bulkhead.errors import InvalidInput
from bulkhead.model.app import App
from bulkhead.model.batch import Batch
from bulkhead.model.rotation import RotationRow
from bulkhead.model.waves import Waves
from bulkhead.rotating import Change, digest_of, previous_of, refuse_under_way
from bulkhead.submitting import Prepared


def rotate_again(
    scripts: Scripts, request: Request, rows: Iterable[Batch], fields: Mapping[str, str]
) -> tuple[Request, Batch]:
    """The request with its waves, and the rows with what their slots hold now.

    `fields` are the earlier job's: its waves end at as many apps as there, the last at all that
    are left. Apps that are gone are left out. Raises InvalidInput, NotFound for a file that is
    kept no more, and Conflict while one of the apps is in another rotation.
    """
    before = {
        row.app: (line, row)
        for batch in rows
        for line, row in zip(batch.lines, map(RotationRow.of, batch.cells), strict=True)
    }
    changes = _changes(scripts, [row for _, row in before.values()])
    if not changes:
        raise InvalidInput(
            "none of the apps to be rotated again is there any more",
            why="they were removed",
            to_do="see `bulkhead apps list`",
        )
    kept = [before[change.app.id] for change in changes]
    _refuse_other_project(changes, [row for _, row in kept])
    refuse_under_way(scripts, changes, request.idempotency_key)
    lines = [line for line, _ in kept]
    now = zip(changes, kept, strict=True)
    again = [replace(row, previous=previous_of(change)) for change, (_, row) in now]
    waves = _waves(fields, len(changes))
    request = replace(request, waves=waves, content=digest_of(again, waves))
    return request, Batch(lines, [row.cells() for row in again], {})


def changes_of(scripts: Scripts, made: Prepared) -> list[Change]:
    """What a rotation that was prepared will change, app by app. Reads its rows."""
    cells = (row for batch in made.batches for row in batch.cells)
    return _changes(scripts, [RotationRow.of(row) for row in cells])


def _changes(scripts: Scripts, rows: Sequence[RotationRow]) -> list[Change]:
    known: dict[str, App] = {app.id: app for app in Fleet(scripts).apps()}
    files: dict[str, Stored] = {
        name: look_up(scripts, name) for name in sorted({row.new.credential for row in rows})
    }
    slots = PushRecord(scripts).slots_of([row.app for row in rows])
    return [
        Change(known[row.app], files[row.new.credential], slots[row.app].get(row.new.slot))
        for row in rows
        if row.app in known
    ]


def _waves(fields: Mapping[str, str], apps: int) -> Waves:
    ends = [int(end) for end in fields["waves"].split(",")]
    few = sorted({end for end in ends if end < apps} | {apps})
    return Waves(tuple(few), int(fields["soak"]) / 1e6, fields.get("rollback") == "1")


def _refuse_other_project(changes: Sequence[Change], rows: Sequence[RotationRow]) -> None:
    """Raises InvalidInput where a slot got a credential of another project since then.

    What it held when the rotation was ordered was decided there.
    """
    for change, row in zip(changes, rows, strict=True):
        then = row.previous.credential if row.previous else ""
        if change.effect == "other_project" and change.held and change.held.credential != then:
            raise InvalidInput(
                f"{change.app.id} has a credential of another project by now",
                why="devices that registered with that project would hear no more pushes",
                to_do="rotate the others by name: `bulkhead creds rotate --apps NAME,…`",
            )
