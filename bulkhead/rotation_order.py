"""Orders a rotation: what the front door and the Python API end in, audited as a command is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from bulkhead.credential_file import CredentialFile
from bulkhead.engine.audit_writer import AuditWriter, Deed
from bulkhead.engine.credentials import Credentials, Stored, keep_for
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.fleet_deeds import of_credential, sending
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.script import Scripts
from bulkhead.errors import InvalidInput
from bulkhead.model.app import App, parse_duration, split_app
from bulkhead.model.job import Job
from bulkhead.model.waves import Waves, wave_ends
from bulkhead.ordering import DEFAULT, Options
from bulkhead.pushing import OPTIONS, PushOptions, refuse_too_large
from bulkhead.retrying import Choice, prepare
from bulkhead.rotating import (
    KIND,
    Change,
    Proof,
    changes,
    chosen,
    owner_of,
    prepare_rotation,
    refuse_other_project,
    refuse_under_way,
)
from bulkhead.rotating_again import changes_of
from bulkhead.site import SecretKeys
from bulkhead.submitting import Prepared, was_made

USUAL = Proof()
LONGEST = 365 * 86400.0
"""Seconds that a wave may soak, and a test may be waited for."""


@dataclass(frozen=True, slots=True)
class RotationOrder:
    """Which apps are to have a credential, and how carefully. `soak` is in seconds."""

    apps: str | Sequence[str]
    """A selector as `--apps` takes it, or names."""
    proof: Proof = USUAL
    waves: str = "100%"
    soak: float = 0.0
    auto_rollback: bool = False
    allow_project_change: bool = False

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> RotationOrder:
        """The order in the words of a message or a program; what is not told is as usual.

        Raises InvalidInput.
        """
        given = {name: told[name] for name in OF_AN_ORDER if told.get(name) is not None}
        apps, soak = given.pop("apps", ()), _seconds(given.pop("soak", 0.0), "soak")
        if not apps:
            raise InvalidInput(
                "no app is named",
                why="nothing says who is to have the credential",
                to_do="give `apps`: labels such as env=prod, names such as acme/*, or a list",
            )
        return cls(apps, _proof(given), soak=soak, **given)

    def waves_of(self, apps: int) -> Waves:
        """The waves among so many apps. Raises InvalidInput."""
        return Waves(wave_ends(self.waves, apps), self.soak, self.auto_rollback)


OF_AN_ORDER = (
    *("apps", "waves", "soak", "verify", "test_user", "verify_within", "push_options"),
    *("auto_rollback", "allow_project_change"),
)
"""What an order may tell, by name."""


def _nowhere(error: InvalidInput) -> InvalidInput:
    """The same: it is in no plan."""
    return error


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a rotation, and what it changes app by app."""

    file: CredentialFile
    changes: Sequence[Change]
    located: Callable[[InvalidInput], InvalidInput] = _nowhere
    """Says what is wrong with it, with its place in a plan."""

    def refuse_unfit(self, *, allow_project_change: bool) -> None:
        """Raises InvalidInput for a file of another project, or too large for one of the apps."""
        try:
            if not allow_project_change:
                refuse_other_project(self.changes)
            for change in self.changes:
                refuse_too_large(change.app, self.file.content, self.file.stored.file)
        except InvalidInput as error:
            raise self.located(error) from None


@dataclass(frozen=True, slots=True)
class Planned:
    """A rotation whose apps and files are known, in the order in which they get their turn."""

    parts: Sequence[Part]
    waves: Waves
    proof: Proof
    """Of every app that has none of its own."""
    allow_project_change: bool = False

    @property
    def changes(self) -> list[Change]:
        """Those of all parts."""
        return [change for part in self.parts for change in part.changes]

    def refuse_unfit(self) -> None:
        """Raises InvalidInput as the parts do."""
        for part in self.parts:
            part.refuse_unfit(allow_project_change=self.allow_project_change)


def _unasked() -> None:
    """Nobody is asked."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Who orders: for the audit, and to know whose app `shop` is.

    With `bound`, the tenant's own apps are all there are.
    """

    who: str
    tenant: str | None
    bound: bool = False


