"""Some hundred rows at once: what is done to each of them costs less when they are together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from bulkhead.model.user import Problem

AT_ONCE = 200
"""Rows in a batch, about: few enough to stay in the processor's cache while they are worked on."""


class Batch(NamedTuple):
    """Rows in the order of their input."""

    lines: Sequence[int]
    """Where each begins in the input."""
    cells: Sequence[list[str]]
    problems: Mapping[int, Problem]
    """What is wrong with the rows that are not sent, by their place in the batch, in order."""


ONE_CALL = Batch((1,), ([],), {})
"""The row of a job that is one call, and not about a row of anybody's."""


def gathered(rows: Iterable[tuple[int, list[str], Problem | None]]) -> Iterator[Batch]:
    """The same rows in batches; of rows that end in an error the last few may not arrive."""
    passing = iter(rows)
    while some := list(islice(passing, AT_ONCE)):
        lines, cells, problems = zip(*some, strict=True)
        yield Batch(
            lines, cells, {place: one for place, one in enumerate(problems) if one is not None}
        )
