"""What is left of an app's sessions when it is removed: nothing."""

from __future__ import annotations

from bulkhead.engine.app_fields import SENDERS
from bulkhead.engine.script import Scripts, ask


def forget_sessions(scripts: Scripts, app: str) -> None:
    """Forget an app's senders, their tokens, and what was on its way to them. Raises Unreachable.

    A worker that still has one finds at its next word that it is nobody's, and signs it out.
    """
    redis, key = scripts.redis, scripts.key
    members = [
        member
        for member in ask(redis.zrange, key("sessions"), 0, -1)
        if member.decode().startswith(f"{app} ")
    ]
    cell = ask(redis.hget, key("app", app), "cell") or b"main"
    pipe = redis.pipeline(transaction=False)
    for member in members:
        name = member.decode()
        parts = (("session", name), ("session", name, "jobs"), ("asks", name), ("events", name))
        pipe.delete(*(key(*part) for part in parts))
        pipe.zrem(key("sessions"), member)
        for of_cell in ("wanted", "held"):
            pipe.zrem(key("sessions", of_cell, cell.decode()), member)
    pipe.delete(key("app", app, SENDERS), key("app", app, "mid"), key("app", app, "mid", "ranges"))
    ask(pipe.execute)
