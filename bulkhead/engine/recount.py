"""Recounts a job from its map, leases, lists, results and input; and repairs its counts."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bulkhead.engine.document import counts_in
from bulkhead.engine.jobs import JOB_ID, Jobs
from bulkhead.engine.packing import SEGMENT, unpack
from bulkhead.engine.script import Scripts, ask, decoded
from bulkhead.errors import Conflict
from bulkhead.model.job import JobState
from bulkhead.model.ranges import Ranges, parse_ranges
from bulkhead.model.tally import COUNTED, Difference, Evidence, Tally, tally, unpacked

MAP_AT_ONCE = 4 * 2**20
"""Bytes: the map of eight million items, copied in about a millisecond."""
ENTRIES_AT_ONCE = 20_000
"""Redo entries and retries that come with the look; more are read in pages beside it."""
CHUNKS_AT_ONCE = 50
LOOKS = 5


@dataclass(frozen=True, slots=True)
class Recounted:
    """What a job says, what was counted, and in words what differs."""

    job: str
    app: str
    state: JobState
    version: int
    stored: dict[str, int]
    tally: Tally
    rows: int
    results: int
    codes: dict[str, int]
    """How many items have each code, by their results."""
    differences: tuple[str, ...]
    whole: bool
    """False if too much was on the move to prove that no item is lost."""

    @property
    def right(self) -> bool:
        return not self.differences

    def to_dict(self) -> dict[str, Any]:
        """The recount as JSON shows it."""
        counted = dict(self.tally.counted)
        parts = " + ".join(f"{n} {name}" for name, n in counted.items() if name != "total")
        return {
            "job": self.job,
            "app": self.app,
            "state": self.state.value,
            "version": self.version,
            "right": self.right,
            "differences": list(self.differences),
            "counts": self.stored,
            "counted": counted,
            "sum": f"{counted['total']} = {parts}",
            "errors_by_code": self.codes,
            "input_rows": self.rows,
            "results": self.results,
            "places": dict(self.tally.places),
            "places_proven": self.whole,
        }


@dataclass(frozen=True, slots=True)
class _Look:
    """What audit.lua saw in one instant."""

    fields: dict[str, str]
    piece: bytes
    map_size: int
    leases: tuple[tuple[str, Ranges], ...]
    redo: tuple[bytes, ...]
    redo_size: int
    retries: tuple[int, ...]
    app_retries: int
    results: int
    codes: dict[str, int]
    held: tuple[int, int]

    @property
    def stamp(self) -> tuple[object, ...]:
        """Another one if anything that was seen has moved."""
        at = (self.fields.get("version"), self.fields.get("next"), self.leases)
        return (*at, self.redo_size, self.app_retries, self.results)

    @property
    def small(self) -> bool:
        return self.redo_size <= ENTRIES_AT_ONCE and self.app_retries <= ENTRIES_AT_ONCE


class Recount:
    """Raises NotFound, Conflict, Unreachable."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis = scripts.redis
        self._jobs = Jobs(scripts)

    def audit(self, job: str) -> Recounted:
        """Count the job again, also while it runs; changes nothing.

        Raises Conflict for a job whose input is still being read.
        """
        seen, look, results = self._evidence(job)
        counted = tally(seen)
        state = JobState(look.fields["state"])
        counts = counts_in(look.fields, state)
        return Recounted(
            job=job,
            app=look.fields["app"],
            state=state,
            version=int(look.fields.get("version") or 1),
            stored={name: getattr(counts, name) for name in counts.__dataclass_fields__},
            tally=counted,
            rows=seen.rows,
            results=results,
            codes=dict(seen.codes),
            differences=tuple(self._in_words(job, each) for each in counted.differences),
            whole=seen.whole,
        )

    def repair(self, job: str) -> Recounted:
        """Set the job's counts to what was counted; the recount afterwards.

        Raises Conflict while a lease of the job is open, or if it changed meanwhile.
        """
        before = self.audit(job)
        counts = {name: before.tally.counted[name] for name in (*COUNTED, "total")}
        flat = [part for pair in counts.items() for part in pair]
        codes = json.dumps(before.codes)
        answer = self._scripts.run("audit", job, "repair", before.version, codes, *flat)
        if not answer:
            self._jobs.get(job)
        verdict, number = answer
        if verdict == b"leases":
            raise Conflict(
                f"job {job} cannot be repaired now",
                why=f"{number} of its leases are open, and what they hold is being called",
                to_do=f"`bulkhead jobs pause {job}`, wait until nothing is in flight, then repair",
            )
        if verdict == b"version":
            raise Conflict(
                f"job {job} has changed while it was counted",
                why="another count would be wrong again",
                to_do="repair it once more",
            )
        return self.audit(job)

    def _evidence(self, job: str) -> tuple[Evidence, _Look, int]:
        look, packed, redo, retries, whole = self._standing(job)
        fields = look.fields
        states = unpacked(packed, int(fields["total"]))
        stored = {name: int(fields.get(name) or 0) for name in ("total", *COUNTED)}
        settled, codes = self._settled(job, look.results, states)
        seen = Evidence(
            state=fields["state"],
            terminal=JobState(fields["state"]).terminal,
            stored=stored,
            rows=sum(self._rows(job, int(fields.get("segments") or 0))),
            states=states,
            next=int(fields.get("next") or 0),
            begun=[left for state, left in look.leases if state == "begun"],
            granted=[left for state, left in look.leases if state == "granted"],
            redo=[_redo_ranges(entry) for entry in redo],
            retries=retries,
            settled=settled,
            codes_stored=look.codes,
            codes=codes,
            held=look.held,
            whole=whole,
        )
        return seen, look, sum(settled)

    def _standing(self, job: str) -> tuple[_Look, bytes, list[bytes], list[int], bool]:
        """One look, its whole map and its lists, and whether all of it is of one instant."""
        for last in (*[False] * (LOOKS - 1), True):
            look = self._look(job)
            packed = look.piece
            while len(packed) < look.map_size:
                packed += self._look(job, len(packed)).piece
            redo, retries = list(look.redo), list(look.retries)
            if not look.small:
                redo, retries = self._lists(job, look.fields["app"])
            at_once = look.small and len(look.piece) == look.map_size
            if at_once or self._look(job).stamp == look.stamp:
                return look, packed, redo, retries, True
            if last and len(look.piece) == look.map_size:
                return look, packed, redo, retries, False
        raise Conflict(
            f"job {job} changes faster than it can be counted",
            why="its map is too long to be read in one instant",
            to_do=f"`bulkhead jobs pause {job}`, audit, then resume",
        )

    def _look(self, job: str, first: int = 0) -> _Look:
        limits = (first, MAP_AT_ONCE, ENTRIES_AT_ONCE)
        answer = self._scripts.run("audit", job, "look", *limits) if JOB_ID.fullmatch(job) else []
        if not answer:
            self._jobs.get(job)
        flat, piece, size, leases, redo, many, retries, all_retries, results, *rest = answer
        codes, said, held = rest
        fields = decoded(dict(zip(flat[::2], flat[1::2], strict=True)))
        if fields["state"] == JobState.VALIDATING.value:
            raise Conflict(
                f"job {job} cannot be counted yet",
                why="its input is still being read",
                to_do="audit it when it has been accepted",
            )
        return _Look(
            fields,
            piece,
            size,
            tuple((state.decode(), parse_ranges(left.decode())) for state, left in leases),
            tuple(redo),
            many,
            tuple(map(int, retries)),
            all_retries,
            results,
            _counts_of(codes),
            (said, held),
        )

    def _lists(self, job: str, app: str) -> tuple[list[bytes], list[int]]:
        redo: list[bytes] = []
        name, step = self._scripts.key("job", job, "redo"), ENTRIES_AT_ONCE
        while page := ask(self._redis.lrange, name, len(redo), len(redo) + step - 1):
            redo += page
        waiting = self._redis.zscan_iter(
            self._scripts.key("app", app, "retry"), match=f"{job}:*", count=1_000
        )
        found = {int(member.decode().split(":")[1].split("@")[0]) for member, _ in waiting}
        return redo, sorted(found)

    def _settled(
        self, job: str, chunks: int, states: bytearray
    ) -> tuple[bytearray, dict[str, int]]:
        """Of the first so many chunks: which items have a result that agrees with the map, and
        how many have each code.
        """
        found, name = bytearray(len(states)), self._scripts.key("job", job, "out")
        # Two bytes an item: a dictionary of a million codes would take a hundred.
        code_of, numbers = array("H", bytes(2 * len(states))), {"": 0}
        for start in range(0, chunks, CHUNKS_AT_ONCE):
            last = min(start + CHUNKS_AT_ONCE, chunks) - 1
            for chunk in ask(self._redis.lrange, name, start, last):
                for index, state, _, code, *_ in unpack(chunk):
                    if index < len(states) and states[index] == state and not found[index]:
                        found[index] = 1
                        code_of[index] = numbers.setdefault(code, len(numbers))
        counted = Counter(code_of)
        return found, {
            code: counted[number] for code, number in numbers.items() if counted[number] and code
        }

    def _rows(self, job: str, segments: int) -> Iterator[int]:
        for number in range(segments):
            blob = ask(self._redis.get, self._scripts.key("job", job, "seg", str(number)))
            yield len(unpack(blob)) if blob is not None else 0

    def _in_words(self, job: str, found: Difference) -> str:
        if not found.items:
            return found.what
        lines = [
            str(self._jobs.segment(job, item // SEGMENT)[item % SEGMENT][0]) for item in found.items
        ]
        return f"{found.what} ({'line' if len(lines) == 1 else 'lines'} {', '.join(lines)})"


def _counts_of(codes: Sequence[bytes]) -> dict[str, int]:
    """How often each code was counted; beside each the store keeps its first lines."""
    told = decoded(dict(zip(codes[::2], codes[1::2], strict=True)))
    return {code: int(n) for code, n in told.items() if not code.endswith("|lines") and n != "0"}


def _redo_ranges(entry: bytes) -> Ranges:
    return parse_ranges(entry.decode().split("@")[0].split("/")[0])
