"""The verbs a worker speaks to the store: claim, begin, settle, give back, beat, reap, tick."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from bulkhead.engine.packing import pack_results
from bulkhead.engine.report_entry import entry_of
from bulkhead.engine.script import Scripts, ask
from bulkhead.engine.unrepeatable import unrepeatable
from bulkhead.model.push import Expiring
from bulkhead.model.ranges import Ranges, parse_ranges
from bulkhead.model.slice import Begun, Held, Known, Report, Slice, Tries
from bulkhead.secrets import Secret

DEAD_AFTER = 8
"""Seconds without a beat after which a worker's leases end."""

REAP_AT_ONCE = 200
TICK_AT_ONCE = 200
DRAINING = -2

Person = tuple[int, str, str]
"""An item's number, its address, and the digest of what would be sent."""

Seal = Callable[[str, Sequence[tuple[int, Secret]]], bytes]
"""Makes one box of a job's id and the tokens that were issued for its items."""

NOBODY: Mapping[str, Sequence[Person]] = MappingProxyType({})
ALL: Mapping[str, int] = MappingProxyType({})


def no_seal(job: str, tokens: Sequence[tuple[int, Secret]]) -> bytes:
    """For workers that issue no token. Raises ValueError."""
    raise ValueError(f"{len(tokens)} tokens of {job} cannot be kept: there is no key")


@dataclass(frozen=True, slots=True)
class Claim:
    """Slices to run now, and when to ask again (seconds; None if nothing is waiting)."""

    slices: tuple[Slice, ...]
    next_due: float | None
    draining: bool = False
    """The worker was told to take nothing more, and to end when it has nothing left."""


@dataclass(frozen=True, slots=True)
class Reaped:
    """What became of a lease that outlived its worker or its time."""

    lease: str
    job: str
    app: str
    again: int
    unknown: int
    failed: int
    ranges: Ranges = ()
    """The items: all of them became the same."""
    dropped: bool = False
    """True if those unknown count as failed, as their job was told to."""


class Overdue(NamedTuple):
    """Whether leases, workers, jobs or forgotten things wait for somebody to `reap` or `tick`.

    `sessions`: whether somebody in the worker's cell needs a session, or has one.
    """

    reap: bool
    tick: bool
    sessions: bool = False


@dataclass(frozen=True, slots=True)
class Ticked:
    """What fell due: jobs whose time came, (job, app) whose deadline passed, ids forgotten."""

    started: tuple[str, ...]
    timed_out: tuple[tuple[str, str], ...]
    forgotten: int
    expiring: tuple[Expiring, ...] = ()
    """Credentials in slots whose end has come nearer; each is told to one worker, once."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What the store made of a report: `ok`, `repeated` or `late`, and the job's state now."""

    verdict: str
    job_state: str


