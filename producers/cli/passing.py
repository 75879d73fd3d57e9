"""Rows on their way into a job, counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bulkhead.model.batch import Batch


class Passing:
    """The same batches; `valid` is how many of the rows so far would be sent."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._batches = batches
        self.valid = 0

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._batches:
            self.valid += len(batch.cells) - len(batch.problems)
            yield batch
