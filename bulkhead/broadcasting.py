"""Orders a broadcast: the function behind every door, and what every door refuses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bulkhead.audience import Audience, Part
from bulkhead.broadcast_limits import refuse_chunk, refuse_sender, refuse_slow
from bulkhead.engine.draft import Request
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.groups import Groups
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.packing import SEGMENT
from bulkhead.engine.script import Scripts
from bulkhead.errors import InvalidInput, UsageProblem
from bulkhead.model.app import App
from bulkhead.model.batch import Batch
from bulkhead.model.broadcast import (
    ADDRESS,
    CUSTOM_ID,
    GROUP,
    VARIABLE,
    Addressed,
    Letter,
    Reader,
    address_problem,
    given_variables,
)
from bulkhead.model.job import Job
from bulkhead.model.way import REALTIME, refuse_way
from bulkhead.ordering import Options
from bulkhead.recipients import Of, RecipientObjects, batches_of
from bulkhead.submitting import Prepared, was_made

KIND = "broadcast"
REPEATED = frozenset({"DUPLICATE_IN_FILE", "CONFLICTING_ROWS"})
MOST_TESTERS = 20
"""People that one test is sent to: more are an audience."""
TEST_OF = "test_of"
"""The label of a test, with the id of the broadcast that it is one of."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for with a broadcast, beside its recipients and what every job may be."""

    app: str
    letter: Letter
    max_recipients: int | None = None
    chunk: int = 1
    """People that share a call, and its outcome. Groups never do."""
    hold: bool = False
    """Accepted, and paused until somebody resumes it."""
    force_late: bool = False
    """Although it takes longer than its messages are kept."""
    file: bytes = field(default=b"", repr=False)
    """The bytes of the letter's file."""
    no_session: str = ""
    """In real time: what becomes of a message while its sender cannot sign in, of NO_SESSION."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """A broadcast whose recipients were not read yet."""

    made: Prepared
    audience: Audience
    app: App


def prepare(scripts: Scripts, order: Order, parts: Sequence[Part], options: Options) -> Ordered:
    """What a broadcast to these lists is; nothing is read before it is submitted.

    Raises NotFound (app), NotPermitted (sender) and InvalidInput.
    """
    app = Fleet(scripts).app(order.app)
    refuse_sender(app, order.letter.sender)
    refuse_way(order.letter.via, order.chunk)
    refuse_chunk(order.letter, order.chunk)
    _refuse_nobody(parts)
    gids_of = partial(Groups(scripts).gids, app.id)
    audience = Audience(parts, order.letter, gids_of, order.max_recipients)
    request = _request(app, order, audience, options)

    def describe() -> Mapping[str, Any]:
        if not (order.force_late or was_made(scripts, request)):
            refuse_slow(scripts, request, app, audience)
        return audience.input()

    made = Prepared(request, audience.batches(), describe)
    return Ordered(made, audience, app)


def _refuse_nobody(parts: Sequence[Part]) -> None:
    if not parts:
        raise InvalidInput(
            "a broadcast needs recipients",
            why="neither groups nor people are named",
            to_do="name groups, people, or both",
        )


def _request(app: App, order: Order, audience: Audience, options: Options) -> Request:
    return Request(
        kind=KIND,
        tenant=app.tenant,
        app=app.id,
        # The very objects that grow: both are whole when the job is sealed.
        columns=audience.columns,
        mapping=audience.mapping,
        params=order.letter.params(),
        join=order.chunk if order.chunk > 1 else 0,
        hold=order.hold,
        file=order.file,
        sender=order.letter.sender if order.letter.via == REALTIME else "",
        no_session=order.no_session,
        **options.members(),
    )


def parts_of(groups: Iterable[object], users: Iterable[object]) -> list[Part]:
    """The recipients that a program hands in: names by themselves, or objects."""
    given: tuple[tuple[Of, Iterable[object]], ...] = (("groups", groups), ("users", users))
    return [_part(of, found) for of, found in given if found != ()]


def _part(of: Of, found: Iterable[object]) -> Part:
    objects = RecipientObjects()
    rows = batches_of(found, of, objects)
    return Part(of, objects.columns, rows, lambda: {"format": "objects"})


def broadcast_of(scripts: Scripts, job: str) -> Job:
    """The broadcast of that id. Raises NotFound, and UsageProblem for a job of another kind."""
    found = Jobs(scripts).get(job)
    if found.kind != KIND:
        raise UsageProblem(
            f"{job} is no broadcast",
            why=f"it is a job of the kind {found.kind}",
            to_do="use `bulkhead jobs` for it; `bulkhead broadcast list` shows broadcasts",
        )
    return found


@dataclass(frozen=True, slots=True)
class Frozen:
    """A broadcast as its job keeps it."""

    job: Job
    request: Request
    """What was asked for, as far as it bears on how long it takes and how it reads."""
    scripts: Scripts

    @classmethod
    def of(cls, scripts: Scripts, job: str) -> Frozen:
        """The broadcast of that id. Raises as `broadcast_of`."""
        found, jobs = broadcast_of(scripts, job), Jobs(scripts)
        fields = jobs.fields(job)
        request = Request(
            kind=KIND,
            tenant=fields["tenant"],
            app=fields["app"],
            columns=jobs.columns(job),
            mapping=json.loads(fields["mapping"]),
            params=json.loads(fields["params"]),
            join=int(fields.get("join") or 0),
            rate=float(fields["rate"]) if fields.get("rate") else None,
            at=_instant(fields, "at"),
            deadline=_instant(fields, "deadline"),
            window=fields.get("window", ""),
            sender=fields.get("sender", ""),
            no_session=fields.get("no_session", ""),
        )
        return cls(found, request, scripts)

    @property
    def letter(self) -> Letter:
        """What it sends."""
        return Letter.of(self.request.params)

    @property
    def reader(self) -> Reader:
        """Reads its rows."""
        return Reader(self.letter, self.request.mapping)

    def file(self) -> bytes:
        """What its messages carry; nothing unless it is in real time, and of a file."""
        # It may have megabytes: who only looks at the broadcast does not read it.
        return (Jobs(self.scripts).file(self.job.id) or b"") if self.letter.file else b""

    def batches(self) -> Iterable[Batch]:
        """Its rows, in order; which of them have a problem is not said."""
        jobs = Jobs(self.scripts)
        for number in range(-(-self.job.counts.total // SEGMENT)):
            rows = jobs.segment(self.job.id, number)
            yield Batch([row[0] for row in rows], [row[1:] for row in rows], {})

    def repeated(self) -> list[int]:
        """The rows, counted from 0, that are sent nothing because an earlier one is the same."""
        if not any(entry.code in REPEATED for entry in self.job.errors_by_code):
            return []
        codes = Jobs(self.scripts).codes(self.job.id)
        return [row for row, code in codes if code in REPEATED]

    def first_row(self) -> Sequence[str]:
        """The cells of the first recipient that something is sent to; none if nobody is."""
        reader = self.reader
        for batch in self.batches():
            for line, cells in zip(batch.lines, batch.cells, strict=True):
                if isinstance(reader.read(cells, line), Addressed):
                    return cells
        return []


def _instant(fields: Mapping[str, str], name: str) -> float | None:
    return float(fields[name]) / 1e6 if fields.get(name) else None


def prepare_test(
    frozen: Frozen, people: Sequence[str], given: Mapping[str, str], options: Options
) -> Prepared:
    """A small job that sends the broadcast's message to named people, with its first row's values.

    `given` has values that win over that row's. Raises InvalidInput and NotPermitted.
    """
    people = tuple(dict.fromkeys(filter(None, (one.strip() for one in people))))
    _refuse_people(people)
    refuse_sender(Fleet(frozen.scripts).app(frozen.request.app), frozen.letter.sender)
    values = given_variables(given)
    letter = replace(frozen.letter, given={**frozen.letter.given, **values})
    width = max(len(frozen.request.columns), *frozen.request.mapping.values()) + 1
    first = [*frozen.first_row()]
    first += [""] * (width - len(first))
    rows = [_as_first(frozen, [*first], values, person) for person in people]
    request = Request(
        kind=KIND,
        tenant=frozen.request.tenant,
        app=frozen.request.app,
        columns=frozen.request.columns,
        mapping=frozen.request.mapping,
        params=letter.params(),
        file=frozen.file(),
        sender=frozen.request.sender,
        no_session=frozen.request.no_session,
        **replace(options, parent=frozen.job.id, labels=_labels(frozen, options)).members(),
    )
    told = {"rows": len(rows), "format": "test", "groups": 0, "users": len(rows)}
    batch = _batch(Reader(letter, frozen.request.mapping), rows)
    return Prepared(request, [batch], lambda: {**told, TEST_OF: frozen.job.id})


def _labels(frozen: Frozen, options: Options) -> dict[str, str]:
    return {**options.labels, TEST_OF: frozen.job.id}


def _batch(reader: Reader, rows: Sequence[list[str]]) -> Batch:
    lines = range(1, len(rows) + 1)
    return Batch(lines, rows, reader.problems(lines, rows))


def _as_first(
    frozen: Frozen, cells: list[str], values: Mapping[str, str], person: str
) -> list[str]:
    for name, value in values.items():
        if VARIABLE + name in frozen.request.mapping:
            cells[frozen.request.mapping[VARIABLE + name]] = value
    cells[frozen.request.mapping[GROUP]] = cells[frozen.request.mapping[CUSTOM_ID]] = ""
    cells[frozen.request.mapping[ADDRESS]] = person
    return cells


def _refuse_people(people: Sequence[str]) -> None:
    if not 0 < len(people) <= MOST_TESTERS:
        raise InvalidInput(
            "a test goes to a few people" if people else "nobody is named for the test",
            why=f"{len(people)} are named; 1 to {MOST_TESTERS} are possible",
            to_do="name those who are to look at it, as in --to ann,bob",
        )
    for person in people:
        problem = address_problem(person)
        if problem is not None:
            raise InvalidInput(f"{person!r} is no address", why=problem.message, to_do=problem.hint)
