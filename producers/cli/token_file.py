"""Where user access tokens go: a file that only its owner can read, and that is never replaced."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bulkhead.errors import Conflict, UsageProblem
from bulkhead.secrets import Secret

if TYPE_CHECKING:
    from bulkhead.model.job import Job
    from producers.cli.context import Context

STDOUT = "-"
ISSUING = "users.tokens.issue"
KEPT = 24 * 3600
"""Seconds that issued tokens can be read."""


class TokenFile:
    """JSON Lines `{"address", "token"}`; made empty with mode 0600 before any token is there."""

    def __init__(self, name: str, out: TextIO) -> None:
        self.name = name
        self.count = 0
        self._out = out

    @classmethod
    def create(cls, name: str, option: str) -> TokenFile:
        """Makes the file. Raises UsageProblem if it is there already or cannot be made."""
        try:
            # The mode is the file's from its first instant; O_EXCL follows no link either.
            handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise UsageProblem(
                f"`{name}` exists already",
                why=f"{option} never replaces a file: it may hold tokens that are nowhere else",
                to_do="name a file that is not there yet",
            ) from None
        except (OSError, ValueError) as error:
            raise UsageProblem(
                f"`{name}` cannot be written",
                why=f"the system says: {getattr(error, 'strerror', None) or error}",
                to_do=f"name a file in a folder that is yours to write for {option}",
            ) from None
        return cls(name, os.fdopen(handle, "w", encoding="utf-8", newline=""))

    @classmethod
    def stdout(cls) -> TokenFile:
        """Standard output. Raises UsageProblem where it is a terminal."""
        if sys.stdout.isatty():
            raise UsageProblem(
                "tokens are not shown on a terminal",
                why="whoever looks on, or scrolls back, would have them",
                to_do="write them to a file with --out FILE, or pipe them on",
            )
        return cls(STDOUT, sys.stdout)

    def write(self, pairs: Iterable[tuple[str, Secret]]) -> None:
        """Append every pair, and be sure of it."""
        for address, token in pairs:
            line = json.dumps({"address": address, "token": token.reveal()}, ensure_ascii=False)
            self._out.write(f"{line}\n")
            self.count += 1
        self._out.flush()
        if self.name != STDOUT:
            os.fsync(self._out.fileno())

    def close(self) -> None:
        """End it; one that has no token in it is taken away again."""
        if self.name == STDOUT:
            return
        self._out.close()
        if not self.count:
            with suppress(FileNotFoundError):
                Path(self.name).unlink()


def hand_over(ctx: Context, job: Job, out: TokenFile) -> None:
    """Write all tokens of the job that there are by now; that it was done is on the audit.

    Raises Conflict for a job that issues none, or whose tokens are kept no longer.
    """
    from structlog import get_logger

    from bulkhead.engine.audit import who_we_are
    from bulkhead.engine.tokens import tokens
    from worker import logs

    _refuse_without_tokens(ctx, job)
    who, app = who_we_are(), job.app or ""
    ctx.audit("tokens.read", tenant=job.tenant or "", app=app, job=job.id)
    logs.configure(ctx.settings)
    get_logger().info("tokens_read", tenant=job.tenant, app=app, job=job.id, who=who)
    out.write(tokens(ctx.jobs, ctx.box, job.id))
    if not out.count and _ended_long_ago(job):
        raise Conflict(
            f"the tokens of job {job.id} are not there any more",
            why=f"they are kept for {KEPT // 3600} hours after they were issued",
            to_do="issue new ones with `bulkhead users tokens issue`; that may end the old ones",
        )


def _ended_long_ago(job: Job) -> bool:
    ended = job.times.get("finished_at")
    return ended is not None and time.time() - datetime.fromisoformat(ended).timestamp() > KEPT


def _refuse_without_tokens(ctx: Context, job: Job) -> None:
    if job.kind == ISSUING or ctx.jobs.params(job.id).get("tokens", "none") != "none":
        return
    raise Conflict(
        f"job {job.id} issues no tokens",
        why=f"it is a job of kind {job.kind}, made without --tokens",
        to_do="import with --tokens missing, or see `bulkhead users tokens issue --help`",
    )
