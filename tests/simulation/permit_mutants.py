"""Planted faults in permits, and in who gets them: limits, refunds, joined calls and shares."""

from tests.simulation.mutant import edited

LISTED = (
    edited(
        "forget the permits of a refund",
        "local back = creditable(app, lease, items * num(lease.pace, pace), ahead)",
        "local back = 0",
        *("returns",),
    ),
    edited(
        "refund twice",
        "local back = creditable(app, lease, items * num(lease.pace, pace), ahead)",
        "local back = 2 * items * pace",
        *("returns", "faults"),
    ),
    edited(
        "refund uncounted",
        "redis.call('HINCRBY', name, 'permits_returned', items)",
        "",
        *("faults",),
    ),
    edited(
        "cap ignored",
        "math.min(widest, num(app.cap, 1) - num(app.held, 0), lanes, useful)",
        "math.min(widest, lanes, useful)",
        *("faults", "storm"),
    ),
    edited(
        "limiter off by a burst",
        "return pace, (usable - 1) * pace",
        "return pace, (usable + burst) * pace",
        *("calm", "faults"),
    ),
    edited(
        "limiter a tenth too fast",
        "local pace = 1000000 / rate",
        "local pace = 900000 / rate",
        *("calm", "faults"),
    ),
    edited(
        "nothing of the burst is kept back",
        "usable = math.max(1, burst - math.max(1, math.ceil(rate * MARGIN)))",
        "usable = 2 * burst",
        *("calm", "faults"),
    ),
    edited(
        "permits do not add up",
        "whole(num(app.permits_granted, 0) + calls)",
        "whole(num(app.permits_granted, 0) + 1)",
        *("calm",),
    ),
    edited(
        "a joined lease keeps the permits that it did not use",
        "  return lease.permits\nend",
        "  return 0\nend",
        *("joined",),
    ),
    edited(
        "a joined lease that returns whole gives a permit an item back",
        "local function permits_of(lease, items) return num(lease.permits, items) end",
        "local function permits_of(lease, items) return items end",
        *("joined",) * 3,
    ),
    edited(
        "what a joined call does not reach is marked as sent",
        "  redo(lease.job, lease.app, table.concat(others, ','), num(lease.deaths, 0), lease.step)\n",
        "",
        *("joined",) * 3,
    ),
    edited(
        "weights of tenants ignored",
        "local weight = num(tenant_of(tenant).weight, 1)\n  gather",
        "local weight = 1\n  gather",
        *("fair",),
    ),
    edited(
        "tenants are charged nothing",
        "redis.call('ZINCRBY', all, exact(calls * cost / weight), tenant)",
        "redis.call('ZINCRBY', all, exact(0), tenant)",
        *("fair",),
    ),
    edited(
        "an app is placed once and never again",
        "line_up(line_of(tenant), name, place(name, app) and app.tag)",
        "line_up(line_of(tenant), name)",
        *("calm", "faults"),
    ),
)
