"""Has a user token issued for a sender: by a job, because no call is made without a permit."""

from __future__ import annotations

from collections.abc import Callable
from time import time

from bulkhead.box import Box
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.request import Request
from bulkhead.engine.script import Scripts
from bulkhead.engine.sessions import SenderId
from bulkhead.engine.tokens import tokens
from bulkhead.errors import NotFound
from bulkhead.model.kind import SIGN_IN
from bulkhead.secrets import Secret
from bulkhead.submitting import Entry, submit

GIVE_UP_AFTER = 120.0
"""Seconds after which a token that was not issued is asked for by another job."""
ONE_JOB = 60
"""Seconds of which each has one job: an earlier one that failed says nothing about now."""


class SignIns:
    """Raises Unreachable, and what refuses a job."""

    def __init__(self, scripts: Scripts, box: Box, clock: Callable[[], float] = time) -> None:
        self._scripts = scripts
        self._jobs = Jobs(scripts, clock)
        self._clock = clock
        self._box = box

    def begin(self, who: SenderId, after: str) -> str:
        """The id of the job; the same again for whoever goes on where a keeper died.

        `after` says what was of no use before: a token's fingerprint, or a job.
        """
        when = int(self._clock() // ONE_JOB)
        request = Request(
            SIGN_IN,
            who.tenant,
            who.app,
            columns=["address"],
            mapping={"width": 1, "address": 0},
            priority="urgent",
            idempotency_key=f"{SIGN_IN} {who.app} {who.sender} {after} {when}",
            give_up_after=GIVE_UP_AFTER,
        )
        row = Entry(1, [who.sender])
        return submit(self._scripts, request, [row], lambda: {"rows": 1, "format": "sign-in"}).id

    def look(self, job: str) -> Secret | str | None:
        """The token, or why there is none; None while the job goes on."""
        try:
            found = self._jobs.get(job)
            if not found.ended:
                return None
            for _, token in tokens(self._jobs, self._box, job):
                return token
            for result in self._jobs.results(job):
                if result.code:
                    return f"{result.message or result.code} ({job})"
        except NotFound:
            return f"{job} is forgotten"
        return f"{job} ended as {found.state.value} and left no token"
