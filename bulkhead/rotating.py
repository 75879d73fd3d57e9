"""A rotation, planned: which apps, what their slots hold by our record, and the job for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from bulkhead.backend.push import pushtest
from bulkhead.engine.credentials import Stored
from bulkhead.engine.draft import Request
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.push_record import PushRecord
from bulkhead.engine.script import Scripts
from bulkhead.errors import Conflict, InvalidInput
from bulkhead.model.app import App
from bulkhead.model.batch import Batch
from bulkhead.model.job import Job
from bulkhead.model.push import InSlot, UploadRow
from bulkhead.model.rotation import APP, COLUMNS, VERIFICATIONS, WITHIN, RotationRow
from bulkhead.model.waves import SEVERAL, Waves
from bulkhead.ordering import DEFAULT, Options
from bulkhead.pushing import row_of, type_for
from bulkhead.submitting import Prepared

KIND = "creds.rotate"
Effect = Literal["same", "first", "renewal", "other_project"]
SHOWN = 5
"""Apps that a refusal names."""


class NotNamed(InvalidInput):
    """A proof needs what nobody has named: the words of the order do not fit together."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that the new file works: nothing, options accepted, or a push that arrived."""

    verify: str = "none"
    address: str = ""
    """The probe user who gets the test notification."""
    within: float = WITHIN
    """Seconds in which its result must come."""
    options: Mapping[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.verify not in VERIFICATIONS:
            raise InvalidInput(
                "`verify` does not fit",
                why=f"it must be one of {', '.join(VERIFICATIONS)}",
                to_do="correct it; nothing was sent",
            )
        if self.verify == "test-push" and not self.address:
            raise NotNamed(
                "`test_user` is missing",
                why="a test notification is sent to a user of each app",
                to_do="give the address of a probe user, such as probe@example.com",
            )
        if self.verify == "test-push":
            pushtest(self.address)
        if self.within <= 0:
            raise InvalidInput(
                "`verify_within` does not fit",
                why="it leaves no time for the result",
                to_do="leave it out, or say how long a test may take, such as 60s",
            )
        if self.verify == "options" and not self.options:
            raise NotNamed(
                "no push option is named",
                why="--verify options is passed where mesibo takes the options, and none is sent",
                to_do="name one, such as --no-background, or verify in another way",
            )

    def params(self) -> dict[str, Any]:
        """What the job keeps of it."""
        told: dict[str, Any] = {"verify": self.verify, "options": dict(self.options)}
        if self.verify == "test-push":
            told |= {"address": self.address, "verify_within": self.within}
        return told


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one app's slot."""

    app: App
    new: Stored
    held: InSlot | None
    proof: Proof | None = None
    """What shows it in this app, where that is not what the job says: options and probe user."""

    @property
    def effect(self) -> Effect:
        """How the new file differs from what the slot holds by our record."""
        if self.held is None:
            return "first"
        if self.held.credential == self.new.id:
            return "same"
        return "renewal" if self.held.project == self.new.project else "other_project"

    def to_dict(self) -> dict[str, Any]:
        """The change as a dry run shows it."""
        return {
            "app": self.app.id,
            "slot": self.new.slot,
            "effect": self.effect,
            "previous": self.held.fingerprint if self.held else None,
            "new": self.new.fingerprint,
            "file": self.new.file,
            "options": dict(self.proof.options) if self.proof else {},
            "test_user": self.proof.params().get("address") if self.proof else None,
        }


def chosen(apps: Iterable[App], selector: str, tenant: str | None = None) -> list[App]:
    """The apps that a selector means: labels (`env=prod,team=a`: all of them) or names.

    A name may have `*` for anything (`acme/*`); several are parted by commas, and any will do.
    Raises InvalidInput for a name that no app has, or if none is chosen.
    """
    known = {app.id: app for app in apps}
    words = [word.strip() for word in selector.split(",") if word.strip()]
    if words and all("=" in word for word in words):
        wanted = {tuple(word.split("=", maxsplit=1)) for word in words}
        found = [app for app in known.values() if wanted <= set(app.settings.labels.items())]
        return _some(found, selector, "no app has these labels")
    found_by_name: dict[str, App] = {}
    for word in words:
        name = word if "/" in word or not tenant else f"{tenant}/{word}"
        matching = {app: one for app, one in known.items() if fnmatchcase(app, name)}
        _some(list(matching.values()), word, "no app has this name")
        found_by_name |= matching
    return _some(list(found_by_name.values()), selector, "nothing is named")


def owner_of(apps: Iterable[str]) -> str:
    """The tenant of a job over these apps: theirs, or the word for several."""
    tenants = {app.partition("/")[0] for app in apps}
    return tenants.pop() if len(tenants) == 1 else SEVERAL


def changes(
    scripts: Scripts, apps: Sequence[App], new: Stored, proof: Proof | None = None
) -> list[Change]:
    """What the file would change, app by app, by our record; `proof` where they have their own."""
    slots = PushRecord(scripts).slots_of([app.id for app in apps])
    return [Change(app, new, slots[app.id].get(new.slot), proof) for app in apps]


def refuse_other_project(planned: Sequence[Change]) -> None:
    """Raises InvalidInput if a slot holds a credential of another project."""
    other = [change.app.id for change in planned if change.effect == "other_project"]
    if other:
        raise InvalidInput(
            f"{_names(other)} would get a credential of another project",
            why="devices that registered with the project before would hear no more pushes",
            to_do="choose the right file, or give --allow-project-change if that is meant",
        )


def rotations_over(scripts: Scripts, apps: Sequence[str]) -> Iterator[tuple[Job, list[str]]]:
    """The rotations that have not ended, and which of these apps they are to reach or have."""
    owners = dict.fromkeys(app.partition("/")[0] for app in apps)
    for job, taken in Jobs(scripts).open_over((*owners, SEVERAL), KIND):
        both = [app for app in dict.fromkeys(apps) if app in taken]
        if both and not job.ended:
            yield job, both


def refuse_under_way(scripts: Scripts, planned: Sequence[Change], key: str = "") -> None:
    """Raises Conflict while another rotation of one of the apps has not ended.

    The one that was made under this idempotency key is no other.
    """
    for job, both in rotations_over(scripts, [change.app.id for change in planned]):
        if not (key and job.idempotency_key == key):
            raise Conflict(
                f"{_names(both)} {'is' if len(both) == 1 else 'are'} in another rotation",
                why=f"{job.id} is {job.state.value}",
                to_do=f"wait for it (`bulkhead jobs watch {job.id}`), or cancel it",
            )


def prepare_rotation(
    planned: Sequence[Change],
    waves: Waves,
    proof: Proof,
    options: Options = DEFAULT,
) -> Prepared:
    """The job: an item an app, in waves, in this order; each file is sent as it is called."""
    rows = [_row(change, proof) for change in planned]
    digest = digest_of(rows, waves)
    request = Request(
        KIND,
        tenant=owner_of(change.app.id for change in planned),
        app="",
        columns=COLUMNS,
        mapping={"app": APP},
        params={**proof.params(), "force": options.force},
        waves=waves,
        content=digest,
        **options.members(),
    )
    batch = Batch(tuple(range(1, len(rows) + 1)), [row.cells() for row in rows], {})
    told = {"sha256": digest, "rows": len(rows), "format": "rotation"}
    return Prepared(request, [batch], lambda: told)


def digest_of(rows: Sequence[RotationRow], waves: Waves) -> str:
    """Of what is asked for; what each app had before is another thing when it is asked again."""
    lines = [[row.app, row.new.credential, row.options, row.address] for row in rows]
    return hashlib.sha256(json.dumps([lines, waves.to_fields()]).encode()).hexdigest()


def _row(change: Change, proof: Proof) -> RotationRow:
    new, own = row_of(change.new, change.new.file), change.proof or proof
    options = None if own.options == proof.options else own.options
    address = "" if own.address == proof.address else own.address
    prints = change.new.fingerprint, change.held.fingerprint if change.held else ""
    return RotationRow(new, change.app.id, previous_of(change), options, address, *prints)


def previous_of(change: Change) -> UploadRow | None:
    """What the app goes back to; None if there is nothing, or nothing changes."""
    held = change.held
    if held is None or change.effect == "same":
        return None
    return UploadRow(held.credential, held.slot, type_for(held.file, held.kind), held.file)


def _some(found: list[App], selector: str, why: str) -> list[App]:
    if not found:
        raise InvalidInput(
            f"`{selector}` chooses no app", why=why, to_do="see `bulkhead apps list`"
        )
    return found


def _names(apps: Sequence[str]) -> str:
    more = f" and {len(apps) - SHOWN} more" if len(apps) > SHOWN else ""
    return ", ".join(apps[:SHOWN]) + more