class Rotations:
    """Takes a customer's orders. Whatever it raises, nothing was sent."""

    def __init__(self, scripts: Scripts, keys: SecretKeys, customer: Customer) -> None:
        self._scripts = scripts
        self._keys = keys
        self._customer = customer

    @property
    def credentials(self) -> Credentials:
        """The files that the store keeps."""
        return Credentials(self._scripts, self._keys.box)

    def keep(self, file: CredentialFile) -> str:
        """Keep a file for later orders; its id."""
        self._write_down([Deed("creds.keep", of_credential(file.stored))])
        return self.credentials.put(file.content, file.stored)

    def plan(self, new: Stored, order: RotationOrder) -> list[Change]:
        """What would become of each app. Raises InvalidInput or NotFound for one there is not."""
        return changes(self._scripts, self._apps(order.apps), new)

    def made_with(self, key: str, order: RotationOrder) -> Job | None:
        """The job that this order under this key has made before, if it has."""
        owner = owner_of(app.id for app in self._apps(order.apps))
        return Jobs(self._scripts).made_with(owner, key)

    def order(self, file: CredentialFile, order: RotationOrder, options: Options = DEFAULT) -> Job:
        """The job. The same order under the same key again is the same job.

        Raises InvalidInput (another project, a file too large), NotFound (an app), Conflict
        (idempotency key, another rotation), StoreFull or Unreachable.
        """
        part = Part(file, self.plan(file.stored, order))
        waves = order.waves_of(len(part.changes))
        planned = Planned([part], waves, order.proof, order.allow_project_change)
        return self.prepare(planned, options).submit(self._scripts)

    def prepare(
        self, planned: Planned, options: Options, ask: Callable[[], object] = _unasked
    ) -> Prepared:
        """The job, audited, with its files kept; `ask` may raise what keeps it from that.

        A job that was made under the same key is taken as it is. Raises as `order`.
        """
        new = planned.changes
        made = prepare_rotation(new, planned.waves, planned.proof, options)
        if not was_made(self._scripts, made.request):
            planned.refuse_unfit()
            refuse_under_way(self._scripts, new, options.idempotency_key)
            ask()
            self._take_on(new, [part.file for part in planned.parts], options.at)
        return made

    def again(self, job: str, choice: Choice, options: Options = DEFAULT) -> Job:
        """A new rotation of what an earlier one did not get done. Raises as `retrying.retry`."""
        made = prepare(self._scripts, job, choice, options)
        return self.prepare_again(made).submit(self._scripts)

    def prepare_again(self, made: Prepared, ask: Callable[[], object] = _unasked) -> Prepared:
        """What `retrying.prepare` made of a rotation, audited and kept as by `prepare`."""
        if not was_made(self._scripts, made.request):
            again, credentials = changes_of(self._scripts, made), self.credentials
            taken = [credentials.take(name) for name in dict.fromkeys(one.new.id for one in again)]
            ask()
            files = [CredentialFile(content, stored) for stored, content in taken]
            self._take_on(again, files, made.request.at)
        return made

    def _take_on(
        self, planned: Sequence[Change], files: Iterable[CredentialFile], at: float | None
    ) -> None:
        """Write down what is about to be sent, then keep it."""
        self._write_down([sending(KIND, one.app.id, one.new) for one in planned])
        credentials = self.credentials
        for file in files:
            credentials.put(file.content, file.stored, keep_for(at))

    def _write_down(self, deeds: Sequence[Deed]) -> None:
        AuditWriter(self._scripts, self._keys.audit).add_all(self._customer.who, deeds)

    def _apps(self, wanted: str | Sequence[str]) -> list[App]:
        tenant, fleet = self._customer.tenant, Fleet(self._scripts)
        only = tenant if self._customer.bound else None
        if isinstance(wanted, str):
            _refuse_strangers((word.strip() for word in wanted.split(",")), only)
            return chosen(fleet.apps(only), wanted, tenant)
        names = list(dict.fromkeys("/".join(split_app(name, tenant)) for name in wanted))
        _refuse_strangers(names, only)
        known = {app.id: app for app in fleet.apps(only)}
        # Asking for one that is not there says which is near.
        return [known.get(name) or fleet.app(name) for name in names]


def _proof(given: dict[str, Any]) -> Proof:
    """The proof that is asked for; its words are taken out."""
    within = _seconds(given.pop("verify_within", USUAL.within), "verify_within")
    options = _options(given.pop("push_options", {}))
    return Proof(given.pop("verify", "none"), given.pop("test_user", ""), within, options)


def _options(told: Mapping[str, Any]) -> dict[str, bool]:
    if not told.keys() <= OPTIONS.keys() or not all(isinstance(on, bool) for on in told.values()):
        raise _unfit("push_options", f"it has any of {', '.join(OPTIONS)}, each true or false")
    return PushOptions(**told).given()


def _seconds(told: float | str, name: str) -> float:
    seconds = parse_duration(told) if isinstance(told, str) else float(told)
    if not 0 <= seconds < LONGEST:
        raise _unfit(name, "it must be 0 seconds or more, and less than a year")
    return seconds


def _unfit(name: str, why: str) -> InvalidInput:
    return InvalidInput(f"`{name}` does not fit", why=why, to_do="correct it; nothing was sent")


def _refuse_strangers(names: Iterable[str], tenant: str | None) -> None:
    """Raises InvalidInput for an app of another tenant than the one that is served here."""
    for name in names:
        owner = name.partition("/")[0]
        if tenant and "/" in name and "=" not in name and not fnmatchcase(tenant, owner):
            raise InvalidInput(
                f"{name} is not an app of {tenant}",
                why=f"orders that come in here are for {tenant} alone: BULKHEAD_TENANT says so",
                to_do=f"name apps of {tenant}, or send it where that tenant's workers listen",
            )
