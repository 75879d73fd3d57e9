"""What is wrong with many rows, found by looking at their columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from bulkhead.model.mapping import ABSENT, ANY_WIDTH
from bulkhead.model.text import LOST
from bulkhead.model.user import (
    LONGEST_ADDRESS,
    Problem,
    UserMapping,
    groups_fit,
    problem_in,
    values_fit,
)

AT_A_GLANCE = 100
"""Rows that are looked at together: one that is not plain costs them all a closer look."""


def problems_in(mapping: UserMapping, rows: Sequence[Sequence[str]]) -> dict[int, Problem]:
    """What `problem_in` finds wrong with these rows, by place and in order."""
    problems: dict[int, Problem] = {}
    for start in range(0, len(rows), AT_A_GLANCE):
        some = rows[start : start + AT_A_GLANCE]
        if _all_plain(mapping, some):
            continue
        for place, cells in enumerate(some, start):
            problem = problem_in(mapping, cells)
            if problem is not None:
                problems[place] = problem
    return problems


def _all_plain(mapping: UserMapping, rows: Sequence[Sequence[str]]) -> bool:
    """True only if nothing is wrong with any of them; False says that one is unusual."""
    if mapping.width != ANY_WIDTH and set(map(len, rows)) != {mapping.width}:
        return False
    if not _plain_addresses([cells[mapping.address] for cells in rows]):
        return False
    if mapping.name != ABSENT and LOST in "".join([cells[mapping.name] for cells in rows]):
        return False
    places = (mapping.active, mapping.expiry, mapping.flags)
    actives, expiries, flags = (_values(rows, place) for place in places)
    if not all(map(groups_fit, _values(rows, mapping.groups))):
        return False
    # Each value once, whichever others it stands beside; no value at all is always right.
    return values_fit(zip_longest(actives, expiries, flags, fillvalue=""))


def _plain_addresses(addresses: list[str]) -> bool:
    together = "".join(addresses)
    if "," in together or " " in together or not together.isascii() or not together.isprintable():
        return False
    sizes = set(map(len, addresses))
    return 0 not in sizes and max(sizes) <= LONGEST_ADDRESS


def _values(rows: Sequence[Sequence[str]], place: int) -> set[str]:
    return set() if place == ABSENT else {cells[place] for cells in rows}
