"""What a broadcast would do: how many, how it reads, how long it takes, what it may cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from producers.cli.context import Context, pass_context
from producers.cli.output import chosen, output_option, show_one

if TYPE_CHECKING:
    from bulkhead.broadcasting import Frozen, Ordered
    from bulkhead.engine.request import Request
    from bulkhead.engine.script import Scripts
    from bulkhead.model.app import App
    from bulkhead.model.broadcast import Addressed, Letter

NOTE = (
    "people who are named and would be written to, beside the sender; members of groups are not"
    " counted here, and some of either may be active already"
)
SHOWN = 200
"""Characters of a sample that a table shows."""


@click.command("preview")
@click.argument("job")
@output_option
@pass_context
def preview(ctx: Context, /, job: str, form: str | None) -> int:
    """Show what a broadcast sends: recipients, samples, calls, duration."""
    from bulkhead.broadcasting import Frozen

    return show_preview(preview_of_job(ctx.scripts, Frozen.of(ctx.scripts, job)), form)


def preview_of(scripts: Scripts, ordered: Ordered) -> dict[str, Any]:
    """The preview of a broadcast that was not made; reads all its recipients."""
    from bulkhead.broadcast_limits import calls_of
    from producers.rows.row import rows_of
    from producers.rows.survey import Survey

    request, audience = ordered.made.request, ordered.audience
    letter = _letter_of(request.params)
    seen = Seen()
    audience.listener = seen.look
    survey = Survey(rows_of(ordered.made.batches), audience.mapping, audience.columns)
    counts = {
        "total": survey.rows,
        "valid": survey.valid,
        "invalid": survey.invalid,
        "duplicates": survey.skipped,
        "groups": audience.groups,
        "people": audience.users,
    }
    calls = calls_of(audience.groups, audience.users, request.join or 1)
    return {
        "dry_run": True,
        **_common(letter, ordered.app, seen, request.labels),
        "input": audience.input(),
        "counts": counts,
        "errors_by_code": survey.errors_by_code(),
        "calls": calls,
        **_takes(scripts, request, calls, ordered.app, ""),
        "billable": {"at_most": audience.users + 1 if survey.valid else 0, "note": NOTE},
    }


def preview_of_job(scripts: Scripts, frozen: Frozen) -> dict[str, Any]:
    """The preview of a broadcast that was made, for what of it is left."""
    from bulkhead.broadcast_limits import calls_of
    from bulkhead.engine.fleet import Fleet

    job, seen = frozen.job, _seen(frozen)
    left = job.counts.pending + job.counts.in_flight
    chunk = frozen.request.join or 1
    calls = (
        left if chunk == 1 else calls_of(min(seen.groups, left), max(0, left - seen.groups), chunk)
    )
    app = Fleet(scripts).app(frozen.request.app)
    return {
        "job": job.id,
        "state": job.state.value,
        **_common(frozen.letter, app, seen, job.labels),
        "input": dict(job.input),
        "counts": {**job.to_dict()["counts"], "groups": seen.groups, "people": seen.people},
        "errors_by_code": job.to_dict()["errors_by_code"],
        "calls": calls,
        **_takes(scripts, frozen.request, calls, app, job.id),
        "billable": {"at_most": min(seen.people, left) + 1 if left else 0, "note": NOTE},
    }


class Seen:
    """Looks at rows as they pass: who they are for, and three that show how the message reads."""

    def __init__(self) -> None:
        self.groups = self.people = 0
        self._kinds = bytearray()
        self._first: tuple[int, Addressed] | None = None
        self._longest: tuple[int, Addressed] | None = None
        self._size = -1
        self._kept: list[tuple[int, Addressed]] = []
        self._step, self._number = 1, 0

    def look(self, line: int, found: Addressed | None) -> None:
        """Note the next row, and what is sent because of it."""
        if found is None:
            self._kinds.append(0)
            return
        self._kinds.append(1 if found.gid is not None else 2)
        self.groups += found.gid is not None
        self.people += found.gid is None
        self._keep(line, found)

    def take_back(self, row: int) -> None:
        """This row, counted from 0, is sent nothing: an earlier one is the same recipient."""
        self.groups -= self._kinds[row] == 1
        self.people -= self._kinds[row] == 2

    @property
    def samples(self) -> list[dict[str, Any]]:
        """The first, one from the middle, and the longest; fewer where they are the same."""
        if self._first is None or self._longest is None:
            return []
        middle = self._kept[min(self._number // 2 // self._step, len(self._kept) - 1)]
        chosen_ones = {"first": self._first, "middle": middle, "longest": self._longest}
        return [_sample(which, *one) for which, one in chosen_ones.items()]

    def _keep(self, line: int, found: Addressed) -> None:
        self._first = self._first or (line, found)
        size = len(found.text.message) + len(found.text.title)
        if size > self._size:
            self._size, self._longest = size, (line, found)
        # Every so many are kept, and half of them again: the middle is known at the end only.
        if self._number % self._step == 0:
            self._kept.append((line, found))
            if len(self._kept) > KEPT:
                self._kept, self._step = self._kept[::2], self._step * 2
        self._number += 1


KEPT = 128
"""Rows of which one is the sample from the middle."""


def show_preview(document: Mapping[str, Any], form: str | None) -> int:
    """Print the preview; the exit code: 9 if a row is bad, none is valid or it is too late."""
    from producers.cli.follow import say_code

    counts = document["counts"]
    bad = "dry_run" in document and (counts["invalid"] or not counts["valid"] or document["late"])
    if chosen(form) == "table":
        show_one(_lines(document), form)
        for entry in document["errors_by_code"]:
            say_code(**entry)
    else:
        show_one(document, form)
    return 9 if bad else 0


def _common(letter: Letter, app: App, seen: Seen, labels: Mapping[str, str]) -> dict[str, Any]:
    return {
        "kind": "broadcast",
        "tenant": app.tenant,
        "app": app.id,
        "labels": dict(labels),
        "from": letter.sender,
        "via": letter.via,
        **({"file": letter.file.params()} if letter.file else {}),
        "expiry_s": letter.expiry,
        "variables": list(letter.names),
        "samples": seen.samples,
    }


def _takes(scripts: Scripts, request: Request, calls: int, app: App, but: str) -> dict[str, Any]:
    """How long it takes, and whether that is soon enough."""
    from bulkhead.lateness import from_first_to_last, lateness
    from bulkhead.model.in_time import limits_of
    from producers.cli.quote import ahead_of, duration_of

    narrower = limits_of(app, "message", request.rate, request.sender)
    rate = None if narrower.rate_name == "app_rate" else narrower.rate
    takes = duration_of(calls, app, rate, ahead_of(_jobs(scripts), app.id, but))
    takes["limited_by"] = takes["limited_by"].replace("job_rate", narrower.rate_name)
    expiry = _letter_of(request.params).expiry
    in_all = from_first_to_last(request, takes["seconds"], expiry)
    late = lateness(scripts, request, calls)
    return {
        "duration": takes,
        "in_time": {
            # Later, the last would get it when the first could not any more.
            "before_expiry": not expiry or in_all <= expiry,
            "before_end": None if request.deadline is None else late is None,
        },
        "late": late and late.to_dict(),
    }


def _sample(which: str, line: int, found: Addressed) -> dict[str, Any]:
    parts = {"message": found.text.message, "title": found.text.title, "url": found.text.url}
    to: dict[str, Any] = {"address": found.address}
    return {
        "sample": which,
        "line": line,
        "to": to if found.gid is None else {"gid": str(found.gid)},
        **{name: part for name, part in parts.items() if part},
        "bytes": found.text.size,
    }


def _lines(document: Mapping[str, Any]) -> dict[str, Any]:
    """The preview as a person reads it."""
    from producers.cli.quote import spoken

    counts, takes = document["counts"], document["duration"]
    lines: dict[str, Any] = {"broadcast": document.get("job", "nothing was sent, no job was made")}
    lines |= {name: document[name] for name in ("app", "from", "via")}
    lines |= {name: f"{number:,}" for name, number in counts.items() if number}
    for sample in document["samples"]:
        text = " ".join(filter(None, map(sample.get, ("message", "title", "url"))))
        to = next(iter(sample["to"].values()))
        shown = repr(text[:SHOWN]) if text or "file" not in document else "the file"
        lines[sample["sample"]] = f"to {to} (line {sample['line']}): {shown}"
    if file := document.get("file"):
        lines["file"] = f"{file['name']}, {file['bytes']:,} bytes"
    lines["calls"] = f"{document['calls']:,}"
    lines["duration"] = f"{spoken(takes['seconds'])}, limited by {takes['limited_by']}"
    if takes["open_jobs"]:
        after = spoken(takes["seconds_after_open_jobs"])
        lines["open_jobs"] = f"{takes['open_jobs']} of this app: {after} if they all go first"
    if takes["app_state"] != "active":
        lines["held_up"] = f"the app is {takes['app_state']}: nothing is sent until it goes on"
    if not document["in_time"]["before_expiry"]:
        lines["too_late"] = "the last would be sent when the first has expired already"
    if document["in_time"]["before_end"] is False:
        could = document["late"]["in_time"]
        lines["too_late"] = f"only {could:,} of its calls can be made before its end"
    lines["billable"] = f"at most {document['billable']['at_most']:,} users, and groups' members"
    return lines


def _letter_of(params: Mapping[str, Any]) -> Letter:
    from bulkhead.model.broadcast import Letter

    return Letter.of(params)


def _seen(frozen: Frozen) -> Seen:
    from bulkhead.model.broadcast import Addressed

    seen, reader, repeated = Seen(), frozen.reader, frozen.repeated()
    for batch in frozen.batches():
        for line, cells in zip(batch.lines, batch.cells, strict=True):
            found = reader.read(cells, line)
            seen.look(line, found if isinstance(found, Addressed) else None)
    for row in repeated:
        seen.take_back(row)
    return seen


def _jobs(scripts: Scripts) -> Any:
    from bulkhead.engine.jobs import Jobs

    return Jobs(scripts)
