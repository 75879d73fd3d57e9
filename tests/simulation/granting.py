"""What must be true of a slice when the store grants it."""

from bulkhead.model.ranges import indexes
from bulkhead.model.slice import LOOK
from tests.simulation.fleet_job import FleetJob
from tests.simulation.kernel import MICRO, require
from tests.simulation.records import Lease

GRANT = 2 * MICRO


def granted(worker, part, job, now):
    """The lease, after a look at everything that is known of its job. Raises Violation."""
    items = list(indexes(part.ranges))
    told = (part.lease, job.name, part.ranges)
    if isinstance(job, FleetJob):
        require([job.apps[index] for index in items] == [part.app], "an item an app", *told)
        job.check_claim(items[0], part.step, now)
    _check_instants(part, items, told)
    for index in items:
        _check_item(job, index, part.step, now, told)
    deaths = max((job.deaths.get(index, 0) for index in items), default=0)
    require(deaths < 2 or len(items) == 1, "suspects go alone", *told)
    repeat = "safe" if part.step == LOOK else job.repeats.get(part.step, "once")
    calls = len(part.offsets)
    fits = repeat == "safe" or calls <= part.parallel
    require(fits, "a window of calls that may not be repeated", *told)
    named = (part.lease, worker, part.job, part.app, part.step, repeat, part.parallel)
    lease = Lease(*named, set(items), now, deaths, ends=now + GRANT)
    lease.join, lease.permits, lease.order = part.join, calls, items
    places = items if part.join == 1 else range(calls)
    lease.instants = {i: now + o for i, o in zip(places, part.offsets, strict=True)}
    return lease


def _check_instants(part, items, told):
    offsets, most = part.offsets, len(part.offsets) * part.join
    require(0 < len(offsets) <= len(items) <= most, "a permit a call", *told)
    require(list(offsets) == sorted(offsets), "instants in order", *told)
    require(offsets[0] >= 0 and offsets[-1] <= GRANT, "instants within the grant", *told)


def _check_item(job, index, step, now, told):
    require(index not in job.final, "claim of a settled item", *told, index)
    require(index not in job.leased, "claim of a leased item", *told, index)
    require(job.due.pop(index, 0) <= now, "claim before its time", *told, index)
    if step != LOOK:
        require(job.steps.get(index, "") == step, "step", *told, index, step)
