"""One rival's figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median


@dataclass(frozen=True, slots=True)
class Leg:
    """How long one rival took for the same calls; durations in seconds.

    `run_s` is from the first call to the last, as the backend saw them. `total_s` is from the
    moment the rows were handed over to the moment the sender knew that all was done.
    """

    name: str
    items: int
    run_s: float
    total_s: float
    submit_s: float | None = None
    """Handing over alone, with nobody working yet."""

    @property
    def run_rate(self) -> float:
        return self.items / self.run_s

    @property
    def total_rate(self) -> float:
        return self.items / self.total_s

    @property
    def submit_rate(self) -> float | None:
        return self.items / self.submit_s if self.submit_s else None


def address(number: int) -> str:
    """The address of a row: the same for every rival."""
    return f"user{number:08d}@tenant.example"


def median_of(legs: Sequence[Leg]) -> Leg:
    """The middle rate of each kind, out of the same rival's turns, whatever their sizes."""
    last = legs[-1]
    submits = [leg.submit_rate for leg in legs if leg.submit_rate]
    return replace(
        last,
        run_s=last.items / median(leg.run_rate for leg in legs),
        total_s=last.items / median(leg.total_rate for leg in legs),
        submit_s=last.items / median(submits) if submits else None,
    )
