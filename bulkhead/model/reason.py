"""What holds a job back, and what would change that, in the order a person asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bulkhead.model.app import MOST_ADDRESSES
from bulkhead.model.job import PASSING, JobState, rfc3339
from bulkhead.model.situation import Situation, instant, pace_in_words


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that holds the job back; `until` in microseconds, where that is known."""

    code: str
    says: str
    to_do: str = ""
    until: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "says": self.says,
            "until": rfc3339(self.until),
            "to_do": self.to_do or None,
        }


Check = Callable[[Situation], Reason | None]


def reasons(seen: Situation) -> tuple[Reason, ...]:
    """What holds the job back, the thing to be dealt with first at the front; none if nothing."""
    state = seen.job.state
    if state.terminal or state is JobState.VALIDATING:
        return ()
    found = tuple(_found(seen, STOPS))
    return found or tuple(_found(seen, LIMITS))


def _found(seen: Situation, checks: tuple[Check, ...]) -> Iterator[Reason]:
    for check in checks:
        reason = check(seen)
        if reason is not None:
            yield reason


def _since(kept: Mapping[str, str], seen: Situation) -> str:
    return instant(float(kept["since"]), seen.now) if kept.get("since") else "some time"


def _because(why: str) -> str:
    return f': "{why}"' if why else ""


def _paused(seen: Situation) -> Reason | None:
    if seen.job.state is not JobState.PAUSED:
        return None
    by, why = (seen.fields.get(name, "") for name in ("by", "why"))
    job, resume = seen.job.id, f"bulkhead jobs resume {seen.job.id}"
    if by == "error_budget":
        says = f"it paused itself: {why}"
        return Reason("paused", says, f"bulkhead jobs errors {job}; then {resume}")
    if by == PASSING:
        until = float(seen.fields["edge"])
        says = f"it is {why}: it goes on by itself at {instant(until, seen.now)}"
        return Reason("window", says, until=until)
    if by == "auth_failure":
        says = "it waits for its app, whose token was refused"
        return Reason("paused", says, f"bulkhead apps set {seen.job.app} --token-file -")
    return Reason("paused", f"it was paused by {by or 'somebody'}{_because(why)}", resume)


def _scheduled(seen: Situation) -> Reason | None:
    if seen.job.state is not JobState.SCHEDULED:
        return None
    at = float(seen.fields["at"])
    return Reason("schedule", f"it starts at {instant(at, seen.now)}", until=at)


def _tenant_paused(seen: Situation) -> Reason | None:
    if seen.tenant.get("state", "active") == "active":
        return None
    who = f"tenant {seen.job.tenant} is paused since {_since(seen.tenant, seen)}"
    says = who + _because(seen.tenant.get("why", ""))
    return Reason("tenant_paused", says, f"bulkhead tenants resume {seen.job.tenant}")


def _app_stopped(seen: Situation) -> Reason | None:
    if seen.app.get("state") != "stopped" or seen.job.kind == "apps.check_token":
        return None
    says = (
        f"app {seen.job.app} is stopped since {_since(seen.app, seen)}: {seen.app.get('code')}, "
        f'its backend said "{seen.app.get("why")}"'
    )
    new = f"bulkhead apps set {seen.job.app} --token-file - (a new token lets it go on)"
    return Reason("app_stopped", says, new)


def _app_paused(seen: Situation) -> Reason | None:
    if seen.app.get("state") != "paused":
        return None
    why = _because(seen.app.get("why", ""))
    says = f"app {seen.job.app} is paused since {_since(seen.app, seen)}{why}"
    return Reason("app_paused", says, f"bulkhead apps resume {seen.job.app}")


def _no_workers(seen: Situation) -> Reason | None:
    hands, cell = seen.hands, seen.app.get("cell", "main")
    if hands.live - hands.draining > 0:
        return None
    others = f", {hands.elsewhere} in other cells" if hands.elsewhere else ""
    told = f", {hands.draining} are told to end" if hands.draining else ""
    says = f"no worker of cell {cell} takes new work ({hands.live} live{told}{others})"
    return Reason("no_workers", says, "bulkhead worker (on a host of that cell), or bulkhead up")


def _egress(seen: Situation) -> Reason | None:
    if seen.hands.allowed:
        return None
    says = (
        f"app {seen.job.app} was called from {MOST_ADDRESSES} public addresses, and no living "
        "worker has one of them: mesibo disables an app that is called from more"
    )
    to_do = f"start a worker on one of the hosts in `egress` of bulkhead apps show {seen.job.app}"
    return Reason("egress_limit", says, to_do)


def _session(seen: Situation) -> Reason | None:
    session, policy = seen.session, seen.fields.get("no_session", "")
    if session is None or session.opens(policy) or not seen.job.counts.pending:
        return None
    app, sender = session.who
    to_do = f"bulkhead realtime status --app {app} --as {sender}"
    if session.cooling_until is not None:
        cooled = session.cooling_until * 1e6
        says = f"mesibo wants fewer messages from {sender}: none before {instant(cooled, seen.now)}"
        return Reason("session", says, to_do, cooled)
    until = session.again_at * 1e6 if session.again_at else None
    state, why = session.state.replace("_", " "), f": {session.why}" if session.why else ""
    signed_in = f" by {session.job}" if session.job else ""
    says = f"its messages go out through the session of {sender}, which is {state}{signed_in}{why}"
    return Reason("session", says, to_do, until)


