"""The audience of a broadcast: rows of groups and of people, joined into the rows of one job."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bulkhead.errors import InvalidInput
from bulkhead.model.batch import Batch
from bulkhead.model.broadcast import (
    ADDRESS,
    CUSTOM_ID,
    GROUP,
    VARIABLE,
    Addressed,
    Letter,
    Reader,
    is_gid,
    is_number,
)
from bulkhead.model.duplicates import Hashes, hashes_of
from bulkhead.model.mapping import plain
from bulkhead.model.text import listed
from bulkhead.model.user import Problem
from bulkhead.recipients import Of

FIRST_COLUMNS: tuple[str, ...] = ("gid", "address", "custom_id")
"""Of every broadcast's job; those that no recipient has are None when all are read."""

NOBODY, GROUPED, USER = range(3)
"""To whom the message of a row goes."""

GidsOf = Callable[[Sequence[str]], Mapping[str, str]]
"""From custom_ids to the gids that our record has of them."""


@dataclass(frozen=True, slots=True)
class Part:
    """One list of recipients, read once: a file, or what a program handed in."""

    of: Of
    columns: Sequence[str | None]
    """May grow while the rows are read."""
    batches: Iterable[Batch]
    describe: Callable[[], Mapping[str, Any]]
    """Digest and size; whole when the last row was read."""


@dataclass(slots=True)
class _Places:
    """Where the columns of one part are among those of the job."""

    places: list[int] = field(default_factory=list)


class Audience:
    """Everybody a broadcast is for, each row checked, its message included, as it passes.

    `columns` and `mapping` are whole when the last batch has passed; `batches` then raises
    InvalidInput for a variable that no column has, and for more recipients than are allowed.
    """

    def __init__(
        self, parts: Sequence[Part], letter: Letter, gids_of: GidsOf, most: int | None = None
    ) -> None:
        self.columns: list[str | None] = [*FIRST_COLUMNS]
        self.mapping = {GROUP: 0, ADDRESS: 1, CUSTOM_ID: 2}
        self.groups = self.users = 0
        """Whom something is sent to, once each when all are read."""
        self._kinds = bytearray()
        self._parts = parts
        self._letter = letter
        self._reader = Reader(letter, self.mapping)
        self._gids_of = gids_of
        self._most = most
        self._places = {plain(name): place for place, name in enumerate(FIRST_COLUMNS)}
        self._seen = set[int]()
        self.listener: Callable[[int, Addressed | None], None] | None = None
        """Told of each row, by its line, what is sent because of it."""
        self._hash, self._hashes = hashlib.sha256(), Hashes()
        self._rows = self._bytes = 0
        for name in set(letter.names) & set(FIRST_COLUMNS):
            self.mapping[VARIABLE + name] = self._places[name]

    @property
    def recipients(self) -> int:
        """How many these are."""
        return self.groups + self.users

    def batches(self) -> Iterator[Batch]:
        """Each row once, part after part. Raises what the parts raise, and InvalidInput."""
        for part in self._parts:
            joined = _Places()
            for batch in part.batches:
                yield self._checked(part, joined, batch)
        self._close()

    def input(self) -> dict[str, Any]:
        """The `input` of the job document: the digest is of the rows as the job keeps them."""
        return {
            "sha256": self._hash.hexdigest(),
            "rows": self._rows,
            "bytes": self._bytes,
            "format": "recipients",
            "groups": self.groups,
            "users": self.users,
            "lists": [{"of": part.of, **part.describe()} for part in self._parts],
        }

    def _checked(self, part: Part, joined: _Places, batch: Batch) -> Batch:
        self._join(part, joined)
        rows = [self._placed(cells, joined.places) for cells in batch.cells]
        self._resolve(rows)
        problems = dict(batch.problems)
        for place, (line, cells) in enumerate(zip(batch.lines, rows, strict=True)):
            found = None if place in problems else self._reader.read(cells, line)
            if isinstance(found, Problem):
                problems[place], found = self._told(found, part), None
            self._kinds.append(NOBODY if found is None else USER if found.gid is None else GROUPED)
            if self.listener is not None:
                self.listener(line, found)
        problems = dict(sorted(problems.items()))
        self._count(rows, problems)
        return Batch(batch.lines, rows, problems)

    def _told(self, problem: Problem, part: Part) -> Problem:
        """The problem, and in which list it is where lines have the same number in both."""
        if len(self._parts) == 1:
            return problem
        return replace(problem, message=f"In the list of {part.of}: {problem.message}")

    def _join(self, part: Part, joined: _Places) -> None:
        """Give each new column of the part its place, and each variable its column."""
        for name in part.columns[len(joined.places) :]:
            key = plain(name or "")
            place = self._places.get(key) if key else None
            if place is None or place in joined.places:
                place = len(self.columns)
                self.columns.append(name)
                self._places.setdefault(key, place)
                if key in self._letter.names:
                    self.mapping.setdefault(VARIABLE + key, place)
            joined.places.append(place)

    def _placed(self, cells: Sequence[str], places: Sequence[int]) -> list[str]:
        row = [""] * len(self.columns)
        for cell, place in zip(cells, places, strict=False):
            row[place] = cell
        # More than there are columns: refused, and kept for the errors file.
        row += cells[len(places) :]
        return row

    def _resolve(self, rows: Sequence[list[str]]) -> None:
        """Put gids in place of custom_ids, and both in the form in which they are compared."""
        for row in rows:
            row[0], row[1] = row[0].strip(), row[1].strip()
            if is_gid(row[0]):
                row[0] = str(int(row[0]))
        known = self._gids_of(sorted({row[0] for row in rows if row[0] and not is_number(row[0])}))
        for row in rows:
            if row[0] in known:
                row[0], row[2] = known[row[0]], row[2] or row[0]

    def _count(self, rows: Sequence[list[str]], problems: Mapping[int, Problem]) -> None:
        written = "".join(map(repr, rows)).encode(errors="surrogatepass")
        self._hash.update(written)
        self._bytes += len(written)
        self._rows += len(rows)
        self._hashes.extend(hashes_of(rows, 1, problems, 0))
        for place in range(3):
            if place not in self._seen and any(row[place] for row in rows):
                self._seen.add(place)

    def _close(self) -> None:
        for place in range(len(FIRST_COLUMNS)):
            if place not in self._seen:
                self.columns[place] = None
        self._refuse_unknown_variables()
        for row, _ in self._hashes.followers():
            self._kinds[row] = NOBODY
        self.groups, self.users = self._kinds.count(GROUPED), self._kinds.count(USER)
        if self._most is not None and self.recipients > self._most:
            raise InvalidInput(
                f"the broadcast has {self.recipients:,} recipients",
                why=f"it may have {self._most:,} at most, as was said with it",
                to_do="look whether the right list was named; nothing was sent",
            )

    def _refuse_unknown_variables(self) -> None:
        known = {name.removeprefix(VARIABLE) for name in self.mapping} | set(self._letter.given)
        unknown = [name for name in self._letter.names if name not in known]
        if unknown:
            names = [name for name in self.columns if name]
            raise InvalidInput(
                f"the message has a variable that nothing fills: {listed(unknown)}",
                why=f"the recipients have the columns {listed(names, 12)}" if names else "",
                to_do="correct its name, add the column, or give --var NAME=VALUE",
            )
