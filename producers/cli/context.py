"""What the commands share: settings, store and the way to print, each made when first needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bulkhead.errors import Declined, NotYet
from bulkhead.settings import Settings
from producers.cli.interrupts import heeding
from producers.cli.values import usage

if TYPE_CHECKING:
    from bulkhead.box import Box
    from bulkhead.engine.app_fields import SealedToken
    from bulkhead.engine.audit_writer import Deed
    from bulkhead.engine.draft import Request
    from bulkhead.engine.fleet import Fleet
    from bulkhead.engine.jobs import Jobs
    from bulkhead.engine.keys import Keys
    from bulkhead.engine.script import Scripts
    from bulkhead.model.batch import Batch
    from bulkhead.model.job import Job
    from bulkhead.rotation_order import Rotations
    from bulkhead.secrets import Secret
    from bulkhead.site import Site
    from producers.cli.job_options import How
    from producers.cli.order import Order

Command = TypeVar("Command", bound=Callable[..., Any])


class Context:
    """Handed to every command. A command that needs no store never touches one."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._given = settings
        self.accepted: Job | None = None
        """The job that this command made: whatever ends the command, its id is told."""
        self.taker: Callable[[Order, How], None] | None = None
        """Gets what would become a job, where a command is only read: for a schedule."""

    # Imported where they are used: `bulkhead version` need not wait for a Redis client.

    @cached_property
    def settings(self) -> Settings:
        return self._given or Settings.load()

    @cached_property
    def site(self) -> Site:
        from bulkhead.site import Site

        return Site.of(self.settings)

    @cached_property
    def scripts(self) -> Scripts:
        from bulkhead.engine.connect import connect
        from bulkhead.engine.script import Scripts

        return Scripts(connect(self.site.store_url))

    @cached_property
    def jobs(self) -> Jobs:
        from bulkhead.engine.jobs import Jobs

        return Jobs(self.scripts)

    @cached_property
    def fleet(self) -> Fleet:
        from bulkhead.engine.fleet import Fleet

        return Fleet(self.scripts)

    @cached_property
    def box(self) -> Box:
        return self.site.box

    @cached_property
    def keys(self) -> Keys:
        from bulkhead.engine.keys import Keys

        return Keys(self.scripts)

    @cached_property
    def rotations(self) -> Rotations:
        from bulkhead.engine.audit import who_we_are
        from bulkhead.rotation_order import Customer, Rotations

        customer = Customer(who_we_are(), self.settings.tenant)
        return Rotations(self.scripts, self.site.keys, customer)

    @cached_property
    def _sealing_key(self) -> str:
        """The key that all hosts can open now: while the key is changed, still the old one."""
        return self.keys.agree(self.box.key_ids)

    def audit(self, action: str, **about: str) -> None:
        """Write down what this command is about to do, once nothing speaks against it."""
        from bulkhead.engine.audit_writer import Deed

        self.audit_all([Deed(action, about)])

    def audit_all(self, deeds: Sequence[Deed]) -> None:
        """The same of several deeds, an entry each. What is empty is left out."""
        from bulkhead.engine.audit import who_we_are
        from bulkhead.engine.audit_writer import AuditWriter, Deed

        told = [
            Deed(deed.action, {name: text for name, text in deed.about.items() if text})
            for deed in deeds
        ]
        AuditWriter(self.scripts, self.site.audit_keys).add_all(who_we_are(), told)

    def app_id(self, text: str) -> str:
        """`tenant/app`, where `BULKHEAD_TENANT` may supply the tenant."""
        from bulkhead.model.app import split_app

        with usage():
            return "/".join(split_app(text, self.settings.tenant))

    def seal_token(self, app: str, token: Secret) -> SealedToken:
        """The token as the store may hold it. It stays out of every producer and message."""
        from bulkhead.engine.app_fields import SealedToken
        from bulkhead.secrets import fingerprint

        shown = token.reveal()[-4:] if len(str(token)) > 1 else ""
        box = self.box.seal(token.reveal().encode(), app, self._sealing_key)
        return SealedToken(box, shown, fingerprint(token))

    def submit(
        self,
        request: Request,
        batches: Iterable[Batch],
        describe: Callable[[], Mapping[str, Any]],
    ) -> Job:
        """The job that was made of the rows. Raises as `submit_batches`."""
        from bulkhead.submitting import submit_batches

        if self.taker is not None:
            raise NotYet(
                "this command cannot be scheduled",
                why="it makes its job in a way of its own",
                to_do="see `bulkhead schedules create --help` for those that can",
            )
        # One statement: Python lets no Ctrl-C in between the answer and the note of it.
        self.accepted = submit_batches(self.scripts, request, heeding(batches), describe)
        return self.accepted

    def confirm(self, question: str, yes: bool) -> None:
        """Go on only if the person says so. Raises Declined where nobody can be asked."""
        if yes:
            return
        self.may_ask(yes)
        if not click.confirm(question, err=True):
            raise Declined("nothing was changed", why="the answer was no")

    def confirm_number(self, question: str, number: int, yes: bool) -> None:
        """Go on only if the person types the number: a yes is typed without being read.

        Raises Declined as `confirm` does.
        """
        if yes:
            return
        self.may_ask(yes)
        typed = click.prompt(f"{question} Type their number to go on", err=True)
        if "".join(letter for letter in typed if letter not in " ,._'") != str(number):
            raise Declined("nothing was changed", why=f"{typed!r} is not {number:,}")

    def may_ask(self, yes: bool) -> None:
        """Raises Declined where a yes is needed, was not given and cannot be asked for."""
        if not yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise Declined(
                "this needs a yes",
                why="there is no terminal to ask at",
                to_do="add --yes if you are sure",
            )


pass_context = click.make_pass_decorator(Context)
