"""A job while it is written: rows go in as they are read, none is called before the seal."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, cast

from bulkhead.engine.draft_fields import RETENTION, Rows, job_fields
from bulkhead.engine.packing import SEGMENT, Segment, pack, unpack
from bulkhead.engine.refusal import UNSEALED_FOR, refusal, unconfirmed
from bulkhead.engine.request import Request
from bulkhead.engine.script import Scripts, ask
from bulkhead.engine.seal import SEAL_FOR, SEAL_PAUSE, Begun, ask_to_seal, begin_draft
from bulkhead.errors import Unreachable
from bulkhead.model.batch import Batch
from bulkhead.model.duplicates import (
    Comparison,
    Hashes,
    Repeats,
    hashes_of,
    hashes_of_named,
    is_of_groups,
    places_of,
)
from bulkhead.model.job import new_job_id

__all__ = ["RETENTION", "SEAL_FOR", "SEAL_PAUSE", "Draft", "Request"]

SKIPPED, FAILED = 3, 4
FIRST_LINES = 5
FLUSH_EVERY = 64


class Draft:
    """Rows in, a sealed job out. Raises StoreFull or Unreachable while writing.

    Making one writes nothing yet: what is in the store is there for `abandon` to find.
    """

    def __init__(
        self, scripts: Scripts, request: Request, clock: Callable[[], float] = time.time
    ) -> None:
        self.id = new_job_id(clock())
        self._scripts = scripts
        self._request = request
        self._clock = clock
        self._pipe = scripts.redis.pipeline(transaction=False)
        self._open_segment = Segment()
        self._refused: list[Any] = []
        self._map = bytearray()
        self._codes: dict[str, list[int]] = {}
        self._code_counts: dict[str, int] = {}
        self.total = 0
        self.failed = 0
        self.skipped = 0
        self._segments = 0
        self._whom = places_of(request.mapping)
        self._group = request.mapping.get("group", -1)
        self._hashes = Hashes()
        self._content = hashlib.sha256()
        self._begin()

    def open(self) -> None:
        """From now on the job is listed, as one whose rows are being read."""
        self._flush()

    def take(self, batch: Batch) -> None:
        """Append items; one with a problem is `failed` from the start, with the reason."""
        first = self.total
        self.total += len(batch.cells)
        self._map.extend(bytes((self.total + 1) // 2 - len(self._map)))
        if is_of_groups(self._request.mapping):
            self._hashes.extend(hashes_of_named(batch.cells, self._whom, batch.problems))
        elif self._whom:
            found = hashes_of(batch.cells, self._whom[0], batch.problems, self._group)
            self._hashes.extend(found)
        for place, problem in batch.problems.items():
            line = batch.lines[place]
            self._end(first + place, FAILED, line, problem.code, problem.message)
        if self._request.waves and batch.cells:
            column = self._request.mapping["app"]
            self._pipe.rpush(self._key("apps"), *(cells[column] for cells in batch.cells))
            self._pipe.expire(self._key("apps"), UNSEALED_FOR)
        numbered = zip(batch.lines, batch.cells, strict=True)
        self._write([[line, *cells] for line, cells in numbered])

    def _write(self, rows: list[list[int | str]]) -> None:
        while rows:
            room = self._open_segment.room
            self._open_segment.take(rows[:room])
            rows = rows[room:]
            if not self._open_segment.room:
                self._close_segment()

    def _end(self, index: int, state: int, line: int, code: str, message: str) -> None:
        """Write what becomes of an item that no call will be made for."""
        self.failed += state == FAILED
        self.skipped += state == SKIPPED
        self._map[index // 2] |= state << 4 if index % 2 == 0 else state
        lines = self._codes.setdefault(code, [])
        if len(lines) < FIRST_LINES:
            lines.append(line)
        self._code_counts[code] = self._code_counts.get(code, 0) + 1
        now = int(self._clock() * 1000)
        self._refused.append([index, state, "", code, message, {}, 0, now, now])
        if len(self._refused) == SEGMENT:
            self._close_refused()

    def _end_repeated(self) -> None:
        """Of rows with one address the first counts; the same again is skipped, others fail."""
        followers, self._hashes = self._hashes.followers(), Hashes()
        if not self._whom:
            return
        comparison = Comparison(self._request.mapping, self._request.columns)
        for repeat in Repeats(comparison, self._segment, SEGMENT).of(followers):
            state = SKIPPED if repeat.same else FAILED
            self._end(repeat.row, state, repeat.line, repeat.code, repeat.message)

    def _segment(self, number: int) -> list[Any]:
        self._flush()
        blob = ask(self._scripts.redis.get, self._key("seg", str(number)))
        if blob is None:
            raise refusal(self._request, "expired", "", "")
        return unpack(cast(bytes, blob))

    def seal(self, described: Mapping[str, Any]) -> str:
        """Hand the job over: its id, or the id of the same request made before.

        `described` is the `input` of the job document. Raises Conflict when the idempotency key
        belongs to another content, NotFound when the app is gone.
        """
        fields, codes = self.finish(described)
        if not ask(self._scripts.replicas.confirm, SEAL_FOR):
            raise unconfirmed("the job was not accepted")
        answer = ask_to_seal(self._scripts, self.id, fields, codes, SEAL_FOR)
        verdict, job, state = (part.decode() for part in answer)
        if verdict == "ok":
            return self.id
        self.discard()
        if verdict == "same":
            return str(job)
        raise refusal(self._request, verdict, job, state)

    def finish(self, described: Mapping[str, Any]) -> tuple[str, str]:
        """Write down the last row; the job's fields, and the codes of rows refused, as JSON."""
        if self._open_segment.room < SEGMENT:
            self._close_segment()
        self._end_repeated()
        self._close_refused()
        self._pipe.set(self._key("map"), bytes(self._map), ex=UNSEALED_FOR)
        self._flush()
        fields = json.dumps(job_fields(self._request, self._rows(), described))
        codes = [
            [code, self._code_counts[code], ",".join(map(str, lines))]
            for code, lines in self._codes.items()
        ]
        return fields, json.dumps(codes)

    @property
    def segments(self) -> int:
        """How many values its rows fill; final after `finish`."""
        return self._segments

    def discard(self) -> bool:
        """Forget everything written so far; False if the job was sealed after all, and runs."""
        self._pipe.reset()
        return bool(self._scripts.run("discard", self.id, self._segments))

    def abandon(self) -> bool:
        """Discard as far as the store can be reached; what remains expires within the hour.

        False if the job is known to have been sealed.
        """
        with suppress(Unreachable):
            return self.discard()
        return True

    def _begin(self) -> None:
        about = (self._request.kind, self._request.tenant, self._request.app)
        begin_draft(self._pipe, self._scripts, Begun(self.id, *about, self._clock()))
        if self._request.file:
            self._pipe.set(self._key("file"), self._request.file, ex=UNSEALED_FOR)

    def _rows(self) -> Rows:
        digest = self._content.digest()
        counted = (self.total, self.failed, self.skipped, self._segments)
        return Rows(*counted, digest, self._clock())

    def _close_segment(self) -> None:
        blob, self._open_segment = self._open_segment.pack(), Segment()
        self._content.update(blob)
        self._pipe.set(self._key("seg", str(self._segments)), blob, ex=UNSEALED_FOR)
        self._segments += 1
        if self._segments % FLUSH_EVERY == 0:
            self._flush()

    def _close_refused(self) -> None:
        if self._refused:
            self._pipe.rpush(self._key("out"), pack(self._refused))
            self._pipe.expire(self._key("out"), UNSEALED_FOR)
            self._refused.clear()

    def _flush(self) -> None:
        ask(self._pipe.execute)

    def _key(self, *parts: str) -> str:
        return self._scripts.key("job", self.id, *parts)
