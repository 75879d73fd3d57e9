"""Which sessions a worker takes next, and which gives way where all its places are used. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bulkhead.model.sender_session import SenderId

HELD_FOR = 60.0
"""Seconds that a session in use is left to its tenant, whoever waits."""
PATIENCE = 3.0
"""Seconds that one waits before another in use gives way: a second worker may have a place."""


@dataclass(frozen=True, slots=True)
class Held:
    """A session that this worker has: since when, and whether anybody uses it."""

    who: SenderId
    since: float
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """A session that nobody has, and since when this worker knows."""

    who: SenderId
    since: float


@dataclass(frozen=True, slots=True)
class Moves:
    """What this worker does now: which it takes, and which it gives up."""

    take: tuple[SenderId, ...] = ()
    give_up: tuple[SenderId, ...] = ()


def moves(
    held: Sequence[Held],
    waiting: Sequence[Waiting],
    everywhere: Mapping[str, int],
    places: int,
    now: float,
) -> Moves:
    """Fill the free places, the tenants with the fewest sessions first; at most one gives way.

    `everywhere` = sessions that each tenant has on all workers.
    """
    counts = Counter(everywhere)
    queue, taken = list(waiting), []
    for _ in range(places - len(held)):
        following = _next(queue, counts)
        if following is None:
            break
        queue.remove(following)
        counts[following.who.tenant] += 1
        taken.append(following.who)
    following = _next(queue, counts)
    given = _gives_way(held, following, counts, now) if following and not taken else None
    return Moves(tuple(taken), (given,) if given else ())


def _next(queue: Sequence[Waiting], counts: Mapping[str, int]) -> Waiting | None:
    """Who is served first: of the tenant with the fewest sessions, the one that waits longest."""
    return min(queue, key=lambda one: (counts.get(one.who.tenant, 0), one.since), default=None)


def _gives_way(
    held: Sequence[Held], for_whom: Waiting, counts: Mapping[str, int], now: float
) -> SenderId | None:
    """An idle session, or else the longest held one of the tenant with the most of them."""
    idle = [one for one in held if one.idle]
    if idle:
        return min(idle, key=lambda one: one.since).who
    if now - for_whom.since < PATIENCE:
        return None
    mine = counts.get(for_whom.who.tenant, 0)
    may = [
        one
        for one in held
        if now - one.since >= HELD_FOR and _owes(one.who.tenant, for_whom.who.tenant, counts, mine)
    ]
    return (
        min(may, key=lambda one: (-counts.get(one.who.tenant, 0), one.since)).who if may else None
    )


def _owes(tenant: str, other: str, counts: Mapping[str, int], mine: int) -> bool:
    """True if a session may pass from one tenant to the other, and does not pass back for it.

    Inside a tenant they take turns, and so do tenants where there are fewer places than tenants.
    """
    return tenant == other or mine == 0 or counts.get(tenant, 0) > mine + 1
