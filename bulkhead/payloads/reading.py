"""From a message to a payload that can be carried out, or to the reason why not."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from bulkhead.errors import InvalidInput
from bulkhead.model.when import parse_when
from bulkhead.payloads.message import Message
from bulkhead.payloads.models import (
    LATER,
    MODELS,
    MOST_ITEMS,
    TASKS,
    Broadcast,
    ImportUsers,
    Notify,
    Payload,
)
from bulkhead.payloads.refusal import Refused

PRIORITY_OF = ("normal", *["urgent"] * 3, *["normal"] * 3, *["bulk"] * 3)
"""Celery's priority → a job's. 0 is also what an unset one arrives as."""

_SHOWN = 40
"""Characters of a member's name that a reason repeats; of values it repeats nothing."""


def payload_of(message: Message) -> Payload:
    """The checked payload. Raises Refused; its text names members and holds no value of them."""
    kind = _kind(message)
    if kind in LATER:
        raise Refused(
            "NOT_IN_THIS_VERSION",
            f"{kind} is not in this version yet",
            why="the front door knows the kind, and this version cannot carry it out",
            to_do="retry it from `bulkhead submissions dead` after the upgrade that brings it",
        )
    model = MODELS.get(kind)
    if model is None:
        raise _unknown("kind", kind, [*MODELS, *LATER])
    try:
        payload = model.model_validate({**message.kwargs, "kind": kind})
    except ValidationError as error:
        raise _invalid(error) from None
    _fits_together(payload)
    return payload


def start_of(message: Message, payload: Payload, now: float) -> float | None:
    """Unix seconds before which nothing is called, or None. Raises Refused."""
    if isinstance(payload.at, str):
        try:
            return parse_when(payload.at, now)
        except InvalidInput as error:
            raise Refused("PAYLOAD_INVALID", "`at` is not a time", to_do=error.to_do) from None
    return message.eta if payload.at is None else payload.at


def priority_of(message: Message, payload: Payload) -> str:
    """The job's priority: the payload's own, else what Celery's stands for."""
    return payload.priority or PRIORITY_OF[min(max(message.priority, 0), 9)]


def notify_of(kwargs: Mapping[str, Any]) -> Notify | None:
    """Whom to tell of a refusal: `notify` of a payload of which nothing else need be right."""
    try:
        return Notify.model_validate(kwargs.get("notify"))
    except ValidationError:
        return None


def written(notify: Notify | None) -> str:
    """The same as a job keeps it."""
    return json.dumps(notify.model_dump()) if notify else ""


def _kind(message: Message) -> str:
    if message.task not in TASKS:
        raise _unknown("task", message.task, TASKS)
    meant, said = TASKS[message.task], message.kwargs.get("kind", "")
    if meant and said and said != meant:
        raise Refused(
            "PAYLOAD_INVALID",
            f"`kind` does not belong to {message.task}",
            why=f"{message.task} stands for {meant}",
            to_do="leave `kind` away, or send tasks.submit",
        )
    kind = meant or said
    if not isinstance(kind, str) or not kind:
        raise Refused(
            "PAYLOAD_INVALID",
            "`kind` is missing",
            why="tasks.submit does what its kind says",
            to_do=f"give one of {', '.join(MODELS)}",
        )
    return kind


def _fits_together(payload: Payload) -> None:
    if isinstance(payload, Broadcast):
        number = len(payload.groups or ()) + len(payload.users or ())
        _require(0 < number <= MOST_ITEMS, f"`groups` and `users` have {number} items together")
    if not isinstance(payload, ImportUsers):
        return
    problem = ""
    if payload.is_part and not payload.idempotency_key:
        problem = "parts are put together by their `idempotency_key`, and there is none"
    elif payload.part is not None and not payload.is_part:
        problem = "`part` is for messages with `append` or `last`"
    elif not payload.items and not payload.last:
        problem = "`items` is empty"
    _require(not problem, problem)


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise Refused("PAYLOAD_INVALID", "the payload does not fit", why=problem, to_do=_TO_DO)


_TO_DO = "correct the payload by its JSON Schema and send it again"


def _invalid(error: ValidationError) -> Refused:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{_place(one['loc'])}: {_plain(one['msg'])}" for one in problems[:3]]
    more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
    why = "; ".join(told) + more
    return Refused("PAYLOAD_INVALID", "the payload does not fit", why=why, to_do=_TO_DO)


def _place(path: tuple[int | str, ...]) -> str:
    names = [str(part) for part in path]
    return f"`{_shown('.'.join(names[:3]))}`"


def _plain(told: str) -> str:
    told = told.removeprefix("Value error, ")
    return told[:1].lower() + told[1:]


def _unknown(what: str, name: str, known: Any) -> Refused:
    near = difflib.get_close_matches(name[:_SHOWN], list(known), n=1)
    return Refused(
        "PAYLOAD_INVALID",
        f"there is no {what} {_shown(name)}",
        why=f"there are {', '.join(known)}",
        to_do=f"did you mean {near[0]}?" if near else _TO_DO,
    )


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:_SHOWN]
