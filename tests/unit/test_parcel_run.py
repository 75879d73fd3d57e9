"""Slices that may not be repeated, begun together: none waits for the others to be recorded."""

from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from bulkhead.engine.cabinet import Item
from bulkhead.engine.delay import StartDelay
from bulkhead.engine.verbs import Settled
from bulkhead.model.slice import Begun, Slice
from tasks.clocks import Clocks
from tasks.parcel import ParcelRun
from tests.fakes.slices import WALL, end_callers, make

MINUTE = 60_000_000
TAKES = 0.1
"""Seconds that a slice needs to be taken up, by the clock that is handed in."""


@pytest.fixture(autouse=True)
def callers_end():
    yield
    end_callers()


class Parcel:
    """So many slices of one item each, all due at once, by a clock that their taking up moves."""

    def __init__(self, slices, eventually):
        self.now, self.up, self.recorded = 100.0, {}, {}
        self.bad = ()
        _, self.runtime = make()
        self.runtime.cabinet.fetch = lambda parcel: None
        self.runtime.cabinet.items = self._items
        self.runtime.cabinet.job = lambda job: SimpleNamespace(
            kind="users.tokens.issue",
            mapping={"width": 1, "address": 0},
            params={},
            retry={},
            sender="",
        )
        self.runtime.slots = SimpleNamespace(narrow=lambda part, lanes: None)
        self.runtime.verbs = SimpleNamespace(begin=self._begin, settle=self._settle)
        self.runtime.begins, self.runtime.delay = StartDelay(), StartDelay()
        self._eventually = eventually
        parts = [self._part(str(number)) for number in range(1, slices + 1)]
        clocks = Clocks(monotonic=lambda: self.now, wall=lambda: WALL)
        self.run = ParcelRun(parts, self.now, self.runtime, clocks)

    def _part(self, lease):
        one = {"app": "acme/shop", "job": "job_1", "kind": "users.tokens.issue", "paced": False}
        return Slice(lease, ranges=((0, 0),), parallel=1, offsets=(0,), **one)

    def _begin(self, leases, people, reached):
        return [Begun(MINUTE, 0, "4", {}) for _ in leases]

    def _items(self, part):
        # What was started before has ended by now.
        self._eventually(lambda: all(one.done for one in self.run._runs))
        self.now += TAKES
        self.up[part.lease] = self.now
        if part.lease in self.bad:
            raise ValueError("it cannot be read")
        return [Item(0, 2, ["u0"])]

    def _settle(self, reports):
        if any(told.lease in self.bad for told in reports):
            raise ValueError("it cannot be written")
        self.recorded |= {told.lease: self.now for told in reports if told.last}
        return [Settled("ok", "running") for _ in reports]


def test_what_happened_is_recorded_while_others_are_still_taken_up(eventually):
    parcel = Parcel(10, eventually)

    parcel.run.run()

    assert len(parcel.recorded) == 10
    waits = [parcel.recorded[lease] - parcel.up[lease] for lease in parcel.up]
    assert max(waits) < 0.25 + TAKES


def test_only_slices_that_do_not_run_are_left_to_their_leases(eventually):
    parcel = Parcel(4, eventually)
    parcel.bad = ("3",)

    with capture_logs() as told:
        parcel.run.run()

    assert sorted(parcel.recorded) == ["1", "2"]
    left = {one["slices"][0] for one in told if one["event"] == "parcel_failed"}
    assert left == {"3", "4"}
