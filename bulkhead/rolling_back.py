"""Back to the credential that was in a slot before: which one it is, and the job for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from bulkhead.engine.credentials import Stored
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.push_record import PushRecord
from bulkhead.engine.script import Scripts
from bulkhead.errors import Conflict, InvalidInput, NotFound, UsageProblem
from bulkhead.model.app import App
from bulkhead.model.job import Job, JobState, rfc3339
from bulkhead.model.push import Doubt, InSlot
from bulkhead.ordering import DEFAULT, Options
from bulkhead.pushing import prepare_upload, row_of
from bulkhead.rotating import rotations_over
from bulkhead.submitting import Prepared

UPLOAD = "creds.upload"
ROLLBACK = "rollback"
SHORTEST = 6
"""Characters of a fingerprint or an id that may stand for the whole."""


@dataclass(frozen=True, slots=True)
class Return:
    """A slot of an app, what it holds by our record, and what it is to hold again."""

    app: App
    held: InSlot
    target: InSlot

    def to_dict(self, now: float) -> dict[str, Any]:
        """The change as a dry run shows it; `now` is Unix seconds."""
        ends = self.target.not_after
        return {
            "slot": self.held.slot,
            "previous": self.held.fingerprint,
            "new": self.target.fingerprint,
            "credential": self.target.credential,
            "file": self.target.file,
            "not_after": None if ends is None else rfc3339(ends * 1e6),
            "expired": has_expired(self.target, now),
        }


def line_of(history: Sequence[InSlot], slot: str) -> list[InSlot]:
    """The credentials of a slot as one followed the other, newest first; so is the history.

    What was taken back is not among them: so who goes back twice goes two back.
    """
    line: list[InSlot] = []
    for entry in reversed(history):
        if entry.slot != slot:
            continue
        same = [at for at, one in enumerate(line) if one.credential == entry.credential]
        if entry.by == ROLLBACK and same:
            del line[same[-1] :]
        elif line and line[-1].credential == entry.credential:
            line.pop()
        line.append(entry)
    return line[::-1]


def find_return(
    scripts: Scripts, app: App, slot: str | None = None, to: str | None = None
) -> Return:
    """What to go back to: the one before, or the entry of the history that `to` names.

    Raises NotFound, InvalidInput (`to` means several), UsageProblem (several slots), and Conflict
    where there is nothing before, or the slot may hold another file than the record says.
    """
    record = PushRecord(scripts)
    held, history = record.slots(app.id), record.history(app.id)
    names = _slots(app, held, slot)
    if to is None:
        target = _before(app, {name: line_of(history, name) for name in names}, history)
    else:
        target = _named(app, [entry for entry in history if entry.slot in names], to)
    doubt = record.doubts(app.id).get(target.slot)
    if doubt is not None and to is None:
        raise _in_doubt(app, held[target.slot], doubt)
    return Return(app, held[target.slot], target)


def refuse_unfit(going: Return, at: float) -> None:
    """Raises InvalidInput for what will have expired `at` that time (Unix seconds)."""
    ends = going.target.not_after
    if ends is not None and ends <= at:
        raise InvalidInput(
            f"the credential to go back to has expired: {going.target.fingerprint}",
            why=f"it ended at {rfc3339(ends * 1e6)}, and no push gets through with it",
            to_do="upload a renewed one, or give --force if it is meant all the same",
        )


def refuse_open_jobs(scripts: Scripts, app: App) -> None:
    """Raises Conflict while a rotation is open that has the app, or an upload to it under way."""
    rotations = (job for job, _ in rotations_over(scripts, [app.id]))
    for job in chain(rotations, _uploads(scripts, app)):
        raise Conflict(
            f"{app.id} is about to get another credential",
            why=f"{job.id}, a job of kind {job.kind}, is {job.state.value}",
            to_do=f"wait for it (`bulkhead jobs watch {job.id}`), or cancel it; then roll back",
        )


def _uploads(scripts: Scripts, app: App) -> Iterator[Job]:
    """Those under way; one for later than now changes the slot after the return, as it was told."""
    for job in Jobs(scripts).open_of(app.id):
        if job.kind == UPLOAD and job.state is not JobState.SCHEDULED and not job.ended:
            yield job


def prepare_return(
    scripts: Scripts,
    going: Return,
    kept: Stored,
    *,
    force: bool = False,
    options: Options = DEFAULT,
) -> Prepared:
    """The job: the file as it was sent then. Raises NotFound (app)."""
    row = row_of(kept, going.target.file)
    made = prepare_upload(scripts, [row], app=going.app.id, force=force, options=options)
    return replace(
        made, request=replace(made.request, params={**made.request.params, "by": ROLLBACK})
    )


def has_expired(entry: InSlot, now: float) -> bool:
    """Whether the credential's time is over; `now` is Unix seconds."""
    return entry.not_after is not None and entry.not_after <= now


