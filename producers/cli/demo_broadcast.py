"""The demo's third part: a message to groups and people, and how far it comes."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from bulkhead.engine.inbound_secret import InboundSecrets
from bulkhead.model.app import AppSettings
from bulkhead.model.job import Job
from bulkhead.secrets import Secret
from producers.cli.context import Context
from producers.cli.demo_typed import typed
from producers.cli.sandbox_app import TENANT, messages, received, tell_sandbox_all

if TYPE_CHECKING:
    from bulkhead.model.delivery import Funnel

NEWS = f"{TENANT}/news"
SENDER = "news@example.com"
GROUPS, MEMBERS, PEOPLE = 12, 5, 40
TEXT = "Hello {{name}}, the office moves on Monday."
RECEIPTS = {"delivered": 0.9, "read": 0.6, "together": 20}
"""What becomes of a message on an ordinary day."""
ARRIVES_WITHIN = 30.0
"""Seconds for the sandbox to tell what became of all messages."""
REACHED = ("sent", "delivered", "read")


@dataclass(frozen=True, slots=True)
class Told:
    """What the demo says of its groups and its broadcast, and the sandbox of both."""

    groups: Job
    again: Job
    """The same file of groups once more."""
    job: Job
    funnel: Funnel
    there: Mapping[str, Any]
    """The sandbox's book of messages."""
    gids: int
    """Groups that the sandbox made."""
    calls: int
    """Messages that the sandbox received."""

    def to_dict(self) -> dict[str, Any]:
        counts = self.job.to_dict()["counts"]
        reached = self.there["reached"]
        return {
            "job": self.job.id,
            "state": self.job.state.value,
            "counts": counts,
            "groups": self.groups.counts.succeeded,
            "groups_again": {
                "skipped": self.again.counts.skipped,
                "calls": self.again.attempts["calls"],
            },
            "delivery": {one["stage"]: one["recipients"] for one in self.funnel.stages()},
            "members": {one["stage"]: one["members"] for one in self.funnel.stages()},
            "sandbox": {
                "groups": self.gids,
                "messages": self.calls,
                "recipients": self.there["distinct"],
                "most_often_sent": self.there["most_per_recipient"],
                "reached": reached,
            },
        }

    def disagreements(self) -> list[str]:
        """Where the job's numbers and the sandbox's do not agree."""
        reached = self.there["reached"]
        stages = {one["stage"]: one for one in self.funnel.stages()}
        pairs = [
            ("groups made", self.groups.counts.succeeded, self.gids),
            ("groups the second time", self.again.counts.skipped, self.gids),
            ("recipients of the message", self.job.counts.succeeded, self.there["distinct"]),
            ("calls with the message", self.job.attempts["calls"], self.calls),
            ("most often sent", 1, self.there["most_per_recipient"]),
        ]
        for stage in REACHED:
            told = stages[stage]
            pairs.append((f"recipients {stage}", told["recipients"], reached["recipients"][stage]))
            pairs.append((f"members {stage}", told["members"], reached["members"][stage]))
        return [f"{name}: {ours} ≠ {theirs}" for name, ours, theirs in pairs if ours != theirs]


@dataclass(slots=True)
class Newsroom:
    """An app with people and groups, whose webhook hears what becomes of messages."""

    ctx: Context
    address: str
    """Of the sandbox."""
    folder: Path
    token: Secret = field(default_factory=lambda: Secret(token_hex(24)))

    @classmethod
    def build(cls, ctx: Context, address: str, api_port: int, folder: Path) -> Newsroom:
        """Raises Unreachable if the sandbox does not answer."""
        room = cls(ctx, address, folder)
        settings = AppSettings(f"{address}/backend/", senders=(SENDER,))
        ctx.fleet.add_app(NEWS, settings, ctx.seal_token(NEWS, room.token))
        path = InboundSecrets(ctx.scripts, ctx.box).issue(NEWS).secret.reveal()
        hook = {"url": f"http://127.0.0.1:{api_port}/v1/inbound/mesibo/{path}"}
        said = {"token": room.token.reveal(), "webhook": hook, "receipts": RECEIPTS}
        tell_sandbox_all(address, [said])
        return room

    def play(self) -> Told:
        """People, groups of them, the same groups again, and a message to all."""
        from producers.cli.broadcast_create import create
        from producers.cli.groups import groups
        from producers.cli.users import users

        names = [(f"user{n:02}@example.com", f"User {n}") for n in range(PEOPLE)]
        people = self._file("people.csv", [("address", "name"), *names])
        made = [
            (f"team-{n + 1:02}", f"Team {n + 1}", ",".join(address for address, _ in team))
            for n, team in enumerate(names[at : at + MEMBERS] for at in range(0, GROUPS, 1))
        ]
        teams = self._file("groups.csv", [("custom_id", "name", "members"), *made])
        sender = self._file("sender.csv", [("address",), (SENDER,)])
        rows = [("gid", "name"), *((custom_id, name) for custom_id, name, _ in made)]
        to_groups = self._file("to_groups.csv", rows)
        for file in (sender, people):
            typed(self.ctx, users, "import", file, "--app", NEWS)
        first = typed(self.ctx, groups, "create", teams, "--app", NEWS)
        again = typed(self.ctx, groups, "create", teams, "--app", NEWS)
        job = typed(
            *(self.ctx, create, "--app", NEWS, "--from", SENDER, "--message", TEXT),
            *("--to-groups", to_groups, "--to-users", people),
        )
        return self._told(first, again, job)

    def _told(self, first: Job, again: Job, job: Job) -> Told:
        from bulkhead.engine.delivery import Deliveries

        there = self._wait_until_told()
        by_op = received(self.address, self.token)["by_op"]
        funnel = Deliveries(self.ctx.scripts).funnel(job.id)
        return Told(first, again, job, funnel, there, by_op["groupadd"], by_op["message"])

    def _wait_until_told(self) -> Mapping[str, Any]:
        """The sandbox's book, once its webhook has been told all there is to tell."""
        deadline = time.monotonic() + ARRIVES_WITHIN
        while True:
            book = messages(self.address, self.token)
            posted, heard = (book["webhook"].get(name, 0) for name in ("posted", "acknowledged"))
            if (not book["waiting"] and posted == heard) or time.monotonic() > deadline:
                return book
            time.sleep(0.05)

    def _file(self, name: str, rows: Sequence[Sequence[str]]) -> str:
        path = self.folder / name
        with path.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows(rows)
        return str(path)


def times(number: int) -> str:
    """How often, in words."""
    return "once" if number == 1 else f"{number} times"


def tell(told: Told) -> list[str]:
    """The lines for a newcomer."""
    said = told.to_dict()
    here, reached = said["delivery"], said["sandbox"]["reached"]["recipients"]
    return [
        f"{GROUPS} groups, and a message to all of them and to {PEOPLE} people by name:",
        f"  {said['groups']:>6,} groups made; the same file again made none: "
        f"{said['groups_again']['skipped']:,} skipped, {said['groups_again']['calls']:,} calls",
        f"  {said['counts']['succeeded']:>6,} recipients were sent it for certain",
        f"  {said['counts']['unknown']:>6,} are unknown: no answer came, so they are not sent it "
        "again unless you say so",
        f"  {said['sandbox']['recipients']:>6,} is what the sandbox sent to, no one more than "
        f"{times(said['sandbox']['most_often_sent'])}",
        *(
            f"  {here[stage]:>6,} {stage} so far; the sandbox told of {reached[stage]:,}"
            for stage in REACHED[1:]
        ),
        "",
    ]
