"""Counts a job again from what lies in the store, and says in words what does not agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bulkhead.model.ranges import Ranges
from bulkhead.model.result import OUTCOMES

PENDING, SENT, WAITING = 0, 1, 6
OPEN = frozenset({PENDING, SENT, WAITING})
COUNTED = (*OUTCOMES.values(), "in_flight")
"""Counts that the job keeps; what is pending follows from them and the total."""

_HIGH = bytes(byte >> 4 for byte in range(256))
_LOW = bytes(byte & 15 for byte in range(256))
_UNTOUCHED = bytes([1, *bytes(255)])


def unpacked(packed: bytes, total: int) -> bytearray:
    """The state of each item, of a map of four bits an item."""
    states = bytearray(2 * len(packed))
    states[0::2], states[1::2] = packed.translate(_HIGH), packed.translate(_LOW)
    del states[total:]
    return states


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the items of a job are, as of one instant."""

    state: str
    terminal: bool
    stored: Mapping[str, int]
    """`total`, and each of COUNTED, as the job says."""
    rows: int
    """Rows of its input."""
    states: bytearray
    """The state of each item."""
    next: int
    """Items from this one on have not been given out."""
    begun: Sequence[Ranges] = ()
    granted: Sequence[Ranges] = ()
    redo: Sequence[Ranges] = ()
    retries: Sequence[int] = ()
    settled: bytearray = field(default_factory=bytearray)
    """1 for each item with a result that agrees with its state."""
    codes_stored: Mapping[str, int] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)
    """How many items have each code, as the job says and by their results."""
    held: tuple[int, int] = (0, 0)
    """Lanes of the job's app that are in use, as the app says and by the leases."""
    whole: bool = True
    """False if redo and retries moved while they were read: then places prove nothing."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not agree; `items` are the first that it is about."""

    what: str
    items: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted. It is right where there is no difference."""

    counted: Mapping[str, int]
    places: Mapping[str, int]
    differences: tuple[Difference, ...]


def tally(seen: Evidence) -> Tally:
    """The job's counts, counted from its map and leases, and what differs from what it says."""
    counted = {word: seen.states.count(state) for state, word in OUTCOMES.items()}
    counted["in_flight"] = sum(_size(ranges) for ranges in seen.begun)
    at, places = _places(seen)
    counted |= _rest(seen, counted)
    found = [
        *_of_counts(seen, counted),
        *_of_places(seen, at),
        *_of_results(seen),
        *_of_others(seen),
    ]
    return Tally({"total": len(seen.states), **counted}, places, tuple(found))


def _rest(seen: Evidence, counted: Mapping[str, int]) -> dict[str, int]:
    """What is in no outcome and on no wire, by itself and not as a remainder."""
    called = set[int]()
    for ranges in seen.begun:
        called.update(_each(ranges))
    left = sum(seen.states.count(state) for state in OPEN)
    left -= sum(seen.states[item] in OPEN for item in called if item < len(seen.states))
    places = {"pending": 0, "cancelled": 0, "not_attempted": 0}
    name = "cancelled" if seen.state == "cancelled" else "not_attempted"
    places[name if seen.terminal else "pending"] = left
    return places


def _places(seen: Evidence) -> tuple[bytearray, dict[str, int]]:
    """In how many places that lead to a call each item is, and how many items are in each."""
    at = bytearray(len(seen.states))
    if not seen.terminal:
        at[seen.next :] = seen.states[seen.next :].translate(_UNTOUCHED)
    places = {"settled": sum(map(seen.states.count, OUTCOMES)), "untouched": sum(at)}
    sources = {"begun": seen.begun}
    if not seen.terminal:
        single = [((item, item),) for item in seen.retries]
        sources |= {"granted": seen.granted, "redo": seen.redo, "retry": single}
    for name, source in sources.items():
        places[name] = sum(map(_size, source))
        for ranges in source:
            for item in _each(ranges):
                if item < len(at):
                    at[item] = min(at[item] + 1, 2)
    return at, places


def _of_counts(seen: Evidence, counted: Mapping[str, int]) -> Iterable[Difference]:
    total = seen.stored["total"]
    if total != seen.rows:
        yield Difference(f"total: the job says {total:,}, its input has {seen.rows:,} rows")
    if len(seen.states) != total:
        yield Difference(f"total: the job says {total:,}, its map has {len(seen.states):,} items")
    for name in COUNTED:
        where = "begun leases hold" if name == "in_flight" else "its map has"
        if seen.stored[name] != counted[name]:
            said = f"the job says {seen.stored[name]:,}, {where} {counted[name]:,}"
            yield Difference(f"{name}: {said}")
    known = sum(seen.stored[name] for name in COUNTED)
    if known > total:
        yield Difference(
            f"the counts do not add up: {known:,} items of {total:,} are accounted for"
        )
    added = sum(counted.values())
    if added != len(seen.states):
        yield Difference(f"what was counted does not add up: {added:,} of {len(seen.states):,}")


def _of_places(seen: Evidence, at: bytearray) -> Iterable[Difference]:
    if not seen.whole:
        return
    lost, twice, done = [], [], []
    for item, (state, places) in enumerate(zip(seen.states, at, strict=True)):
        if places > 1:
            twice.append(item)
        if places and state not in OPEN:
            done.append(item)
        elif not places and state in OPEN and state != WAITING:
            lost.append(item)
    if twice:
        yield _about("in two places: it could be called twice", twice)
    if done:
        yield _about("settled, and still to be called", done)
    if lost and not seen.terminal:
        yield _about("lost: pending, and in no lease, list or rest that leads to a call", lost)


def _of_results(seen: Evidence) -> Iterable[Difference]:
    without = [
        item
        for item, (state, settled) in enumerate(zip(seen.states, seen.settled, strict=False))
        if state in OUTCOMES and not settled
    ]
    if without:
        yield _about("settled without a result that says so", without)


def _of_others(seen: Evidence) -> Iterable[Difference]:
    """What is counted beside the outcomes: why items failed, and lanes."""
    for code in sorted({*seen.codes_stored, *seen.codes}):
        said, counted = seen.codes_stored.get(code, 0), seen.codes.get(code, 0)
        if said != counted:
            yield Difference(f"{code}: the job says {said:,}, its results have {counted:,}")
    said, counted = seen.held
    if said != counted:
        yield Difference(f"held: the app says {said:,} lanes are in use, leases hold {counted:,}")


def _about(what: str, items: Sequence[int]) -> Difference:
    number = "1 item is" if len(items) == 1 else f"{len(items):,} items are"
    return Difference(f"{number} {what}", tuple(items[:5]))


def _each(ranges: Ranges) -> Iterable[int]:
    for first, last in ranges:
        yield from range(first, last + 1)


def _size(ranges: Ranges) -> int:
    return sum(last - first + 1 for first, last in ranges)
