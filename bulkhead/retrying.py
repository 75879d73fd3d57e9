"""A new job of rows that an earlier one did not get done."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from bulkhead.engine.draft import Request
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.packing import SEGMENT
from bulkhead.engine.script import Scripts
from bulkhead.errors import Conflict, InvalidInput
from bulkhead.model.batch import Batch
from bulkhead.model.broadcast import Letter, Reader
from bulkhead.model.code import CODES
from bulkhead.model.job import PRIORITIES, Job, JobState
from bulkhead.model.result import STATES
from bulkhead.model.shape import shape_of
from bulkhead.model.unknown import NOT_CONFIRMED
from bulkhead.ordering import DEFAULT, Options
from bulkhead.rotating_again import rotate_again
from bulkhead.submitting import Prepared

WORDS = ("failed", "unknown", "not_attempted")
"""What may be chosen beside the name of a code; the cancelled rows count as not attempted."""

HELD_BACK = frozenset({"CONFLICTING_ROWS", NOT_CONFIRMED})
"""Rows of the one lost to an earlier row, which they would overwrite if sent alone; those of the
other were sent, and count as failed only because their job was told so. Only by name."""

Number = TypeVar("Number", int, float)

PENDING = 0
WAITING = 6
_FAILED, _UNKNOWN = STATES["failed"], STATES["unknown"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows run again. Raises InvalidInput for a word that is none of ours."""

    only: str | None = None

    def __post_init__(self) -> None:
        if self.only is None or self.only in WORDS or self.only in CODES:
            return
        raise InvalidInput(
            f"{self.only!r} chooses no rows",
            why=f"it must be {', '.join(WORDS)}, or a code",
            to_do="see `bulkhead errors list` for the codes",
        )

    @property
    def code(self) -> str:
        """The code whose rows are chosen, or empty."""
        return "" if self.only is None or self.only in WORDS else self.only

    @property
    def unknown(self) -> bool:
        """True if rows are chosen that may have been carried out already."""
        return self.only == "unknown" or self.code == "NOT_CONFIRMED"

    def states(self, *, over: bool) -> frozenset[int]:
        """The states of the map that are chosen; `over`: the job has ended."""
        if self.code:
            return frozenset({_FAILED, _UNKNOWN})
        untouched = frozenset({PENDING, WAITING}) if over else frozenset[int]()
        chosen = {
            None: untouched | {_FAILED},
            "failed": frozenset({_FAILED}),
            "unknown": frozenset({_UNKNOWN}),
            "not_attempted": untouched,
        }
        return chosen[self.only]


FAILED_AND_LEFT = Choice()
"""What runs again unless something else is asked for: what failed, and what was never tried."""


def retry(
    scripts: Scripts, job: str, choice: Choice = FAILED_AND_LEFT, options: Options = DEFAULT
) -> Job:
    """A new job of the chosen rows, under their original line numbers; `parent` is the old one.

    Kind, app, columns and parameters are the old job's, and so are its labels, rate, priority,
    attempts, pauses and failures allowed, each unless another is given; its times and its key are
    not. Rows are checked again; a rotation has the same waves, and goes back to what its apps hold
    now. Raises NotFound, Conflict while the last calls of an ended job are in flight or an app is
    in another rotation, and InvalidInput if there is nothing to do.
    """
    return prepare(scripts, job, choice, options).submit(scripts)


def prepare(
    scripts: Scripts, job: str, choice: Choice = FAILED_AND_LEFT, options: Options = DEFAULT
) -> Prepared:
    """What `retry` submits; raises as it does."""
    jobs = Jobs(scripts)
    before, fields = jobs.get(job), jobs.fields(job)
    _refuse_unsettled(before)
    flags = _chosen(jobs, before, choice)
    rows = sum(flags)
    if not rows:
        raise _nothing(before, choice)
    options = _inherit(fields, replace(options, parent=job))
    told = {**_said(before), "rows": rows, "retry_of": job}
    if before.apps is not None:
        return _rotation(scripts, job, fields, flags, _request("", fields, options))
    request = _request(Fleet(scripts).app(fields["app"]).id, fields, options)
    if fields.get("file"):
        request = replace(request, file=jobs.file(job) or b"")
    if request.kind == "groups.create":
        # Rows without a custom_id are known on our record by their job and line.
        request = replace(request, params={"root": job, **request.params})
    return Prepared(request, _batches(jobs, job, request, flags), lambda: told)


def _rotation(
    scripts: Scripts, job: str, fields: Mapping[str, str], flags: bytearray, request: Request
) -> Prepared:
    rows = _batches(Jobs(scripts), job, request, flags)
    request, batch = rotate_again(scripts, request, rows, fields)
    told = {"rows": len(batch.cells), "format": "rotation", "retry_of": job}
    return Prepared(request, [batch], lambda: told)


