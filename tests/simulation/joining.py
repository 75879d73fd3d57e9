"""Which items of a slice share a call, as a worker finds it out."""

from bulkhead.model.ranges import indexes


def reach(world, parcel):
    """How many items of a lease its calls carry, where they are marked when begun."""
    found = {}
    for part in parcel:
        if part.join > 1 and world.repeat_of(part) != "safe":
            items = list(indexes(part.ranges))
            bundles = world.model.jobs[part.job].bundles(items, part.join)
            carried = sum(map(len, bundles[: len(part.offsets)]))
            if carried < len(items):
                found[part.lease] = carried
    return found


def turns(world, run, to_call):
    """The calls of a run: their items, their places among its permits, and when they are due."""
    part = run.part
    bundles = [(index,) for index in to_call]
    if part.join > 1:
        bundles = world.model.jobs[part.job].bundles(to_call, part.join)
        for items in bundles[len(part.offsets) :]:
            run.unsent.extend(items)
    places = to_call if part.join == 1 else range(len(bundles))
    return zip(bundles, places, part.offsets, strict=False)