def _slots(app: App, held: Mapping[str, InSlot], slot: str | None) -> list[str]:
    if slot is None and held:
        return list(held)
    if slot in held:
        return [str(slot)]
    known = ", ".join(held) or "none, since nothing was uploaded or adopted through us"
    raise NotFound(
        f"{app.id} has no credential{f' in {slot}' if slot else ''} on our record",
        why=f"its slots on our record: {known}",
        to_do=f"see `bulkhead creds history {app.id}`",
    )


def _before(app: App, lines: Mapping[str, Sequence[InSlot]], history: Sequence[InSlot]) -> InSlot:
    ahead = {slot: line[1] for slot, line in lines.items() if len(line) > 1}
    if len(ahead) == 1:
        return ahead.popitem()[1]
    if ahead:
        raise UsageProblem(
            f"{app.id} can go back in several slots",
            why=f"{', '.join(ahead)}: one is taken back at a time",
            to_do=f"name it, such as --slot {next(iter(ahead))}",
        )
    now = {line[0].credential for line in lines.values() if line}
    undone = [one for one in history if one.slot in lines and one.credential not in now]
    if undone:
        raise Conflict(
            f"{app.id} has nothing further back to go to",
            why="what is there now is the first on our record; what came after was taken back",
            to_do=f"name the one you want, such as --to {undone[0].fingerprint}",
        )
    raise Conflict(
        f"{app.id} has nothing to go back to",
        why="what is there now is the first on our record; the file before it was never adopted",
        to_do=f"upload the right file: `bulkhead creds upload FILE --app {app.id}`",
    )


def _named(app: App, entries: Sequence[InSlot], to: str) -> InSlot:
    """The newest entry of the one credential that is meant; a table shortens with `…`."""
    word = to.removesuffix("…").lower()
    found = list(_meant(entries, word)) if len(word) >= SHORTEST else []
    files = dict.fromkeys(one.credential for one in found)
    if len(files) > 1:
        raise InvalidInput(
            f"`{to}` means several credentials",
            why=", ".join(files),
            to_do="name one of these in full",
        )
    if not found:
        raise NotFound(
            f"the history of {app.id} has no credential `{to}`",
            why=f"a fingerprint or a credential's id is looked for, {SHORTEST} characters or more "
            "of its beginning",
            to_do=f"see `bulkhead creds history {app.id}`, or upload the file itself",
        )
    return found[0]


def _meant(entries: Sequence[InSlot], word: str) -> Iterator[InSlot]:
    whole = [one for one in entries if word in (one.credential, one.fingerprint.lower())]
    if whole:
        yield from whole
        return
    for one in entries:
        if one.credential.startswith(word) or one.fingerprint.lower().startswith(word):
            yield one


def _in_doubt(app: App, held: InSlot, doubt: Doubt) -> Conflict:
    return Conflict(
        f"it is not certain what {held.slot} of {app.id} holds",
        why=f"{doubt.job} sent {doubt.credential}, or was about to, and no answer is known; "
        f"our record says {held.fingerprint}",
        to_do=f"say which one it is to hold, such as --to {held.fingerprint}",
    )