class Verbs:
    """One worker's side of the engine. Every method raises Unreachable when the store is away."""

    def __init__(
        self, scripts: Scripts, worker: str, *, cell: str, egress: str, seal: Seal = no_seal
    ) -> None:
        self._scripts = scripts
        self._seal = seal
        self.worker = worker
        self.cell = cell
        self.egress = egress

    @property
    def bell(self) -> str:
        """The key of the list that holds a token when something of this cell became ready."""
        return self._scripts.key("bell", self.cell)

    def claim(self, slots: int, items: int, delay: float = 0.0) -> Claim:
        """Lease slices for at most `slots` calls at once and `items` items.

        `delay` is how many seconds the first call will come after the claim.
        """
        who = (self.worker, self.cell, self.egress)
        due, *slices = self._scripts.run("claim", *who, slots, items, round(delay * 1e6))
        next_due = due / 1e6 if due >= 0 else None
        return Claim(tuple(map(_slice, slices)), next_due, draining=due == DRAINING)

    def begin(
        self,
        leases: Sequence[str],
        asked: Mapping[str, Sequence[Person]] = NOBODY,
        reach: Mapping[str, int] = ALL,
    ) -> list[Begun | Held]:
        """Ask, just before the first call, whether each lease still may run.

        `asked` names, by lease, the items to be looked up on the record; `reach` how many of its
        items a lease's calls carry, where that is not all: the others go back. Where the store
        has replicas and none confirms, calls that may be made only once are not begun.
        """
        words: list[str | int] = [self.worker, self.egress]
        for lease in leases:
            people = json.dumps(asked[lease]) if lease in asked else ""
            words += [lease, people, reach.get(lease, "")]
        once: list[Report] = []
        if ask(self._scripts.replicas.present):
            once = ask(unrepeatable, self._scripts, leases)
        for report in once:
            del report.back[reach.get(report.lease, len(report.back)) :]
        if once:
            answers, confirmed = self._scripts.run_replicated("begin", *words)
        else:
            answers, confirmed = self._scripts.run("begin", *words), True
        begun = [_begun(*map(_text, answer)) for answer in answers]
        return begun if confirmed else self._return(once, dict(zip(leases, begun, strict=True)))

    def _return(self, once: list[Report], begun: dict[str, Begun | Held]) -> list[Begun | Held]:
        """Give back what no replica knows to be begun: no call of it has been made yet."""
        returned = [report for report in once if isinstance(begun[report.lease], Begun)]
        if returned:
            self.settle(returned)
        return list((begun | {report.lease: Held("unconfirmed") for report in returned}).values())

    def settle(self, reports: Sequence[Report]) -> list[Settled]:
        """Record what became of items; the same report twice changes nothing."""
        packed: list[bytes] = []
        entries = []
        for report in reports:
            entry = entry_of(report)
            if report.rows:
                packed.append(pack_results(report.rows))
                entry["out"] = len(packed)
            if report.tokens:
                packed.append(self._seal(report.job, report.tokens))
                entry["tokens"] = len(packed)
            entries.append(entry)
        answers = self._scripts.run("settle", self.worker, json.dumps(entries), *packed)
        return [Settled(_text(verdict), _text(state)) for verdict, state in answers]

    def give_back(self, leases: Sequence[str]) -> int:
        """Return leases that never began; the number returned."""
        return int(self._scripts.run("give_back", self.worker, *leases)) if leases else 0

    def beat(self, facts: dict[str, str]) -> Overdue:
        """Say that this worker lives; what there is to do for all is told."""
        flat = [part for pair in facts.items() for part in pair]
        told = self._scripts.run("beat", self.worker, DEAD_AFTER, *flat)
        return Overdue(*map(bool, told))

    def leave(self) -> None:
        """Say good-bye: leases left open are ended by whoever reaps next."""
        self._scripts.run("beat", self.worker, 0)

    def reap(self) -> tuple[list[str], list[Reaped]]:
        """End what outlived its worker or its time: the dead workers, and each ended lease."""
        dead, ended = self._scripts.run("reap", REAP_AT_ONCE)
        return [_text(name) for name in dead], [_reaped(*told) for told in ended]

    def tick(self) -> Ticked:
        """Start, time out and forget what is due, a bounded number of each."""
        started, ended, forgotten, ending = self._scripts.run("tick", TICK_AT_ONCE)
        timed_out = tuple((_text(job), _text(app)) for job, app in ended)
        expiring = tuple(_expiring(*map(_text, told)) for told in ending)
        return Ticked(tuple(map(_text, started)), timed_out, int(forgotten), expiring)


def _reaped(lease: bytes, job: bytes, app: bytes, *told: Any) -> Reaped:
    again, unknown, failed, ranges, dropped = told
    names = (_text(lease), _text(job), _text(app))
    items = parse_ranges(_text(ranges))
    return Reaped(*names, again, unknown, failed, items, dropped == 1)


def _expiring(app: str, slot: str, fingerprint: str, *numbers: str) -> Expiring:
    ends, left, within = map(int, numbers)
    return Expiring(app, slot, fingerprint, ends / 1e6, left / 1e6, within)


def _text(value: bytes | str | int) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _slice(answer: Sequence[bytes | int]) -> Slice:
    lease, app, job, kind, ranges, parallel, offsets, step, paced, join = map(_text, answer)
    return Slice(
        lease=lease,
        app=app,
        job=job,
        kind=kind,
        ranges=parse_ranges(ranges),
        parallel=int(parallel),
        offsets=tuple(int(offset) for offset in offsets.split(",")),
        step=step,
        paced=paced == "1",
        join=int(join),
    )


def _begun(verdict: str, *told: str) -> Begun | Held:
    if verdict != "ok":
        return Held(verdict)
    left, version, since_claim, tries, known, opens = told
    return Begun(
        int(left),
        int(since_claim),
        version,
        tries={index: Tries(int(count), int(at)) for index, (count, at) in _told(tries)},
        known={
            index: Known(same == "1", issued == "1", job)
            for index, (same, issued, job) in _told(known)
        },
        opens=int(opens) if opens else None,
    )


def _told(text: str) -> Iterator[tuple[int, list[str]]]:
    """The facts of each item, written as `index=fact:fact index=…`."""
    for entry in text.split():
        index, _, facts = entry.partition("=")
        yield int(index), facts.split(":")
