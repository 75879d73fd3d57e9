"""What is done with a message of the Celery front door: it becomes a job, or a dead letter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from structlog import get_logger

from bulkhead import ordering
from bulkhead.engine.dead import LARGEST_KEPT, DeadLetter, DeadLetters, letter_id
from bulkhead.engine.front import Front
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.notices import Notices
from bulkhead.engine.parts import Parts
from bulkhead.engine.script import Scripts
from bulkhead.errors import BulkheadError, Unreachable
from bulkhead.model.app import split_app
from bulkhead.model.job import Job
from bulkhead.ordering import Options
from bulkhead.ordering_groups import create_groups
from bulkhead.payloads.message import Message, decode, glance
from bulkhead.payloads.models import (
    Broadcast,
    CancelJob,
    CreateGroups,
    DeleteUsers,
    EditMembers,
    ImportUsers,
    OfAnApp,
    PauseJob,
    Payload,
    RawCall,
    RotateCredentials,
)
from bulkhead.payloads.reading import notify_of, payload_of, priority_of, start_of, written
from bulkhead.payloads.refusal import Refused, refusal_of
from bulkhead.site import SecretKeys
from tasks import refusal_letter
from tasks.desk import Desk
from tasks.order_broadcast import order_broadcast
from tasks.order_members import ordered_by
from tasks.order_rotation import order_rotation, ordered_before
from tasks.together import Together


class Submit:
    """The reception behind the front door; all it does may be done twice."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._dead = DeadLetters(desk.scripts)
        self._jobs = Jobs(desk.scripts)
        self._together = Together(Parts(desk.scripts), desk)
        self._log = get_logger()

    def receive(self, raw: bytes) -> None:
        """Carry a message out, or bury it with the reason. Raises Unreachable, and nothing else."""
        kwargs: Mapping[str, Any] = {}
        try:
            message = decode(raw)
            kwargs = message.kwargs
            self._accept(message)
        except Unreachable:
            raise
        except BulkheadError as error:
            self._refuse(raw, kwargs, refusal_of(error))
        except Exception as error:
            self._log.exception("door_failed")
            what = f"an error nobody expected ({type(error).__name__})"
            refusal = Refused("MESSAGE_FAILED", what, why="the worker's log has it")
            self._refuse(raw, kwargs, refusal)

    def sweep(self) -> None:
        """Forget old dead letters, and bury jobs whose parts stopped coming."""
        self._dead.trim()
        for whole, refusal in self._together.overdue():
            name = f"{whole.tenant} {whole.key}".encode()
            letter = _letter(name, refusal, app=whole.app, kept=False)
            self._bury(letter, name)
            self._together.forget(whole)

    def _accept(self, message: Message) -> None:
        payload = payload_of(message)
        job = self._made_before(message, payload) or self._carry_out(message, payload)
        if job is None:
            return
        tenant = job.tenant
        self._log.info("message_accepted", tenant=tenant, app=job.app, job=job.id, kind=job.kind)
        if payload.notify:
            self._desk.notices.add(written(payload.notify), job.to_dict())

    def _made_before(self, message: Message, payload: Payload) -> Job | None:
        """The job of a message that expired after it was read first; else None.

        Raises Refused for one that expired unread.
        """
        if message.expires is None or message.expires > self._desk.clock():
            return None
        made, key = None, payload.idempotency_key or message.id
        if isinstance(payload, OfAnApp):
            made = self._jobs.made_with(self._app(payload.app).partition("/")[0], key)
        elif isinstance(payload, RotateCredentials):
            made = ordered_before(self._desk, payload, key)
        if made is not None:
            return made
        raise Refused(
            "MESSAGE_EXPIRED",
            "the message expired before it was read",
            why="its sender gave it an end with `expires`",
            to_do="send it again if it is still wanted",
        )

    def _carry_out(self, message: Message, payload: Payload) -> Job | None:
        """The job that the message made or changed; None for a part of one that is not complete."""
        match payload:
            case CancelJob() | PauseJob():
                return self._control(payload, message)
            case ImportUsers() if payload.is_part:
                whole = self._options(message, payload)
                return self._together.add(message, payload, self._app(payload.app), whole)
            case ImportUsers():
                made: Callable[..., Job] = ordering.import_users
            case DeleteUsers():
                made = ordering.delete_users
            case CreateGroups():
                made = create_groups
            case EditMembers():
                made = ordered_by(payload)
            case RawCall(op=op, body=body):
                options = self._options(message, payload)
                app = self._app(payload.app)
                return ordering.call(self._desk.scripts, op, body, app=app, options=options)
            case Broadcast():
                options = self._options(message, payload)
                return order_broadcast(self._desk, payload, self._app(payload.app), options)
            case RotateCredentials():
                options = self._options(message, payload)
                return order_rotation(self._desk, payload, options, message.id)
            case _:
                raise AssertionError(payload)
        app, options = self._app(payload.app), self._options(message, payload)
        return made(self._desk.scripts, payload.items, app=app, options=options)

    def _control(self, payload: CancelJob | PauseJob, message: Message) -> Job:
        if start_of(message, payload, self._desk.clock()) is not None:
            raise Refused(
                "PAYLOAD_INVALID",
                f"{payload.kind} cannot be told for later",
                why="it has `at`, eta or countdown",
                to_do="send it when it is meant",
            )
        known = self._jobs.get(payload.job)
        if payload.app and self._app(payload.app) != known.app:
            raise Refused("CONFLICT", f"{payload.job} is no job of {payload.app}")
        verb = payload.kind.removeprefix("job.")
        return self._jobs.control(payload.job, verb, why="asked for by a message")

    def _app(self, text: str) -> str:
        return "/".join(split_app(text, self._desk.tenant))

    def _options(self, message: Message, payload: Payload) -> Options:
        return Options(
            tokens=payload.tokens if isinstance(payload, ImportUsers) else "none",
            idempotency_key=payload.idempotency_key or message.id,
            labels=payload.labels or {},
            priority=priority_of(message, payload),
            at=start_of(message, payload, self._desk.clock()),
            deadline=message.expires,
            max_failures=_most(payload),
            on_unknown=getattr(payload, "on_unknown", None) or "",
            notify=written(payload.notify),
        )

    def _refuse(self, raw: bytes, kwargs: Mapping[str, Any], refusal: Refused) -> None:
        app = kwargs.get("app")
        letter = _letter(raw, refusal, app=app if isinstance(app, str) else "", kept=True)
        self._bury(letter, raw)
        to = notify_of(kwargs)
        if to is not None:
            document = refusal_letter.document(letter, kwargs)
            self._desk.notices.add(written(to), document)

    def _bury(self, letter: DeadLetter, raw: bytes) -> None:
        self._dead.bury(letter, raw)
        told = {name: value for name, value in asdict(letter).items() if name in _LOGGED}
        self._log.warning("message_refused", submission=letter.id, **told)


def reception(
    scripts: Scripts, front: Front, notices: Notices, tenant: str | None, keys: SecretKeys
) -> Submit:
    """The reception of one worker; `tenant` lets `shop` stand for `acme/shop`."""
    return Submit(Desk(scripts, front, notices, tenant, keys))


_LOGGED = ("code", "what", "why", "task", "app", "size")


def _letter(raw: bytes, refusal: Refused, *, app: str, kept: bool) -> DeadLetter:
    task, identity = glance(raw)
    return DeadLetter(
        id=letter_id(raw),
        code=refusal.code,
        what=refusal.what,
        why=refusal.why,
        to_do=refusal.to_do,
        task=task,
        task_id=identity,
        app=app[:127],
        size=len(raw),
        kept=kept and len(raw) <= LARGEST_KEPT,
    )


def _most(payload: Payload) -> str:
    most = getattr(payload, "max_failures", None)
    return "" if most is None else str(most)
