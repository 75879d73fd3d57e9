"""A job's situation in sentences, in the order in which a person would ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from bulkhead.model.job import PRIORITIES, JobState, rfc3339
from bulkhead.model.reason import Reason, reasons
from bulkhead.model.situation import Situation, instant

NAMED = 3
"""Rivals that are named; more are counted."""
DEFAULT_WEIGHT = 4.0


def explain(seen: Situation) -> dict[str, Any]:
    """The facts, `says` as sentences, and `commands` to act."""
    found = reasons(seen)
    told = _facts(seen)
    told["reasons"] = [reason.to_dict() for reason in found]
    told["says"] = list(_sentences(seen, found))
    told["commands"] = _commands(seen, found)
    return told


def _facts(seen: Situation) -> dict[str, Any]:
    job, hands = seen.job, seen.hands
    return {
        "job": job.id,
        "kind": job.kind,
        "app": job.app,
        "state": job.state.value,
        "since": rfc3339(_changed(seen)),
        "by": seen.fields.get("by") or None,
        "why": seen.fields.get("why") or None,
        "counts": asdict(job.counts),
        "pace": dict(job.pace),
        "limits": {
            "app_per_s": seen.number("rate"),
            "learned_per_s": seen.learned,
            "job_per_s": seen.own_rate,
            "class": seen.fields.get("class") or None,
            "class_per_s": seen.class_rate,
            "sender_per_s": seen.sender_rate,
            "max_in_flight": int(seen.number("cap", 1)),
            "in_flight": int(seen.number("held")),
        },
        "next_call_at": rfc3339(max(seen.waits.values())) if seen.waits else None,
        "session": seen.session.to_dict() if seen.session else None,
        "workers": {"cell": seen.app.get("cell", "main"), **asdict(hands)},
        "retries": {"of_the_app": seen.retries, "next_at": rfc3339(seen.next_retry)},
        "share": round(_share(seen), 4),
        "beside": [asdict(rival) for rival in seen.rivals],
        "deadline": job.times.get("deadline"),
        "expected_end": job.pace.get("eta"),
    }


def _sentences(seen: Situation, found: tuple[Reason, ...]) -> Iterator[str]:
    yield _state(seen)
    yield _progress(seen)
    if seen.job.state.terminal or seen.job.state is JobState.VALIDATING:
        return
    for number, reason in enumerate(found):
        yield f"{'It waits:' if number == 0 else 'Also:'} {reason.says}."
    if not found:
        yield "Nothing holds it back: it goes as fast as its backend answers."
    yield from _beside(seen)
    if seen.fields.get("deadline"):
        at = float(seen.fields["deadline"])
        yield f"No call is made after its deadline, {instant(at, seen.now)}."
    yield _end(seen, found)


def _state(seen: Situation) -> str:
    job = seen.job
    since, by = _changed(seen), seen.fields.get("by")
    when = f" since {instant(since, seen.now)}" if since else ""
    whose = f", by {by}" if by else ""
    return f"Job {job.id} ({job.kind} of {job.app}) is {job.state.value}{when}{whose}."


def _progress(seen: Situation) -> str:
    counts = seen.job.counts
    parts = [f"{n:,} {name.replace('_', ' ')}" for name, n in asdict(counts).items() if n]
    retries = seen.job.attempts.get("retries", 0)
    calls = (
        f"{seen.job.attempts.get('calls', 0):,} calls so far, {retries:,} of them to be repeated"
    )
    return f"{', '.join(parts[1:])}, of {counts.total:,} rows; {calls}."


def _weight(seen: Situation) -> float:
    return float(seen.fields.get("weight") or DEFAULT_WEIGHT)


def _share(seen: Situation) -> float:
    own = _weight(seen)
    return own / (own + sum(rival.weight for rival in seen.rivals))


def _beside(seen: Situation) -> Iterator[str]:
    if not seen.rivals:
        return
    own, total = _weight(seen), _weight(seen) + sum(rival.weight for rival in seen.rivals)
    words = {weight: name for name, weight in PRIORITIES.items()}
    first = sorted(seen.rivals, key=lambda rival: -rival.weight)[:NAMED]
    named = [
        f"{rival.job} ({words.get(int(rival.weight), rival.weight)}, {rival.left:,} rows left) "
        f"{rival.weight / total:.0%}"
        for rival in first
    ]
    more = len(seen.rivals) - len(named)
    rest = f", {more} more jobs the rest" if more else ""
    yield (
        f"Of its app's calls it gets {own / total:.0%} while other jobs of the app have rows to"
        f" give out: {', '.join(named)}{rest}."
    )


def _end(seen: Situation, found: tuple[Reason, ...]) -> str:
    pace = seen.job.pace
    if pace.get("eta"):
        return (
            f"At its present {pace['items_per_s']:g} rows a second it is expected to end at"
            f" {pace['eta']}."
        )
    if found and found[0].until is None and found[0].to_do and not seen.job.counts.in_flight:
        return "No end can be told before that is dealt with."
    return "No end can be told yet."


def _changed(seen: Situation) -> float | None:
    at = seen.fields.get("changed_at")
    return float(at) if at else None


def _commands(seen: Situation, found: tuple[Reason, ...]) -> list[str]:
    job = seen.job
    commands = [reason.to_do for reason in found if "bulkhead" in reason.to_do]
    if job.state.terminal:
        if job.counts.failed:
            commands.append(f"bulkhead jobs errors {job.id} -o csv")
        if job.counts.failed + job.counts.not_attempted + job.counts.cancelled:
            commands.append(f"bulkhead jobs retry {job.id}")
        if job.counts.unknown:
            commands.append(f"bulkhead jobs retry {job.id} --only unknown")
        return commands
    commands.append(f"bulkhead jobs watch {job.id}")
    if job.state is not JobState.PAUSED:
        commands.append(f"bulkhead jobs pause {job.id}")
    return [*commands, f"bulkhead jobs cancel {job.id}"]
