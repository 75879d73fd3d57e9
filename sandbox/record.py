"""What was received: every request in a few bytes, and how often each key was applied."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.app import masked

MOST_STRANGERS = 1_000  # unregistered tokens told apart; later ones share one record


@dataclass(frozen=True, slots=True)
class Entry:
    """One request as it ended; `committed` if it changed the app's state."""

    t: float
    op: str
    key: str
    peer: str
    outcome: str
    committed: bool


class Names:
    """Numbers for texts that repeat."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []

    def number(self, text: str) -> int:
        """The number of `text`, given now if it has none."""
        number = self._numbers.setdefault(text, len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
        return number

    def text(self, number: int) -> str:
        """What `number` stands for."""
        return self._texts[number]


class Applied:
    """How often each key was committed by one operation."""

    __slots__ = ("most", "times", "total")

    def __init__(self) -> None:
        self.times: dict[str, int] = {}
        self.total = 0
        self.most = 0

    def add(self, key: str) -> None:
        """Count one more; a call about nobody has no key, and is counted in the total alone."""
        self.total += 1
        if not key:
            return
        times = self.times.get(key, 0) + 1
        self.times[key] = times
        self.most = max(self.most, times)


class Record:
    """The requests of one app token, in columns: about 30 bytes each beside the keys."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._names = Names()
        self._t = array("d")
        self._op, self._outcome, self._peer = array("I"), array("I"), array("I")
        self._committed = bytearray()
        self._keys: list[str] = []
        self._kinds: Counter[tuple[str, str]] = Counter()
        self._applied: dict[str, Applied] = {}

    def add(self, entry: Entry) -> None:
        """Note one request."""
        number = self._names.number
        self._t.append(entry.t)
        self._op.append(number(entry.op))
        self._outcome.append(number(entry.outcome))
        self._peer.append(number(entry.peer))
        self._committed.append(entry.committed)
        self._keys.append(entry.key)
        self._kinds[entry.op, entry.outcome] += 1
        if entry.committed:
            self._applied.setdefault(entry.op, Applied()).add(entry.key)

    def entries(self, op: str | None, since: float) -> Iterator[Entry]:
        """The requests of one op, or of all, from a unix second on."""
        wanted = None if op is None else self._names.number(op)
        text = self._names.text
        for at, t in enumerate(self._t):
            if t >= since and (wanted is None or self._op[at] == wanted):
                yield Entry(
                    t=t,
                    op=text(self._op[at]),
                    key=self._keys[at],
                    peer=text(self._peer[at]),
                    outcome=text(self._outcome[at]),
                    committed=bool(self._committed[at]),
                )

    def kinds(self, op: str | None) -> Counter[tuple[str, str]]:
        """How many requests there were of each op and outcome."""
        return Counter({kind: n for kind, n in self._kinds.items() if op in (None, kind[0])})

    def applied(self, op: str | None) -> list[Applied]:
        """What was committed, an element an operation."""
        return [applied for name, applied in self._applied.items() if op in (None, name)]


class Ledger:
    """A record for each app token that was ever used, registered or not."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def of(self, token: str) -> Record:
        """The record to write a request of `token` into."""
        record = self._records.get(token)
        if record is None:
            crowded = len(self._records) >= MOST_STRANGERS
            record = Record("…") if crowded else Record(masked(token))
            self._records["" if crowded else token] = record
        return record

    def open(self, token: str) -> None:
        """Give a registered token a record of its own, however many strangers called."""
        if token not in self._records:
            self._records[token] = Record(masked(token))

    def find(self, token: str | None) -> list[Record]:
        """The records of one token, or of all."""
        return [record for name, record in self._records.items() if token in (None, name)]


def summary(kinds: Counter[tuple[str, str]], applied: Iterable[Applied]) -> dict[str, Any]:
    """The totals of some requests; the same key under two operations is one distinct key."""
    by_op: Counter[str] = Counter()
    by_outcome: Counter[str] = Counter()
    for (op, outcome), n in kinds.items():
        by_op[op] += n
        by_outcome[outcome] += n
    all_applied = list(applied)
    return {
        "requests": kinds.total(),
        "committed": sum(one.total for one in all_applied),
        "distinct_keys": distinct(all_applied),
        "by_op": dict(by_op),
        "by_outcome": dict(by_outcome),
        "max_applied_per_key": max((one.most for one in all_applied), default=0),
    }


def distinct(applied: list[Applied]) -> int:
    """How many keys were committed at least once."""
    if len(applied) == 1:
        return len(applied[0].times)
    return len(set().union(*(one.times for one in applied)))


def gather(entries: Iterable[Entry]) -> tuple[Counter[tuple[str, str]], dict[str, Applied]]:
    """Count chosen entries as a record counts all of its own."""
    kinds: Counter[tuple[str, str]] = Counter()
    applied: dict[str, Applied] = {}
    for entry in entries:
        kinds[entry.op, entry.outcome] += 1
        if entry.committed:
            applied.setdefault(entry.op, Applied()).add(entry.key)
    return kinds, applied
