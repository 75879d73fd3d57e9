"""Items of one slice that share a call: which do, and how far a slice's permits reach."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.model.ranges import indexes, parse_ranges, write_ranges
from bulkhead.model.slice import Slice
from worker.runtime import Runtime

Alike = Callable[[JobFacts, Item], tuple[Hashable, int]]
"""What items that share a call have in common, and how many bytes of a body each takes."""

ROOM = 7_400
"""Bytes of a body for what the items of one call take: below its 8,192 with all else in it."""


def bundled(
    alike: Alike, facts: JobFacts, items: Iterable[Item], most: int
) -> Iterator[tuple[Item, ...]]:
    """Items that follow each other and are alike, together as far as one body has room for."""
    bundle: list[Item] = []
    shared: Hashable = None
    room = ROOM
    for item in items:
        told, size = alike(facts, item)
        if bundle and (told != shared or size > room or len(bundle) == most):
            yield tuple(bundle)
            bundle, room = [], ROOM
        bundle.append(item)
        shared, room = told, room - size
    if bundle:
        yield tuple(bundle)


def reach(
    parcel: Iterable[Slice], alike: Callable[[Slice], Alike | None], runtime: Runtime
) -> dict[str, int]:
    """How many of its items the calls of a slice carry, where that is not all.

    Asked of slices whose items are marked as sent when they begin: what shares no call with the
    others is not on the wire, and must not look so.
    """
    found = {}
    for part in parcel:
        how = alike(part) if part.marks and part.join > 1 else None
        if how is None:
            continue
        with suppress(Exception):  # said where the slice is taken up, which returns what is left
            items = runtime.cabinet.items(part)
            bundles = bundled(how, runtime.cabinet.job(part.job), items, part.join)
            carried = sum(map(len, islice(bundles, len(part.offsets))))
            if carried < len(items):
                found[part.lease] = carried
    return found


def shortened(part: Slice, reached: Mapping[str, int]) -> Slice:
    """The slice with the items that its calls carry."""
    if part.lease not in reached:
        return part
    kept: Sequence[int] = list(islice(indexes(part.ranges), reached[part.lease]))
    return replace(part, ranges=parse_ranges(write_ranges(kept)))
