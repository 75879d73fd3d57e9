"""What `creds rotate` is to do, from a plan or from options alone, looked at beforehand."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bulkhead.credential_file import CredentialFile, refuse_other_kind
from bulkhead.errors import BulkheadError, InvalidInput, UsageProblem
from bulkhead.model.app import App
from bulkhead.model.rotation import WITHIN
from bulkhead.model.waves import Waves, wave_ends
from bulkhead.named_file import STDIN, content_of
from bulkhead.rotating import NotNamed, Proof, changes, chosen
from bulkhead.rotation_file import KINDS, LARGEST, Entry, Plan, read_plan
from bulkhead.rotation_order import Part, Planned
from producers.cli.context import Context
from producers.cli.creds_file import load_uploadable
from producers.cli.values import usage

GIVEN = {"waves": "waves", "soak": "soak", "verify": "verify", "within": "verify_within"}
"""Options that stand in place of a member of the plan."""
FLAGS = ("auto_rollback", "allow_project_change")


def plan_of(file: str | None, wanted: Mapping[str, Any], options: Mapping[str, bool]) -> Plan:
    """The plan of a file or of options alone; an option that was given wins over the file.

    Raises UsageProblem where the words do not fit together, InvalidInput for a bad plan.
    """
    one = any(wanted[name] for name in ("selector", *KINDS))
    if file is not None and one:
        raise UsageProblem(
            "a plan and a credential are named",
            why="a plan names the credentials and their apps itself",
            to_do="give PLAN.yaml, or --apps SELECTOR with --fcm FILE or --apn FILE",
        )
    plan = Plan((_entry(wanted),)) if file is None else _read(file)
    entries = tuple(
        replace(
            entry,
            test_user=wanted["address"] or entry.test_user or plan.test_user,
            options={**plan.options, **entry.options, **options},
        )
        for entry in plan.entries
    )
    given = {member: wanted[name] for name, member in GIVEN.items() if wanted[name] is not None}
    given |= {name: True for name in FLAGS if wanted[name]}
    return replace(plan, entries=entries, **given)


def planned(ctx: Context, plan: Plan) -> Planned:
    """The rotation, with every file and app looked at. Raises InvalidInput, UsageProblem."""
    proofs = [_proof(entry, plan) for entry in plan.entries]
    files = _files(plan.entries)
    apps = _apps(ctx, plan.entries, files)
    parts = [
        Part(file, changes(ctx.scripts, some, file.stored, proof), entry.located)
        for entry, proof, file, some in zip(plan.entries, proofs, files, apps, strict=True)
    ]
    waves = _waves(plan, sum(map(len, apps)))
    return Planned(parts, waves, proofs[0], plan.allow_project_change)


def _read(file: str) -> Plan:
    content = content_of(file, lambda stream: stream.read(LARGEST + 1), sys.stdin)
    return read_plan(content, file, Path() if file == STDIN else Path(file).parent)


def _entry(wanted: Mapping[str, Any]) -> Entry:
    """The one credential of options alone."""
    named = [kind for kind in KINDS if wanted[kind]]
    if len(named) != 1:
        raise UsageProblem(
            "no credential is named" if not named else "two credentials are named",
            why="without a plan a rotation gives one credential to many apps",
            to_do="give either --fcm FILE or --apn FILE, or a PLAN.yaml",
        )
    if not wanted["selector"]:
        raise UsageProblem(
            "no app is named",
            why="nothing says who is to have the credential",
            to_do="give --apps SELECTOR: labels such as env=prod, or names such as acme/*",
        )
    return Entry(wanted["selector"], named[0], wanted[named[0]])


def _refused(entry: Entry, error: InvalidInput) -> BulkheadError:
    """Of a plan its line is wrong; without one the words of the command are."""
    if entry.where:
        return entry.located(error)
    return UsageProblem(error.what, why=error.why, to_do=error.to_do)


def _proof(entry: Entry, plan: Plan) -> Proof:
    within = WITHIN if plan.verify_within is None else plan.verify_within
    try:
        return Proof(plan.verify or "none", entry.test_user or "", within, entry.options)
    except NotNamed as error:
        what = error.what.replace("`test_user`", "--test-user")
        raise _refused(entry, InvalidInput(what, why=error.why, to_do=error.to_do)) from None
    except InvalidInput as error:
        raise entry.located(error) from None


def _files(entries: Sequence[Entry]) -> list[CredentialFile]:
    """The file of each entry, each read once."""
    paths = list(dict.fromkeys(entry.file for entry in entries))
    known = dict(zip(paths, load_uploadable(paths), strict=True))
    for entry in entries:
        loaded = known[entry.file]
        try:
            refuse_other_kind(loaded.reading, entry.kind, loaded.shown)
        except InvalidInput as error:
            raise _refused(entry, error) from None
    kept = {path: CredentialFile(one.content, one.stored) for path, one in known.items()}
    return [kept[entry.file] for entry in entries]


def _apps(
    ctx: Context, entries: Sequence[Entry], files: Sequence[CredentialFile]
) -> list[list[App]]:
    """The apps of each entry; none of them twice, for the job has one item an app."""
    everything, by_app, found = list(ctx.fleet.apps()), dict[str, tuple[Entry, str]](), []
    for entry, file in zip(entries, files, strict=True):
        slot = file.stored.slot
        try:
            some = chosen(everything, entry.apps, ctx.settings.tenant)
        except InvalidInput as error:
            raise entry.located(error) from None
        for app in some:
            first, other = by_app.setdefault(app.id, (entry, slot))
            if first is not entry:
                raise entry.located(_twice(app.id, slot, first, other))
        found.append(some)
    return found


def _twice(app: str, slot: str, first: Entry, other: str) -> InvalidInput:
    if slot == other:
        return InvalidInput(
            f"{app} is chosen twice for {slot}",
            why=f"{first.where} gives it a credential for that slot already",
            to_do="choose it in one of the two only",
        )
    return InvalidInput(
        f"{app} is chosen for {slot} too",
        why=f"{first.where} chooses it for {other}, and a rotation changes one slot of an app",
        to_do="make two plans of it, and run the second when the first has ended",
    )


def _waves(plan: Plan, apps: int) -> Waves:
    with usage():
        ends = wave_ends(plan.waves or "100%", apps)
    return Waves(ends, plan.soak or 0.0, plan.auto_rollback)