def may_double(scripts: Scripts, job: str, choice: Choice = FAILED_AND_LEFT) -> bool:
    """True if a second call for these rows could be seen by a person: ask before it is made."""
    if not choice.unknown:
        return False
    fields = Jobs(scripts).fields(job)
    tokens = json.loads(fields.get("params", "{}")).get("tokens", "none")
    return fields.get("repeat", "safe") != "safe" or tokens != "none"


def _refuse_unsettled(job: Job) -> None:
    if job.state is JobState.VALIDATING:
        why, to_do = "its input is still being read", "try again when it has been accepted"
    elif job.state.terminal and not job.ended:
        why, to_do = "its last calls are in flight", "try again in half a minute"
    else:
        return
    raise Conflict(f"job {job.id} cannot be retried now", why=why, to_do=to_do)


def _chosen(jobs: Jobs, job: Job, choice: Choice) -> bytearray:
    """One byte an item, 1 where it is chosen."""
    packed, wanted = jobs.states(job.id), choice.states(over=job.state.terminal)
    flags = bytearray(
        (packed[i // 2] >> 4 if i % 2 == 0 else packed[i // 2] & 15) in wanted
        for i in range(job.counts.total)
    )
    if choice.code:
        named = bytearray(job.counts.total)
        for index, code in jobs.codes(job.id):
            named[index] = code == choice.code
        return bytearray(map(int.__and__, flags, named))
    if any(entry.code in HELD_BACK for entry in job.errors_by_code) and not choice.unknown:
        for index, code in jobs.codes(job.id):
            flags[index] &= code not in HELD_BACK
    return flags


def _nothing(job: Job, choice: Choice) -> InvalidInput:
    what = choice.only or "failed or was not attempted"
    running = "" if job.state.terminal else f"; it is {job.state.value}, and what is pending runs"
    return InvalidInput(
        f"there is nothing to retry in {job.id}",
        why=f"none of its {job.counts.total:,} rows is {what}{running}"
        if choice.only
        else f"none of its {job.counts.total:,} rows {what}{running}",
        to_do=f"see `bulkhead jobs show {job.id}`; `--only unknown` chooses unknown rows",
    )


def _request(app: str, fields: Mapping[str, str], options: Options) -> Request:
    return Request(
        kind=fields["kind"],
        tenant=fields["tenant"],
        app=app,
        columns=json.loads(fields.get("columns", "[]")),
        mapping=json.loads(fields.get("mapping", "{}")),
        params=json.loads(fields.get("params", "{}")),
        repeat=fields.get("repeat", "safe"),
        join=int(fields.get("join", 0)),
        sender=fields.get("sender", ""),
        no_session=fields.get("no_session", ""),
        **options.members(),
    )


def _inherit(fields: Mapping[str, str], options: Options) -> Options:
    """The options, and where they say nothing what the old job was asked for."""
    most = fields.get("max_failures_asked") or fields.get("max_failures", "")
    asked: dict[str, Any] = {
        "priority": _PRIORITY_OF.get(fields.get("weight", ""), ""),
        "max_failures": most,
        "max_attempts": _number(fields, "max_attempts", int),
        "rate": _number(fields, "rate", float),
        "retry_first": _number(fields, "retry_first", float),
        "retry_longest": _number(fields, "retry_longest", float),
        "give_up_after": _number(fields, "retry_give_up_after", float),
    }
    # Of what was asked about time only this: nobody is to be called at night because of a retry.
    asked |= {name: fields[name] for name in ("on_unknown", "window") if fields.get(name)}
    unsaid = {name: value for name, value in asked.items() if getattr(options, name) in (None, "")}
    labels = {**json.loads(fields.get("labels", "{}")), **options.labels}
    return replace(options, labels=labels, **unsaid)


_PRIORITY_OF = {str(weight): name for name, weight in PRIORITIES.items()}


def _number(fields: Mapping[str, str], name: str, of: type[Number]) -> Number | None:
    return of(fields[name]) if fields.get(name) else None


def _said(job: Job) -> dict[str, Any]:
    """What stays true of the input: the file itself is the same."""
    return {name: job.input[name] for name in ("format",) if name in job.input}


def _batches(jobs: Jobs, job: str, request: Request, flags: bytearray) -> Iterator[Batch]:
    shape = shape_of(request.kind)
    mapping = shape.make(**request.mapping) if shape else None
    for number in range(-(-len(flags) // SEGMENT)):
        mine = flags[number * SEGMENT : (number + 1) * SEGMENT]
        if not any(mine):
            continue
        rows = zip(jobs.segment(job, number), mine, strict=True)
        chosen = [row for row, is_chosen in rows if is_chosen]
        cells = [row[1:] for row in chosen]
        lines = [row[0] for row in chosen]
        problems = shape.problems_in(mapping, cells) if shape else {}
        if request.kind == "broadcast":
            problems = Reader(Letter.of(request.params), request.mapping).problems(lines, cells)
        yield Batch(lines, cells, problems)
