"""`bulkhead audit`: who did what, and whether that list is still as it was written."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from bulkhead.errors import UsageProblem
from producers.cli.context import Context, pass_context
from producers.cli.output import chosen, output_option, show_list, show_one
from producers.cli.values import COUNT, TIME_LIMIT

if TYPE_CHECKING:
    from bulkhead.engine.audit import AuditEntry
    from bulkhead.engine.audit_chain import Walk

NAMED = ("tenant", "app", "job", "fingerprint")
"""What an entry may be about, told in members of their own."""

COLUMNS = ("at", "who", "action", *NAMED, "about")
CSV_COLUMNS = ("id", "number", *COLUMNS, "hash")
DOES_NOT_FIT = 3
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ID = re.compile(r"\d{1,20}-\d{1,20}", re.ASCII)


@click.group()
def audit() -> None:
    """Audit: who did what, and the proof that nobody changed it."""


@audit.command("list")
@click.option("--app", metavar="APP", help="Only what was done to this app.")
@click.option("--action", metavar="X", help="Only this, such as apps.set, or apps for its group.")
@click.option("--since", type=TIME_LIMIT, metavar="D", help="Only the last so long.")
@click.option("--limit", type=COUNT, metavar="N", help="Only the newest.")
@output_option
@pass_context
def list_(
    ctx: Context,
    /,
    app: str | None,
    action: str | None,
    since: float | None,
    limit: int | None,
    form: str | None,
) -> None:
    """List who was about to do what, newest first."""
    from bulkhead.engine.audit import Audit

    # An app that was removed is asked for, too: its name need not be known any more.
    whose = ctx.app_id(app) if app else None
    first = round((time.time() - since) * 1e6) if since else 0
    found = (
        entry
        for entry in Audit(ctx.scripts).newest(first)
        if (whose is None or entry.about.get("app") == whose) and _is_of(entry.action, action)
    )
    _show(islice(found, limit), form)


@audit.command("verify")
@click.option("--head", metavar="HASH", help="A hash noted before, which must be there.")
@click.option("--after", metavar="ID", help="Check only what follows this entry.")
@output_option
@pass_context
def verify(ctx: Context, /, head: str | None, after: str | None, form: str | None) -> int:
    """Prove that no entry was changed; exit 3 if one does not fit.

    Note the hash and the number that are printed outside the store, and give the hash as --head
    next time: only so is it seen if entries were taken away at the end, or all were replaced.
    """
    from bulkhead.engine.audit import Audit

    kept = (head or "").strip().lower()
    _refuse(kept, after)
    walk = Audit(ctx.scripts).verify(ctx.site.audit_keys, after or "", kept)
    document = _document(walk)
    if chosen(form) == "table":
        document["misfit"] = _misfit(walk) or None
    show_one(document, form)
    if not document["whole"]:
        click.echo(_advice(walk), err=True)
    return 0 if document["whole"] else DOES_NOT_FIT


def _is_of(action: str, wanted: str | None) -> bool:
    return wanted is None or action == wanted or action.startswith(f"{wanted}.")


def _show(entries: Iterator[AuditEntry], form: str | None) -> None:
    from producers.rows.formula import neutralise

    rows = map(_row, entries)
    if chosen(form) == "table":
        show_list(({**row, "about": _told(row["about"])} for row in rows), COLUMNS, form)
    elif chosen(form) == "csv":
        safe = (
            {
                name: neutralise(value) if isinstance(value, str) else value
                for name, value in row.items()
            }
            for row in rows
        )
        show_list(safe, CSV_COLUMNS, form)
    else:
        show_list(rows, COLUMNS, form)


def _row(entry: AuditEntry) -> dict[str, Any]:
    about = dict(entry.about)
    named = {name: about.pop(name, None) for name in NAMED}
    return {
        "id": entry.id,
        "at": entry.at,
        "who": entry.who,
        "action": entry.action,
        **named,
        "about": about,
        "number": entry.number,
        "hash": entry.hash or None,
    }


def _told(about: dict[str, str]) -> str:
    return "; ".join(f"{name}: {text}" for name, text in about.items())


def _document(walk: Walk) -> dict[str, Any]:
    """What was found; `head` and `number` are to be noted elsewhere, if all is whole."""
    found = walk.misfit
    return {
        "whole": found is None and walk.kept_met,
        "checked": walk.fitting,
        "begins": walk.begins or None,
        "before_chain": walk.outside,
        "number": walk.at.number,
        "head": walk.at.hash.decode("ascii", "replace") or None,
        "noted_head_at": walk.kept_at or None,
        "misfit": {"id": found.id or None, "number": found.number, "why": found.why}
        if found
        else None,
    }


def _misfit(walk: Walk) -> str:
    found = walk.misfit
    if found is None:
        return ""
    return f"number {found.number}{f', {found.id}' if found.id else ''}: {found.why}"


def _advice(walk: Walk) -> str:
    if walk.misfit is None:
        return (
            "the chain fits, but the noted hash is nowhere in it: entries were taken away at its "
            "end, or all of it was replaced, since it was noted"
        )
    if not walk.misfit.id:
        return f"{_misfit(walk)}. What is left fits"
    on = walk.misfit.id if walk.misfit.chained else "ID, of the next entry that has a number"
    return (
        f"the first entry that does not fit is {_misfit(walk)}\n"
        f"once that is explained, check what follows: `bulkhead audit verify --after {on}`"
    )


def _refuse(head: str, after: str | None) -> None:
    if head and not _HASH.fullmatch(head):
        raise UsageProblem(
            "--head is not a hash of the audit",
            why="it has 64 hexadecimal digits",
            to_do="give the `head` that an earlier `bulkhead audit verify` printed",
        )
    if after is not None and not _ID.fullmatch(after):
        raise UsageProblem(
            f"{after!r} is not the id of an entry",
            why="an id is a number of milliseconds, a dash and a number",
            to_do="take it from `bulkhead audit list -o json`",
        )