def _cooling(seen: Situation) -> Reason | None:
    until = seen.number("cool_until")
    if until <= seen.now or seen.learned == 0:
        return None
    says = f"its backend asked for a rest: no call before {instant(until, seen.now)}"
    return Reason("upstream_throttle", says, "nothing: it goes on by itself", until)


def _canaries(seen: Situation) -> Reason | None:
    if seen.learned != 0:
        return None
    began = float(seen.app["storm_at"]) if seen.app.get("storm_at") else None
    since = f"since {instant(began, seen.now)} " if began else ""
    until = seen.number("cool_until")
    due = instant(until, seen.now) if until > seen.now else "now"
    says = (
        f"{since}its backend refuses every call as too many, or fails: one trial call at a time,"
        f" the next {due}"
    )
    to_do = "see the backend; the first call that succeeds raises the pace again"
    return Reason("upstream_throttle", says, to_do, until if until > seen.now else None)


def _slowed(seen: Situation) -> Reason | None:
    if not seen.learned:
        return None
    pace = pace_in_words(seen.number("rate"), seen.learned)
    says = f"its backend bears less than it is set to: {pace}"
    if seen.app.get("slowed_at"):
        says += f", last slowed {instant(float(seen.app['slowed_at']), seen.now)}"
    to_do = "nothing: the pace rises again by itself; the vendor may allow more"
    return Reason("upstream_throttle", says, to_do)


def _full(seen: Situation) -> Reason | None:
    held, cap = seen.number("held"), seen.number("cap", 1)
    if held < cap:
        return None
    says = f"all {cap:g} calls at once that its app may have are out"
    more = f"bulkhead apps set {seen.job.app} --max-in-flight N, if the backend bears it"
    return Reason("max_in_flight", says, more)


def _narrow(seen: Situation) -> Reason | None:
    """Its own rate, its operation class's or its sender's: which lets its next call go last."""
    if "job" not in seen.waits:
        return None
    limits = {
        "job_rate": seen.own_rate,
        "class_rate": seen.class_rate,
        "sender_rate": seen.sender_rate,
    }
    due = {
        "job_rate": float(seen.fields.get("tat") or 0),
        "class_rate": seen.number(f"class:{seen.fields.get('class')}:tat"),
        "sender_rate": 1e6 * (seen.session.next_at or 0.0) if seen.session else 0.0,
    }
    code = max(limits, key=lambda name: (limits[name] is not None, due[name]))
    until, named = seen.waits["job"], seen.fields.get("class")
    if code == "job_rate" and limits[code]:
        says = f"it was given a rate of its own, {limits[code]:g}/s"
        to_do = "it stays with the job; `jobs cancel` and `jobs retry --rate` give the rest another"
    elif code == "sender_rate":
        says = f"each real-time sender of its app may send {limits[code] or 0:g}/s"
        to_do = f"bulkhead apps set {seen.job.app} --class sender=N/s"
    else:
        says = f"calls of class {named} are limited to {limits[code] or 0:g}/s in its app"
        to_do = f"bulkhead apps set {seen.job.app} --class {named}=N/s"
    return Reason(code, f"{says}; next call {instant(until, seen.now)}", to_do, until)


def _permits(seen: Situation) -> Reason | None:
    if "app" not in seen.waits or seen.learned is not None or seen.number("cool_until") > seen.now:
        return None
    until = seen.waits["app"]
    says = (
        f"its app may make {seen.number('rate'):g} calls a second; the next is allowed "
        f"{instant(until, seen.now)}"
    )
    more = f"bulkhead apps set {seen.job.app} --rate N/s, if the vendor allows it"
    return Reason("app_rate", says, more, until)


def _slots(seen: Situation) -> Reason | None:
    hands = seen.hands
    if not hands.slots or hands.taken < hands.slots:
        return None
    says = f"all {hands.slots} slots of the {hands.live} workers of its cell are taken"
    return Reason("workers", says, "start another worker in that cell: bulkhead worker")


def _retrying(seen: Situation) -> Reason | None:
    if not seen.given_out or not seen.retries or not seen.job.counts.pending:
        return None
    at = instant(seen.next_retry, seen.now)
    says = (
        f"every row was tried; what is left waits to be tried again ({seen.retries:,} rows of its"
        f" app do, the next {at})"
    )
    return Reason("retries", says, f"bulkhead jobs show {seen.job.id} (codes)", seen.next_retry)


STOPS: tuple[Check, ...] = (
    *(
        _paused,
        _scheduled,
        _tenant_paused,
        _app_stopped,
        _app_paused,
        _no_workers,
        _egress,
        _session,
    ),
)
"""While one of these holds, no call is made at all."""

LIMITS: tuple[Check, ...] = (
    _cooling,
    _canaries,
    _slowed,
    _full,
    _narrow,
    _permits,
    _slots,
    _retrying,
)
"""What decides how fast it goes."""
