"""Orders that people join groups or leave them: the function behind every door."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bulkhead.audience import GidsOf, Part
from bulkhead.engine.draft import Request
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.groups import Groups
from bulkhead.engine.script import Scripts
from bulkhead.errors import InvalidInput, NotFound
from bulkhead.model.batch import Batch
from bulkhead.model.broadcast import is_gid, is_number
from bulkhead.model.code import code
from bulkhead.model.fitting import require
from bulkhead.model.job import Job
from bulkhead.model.mapping import plain
from bulkhead.model.members import ADDRESS, GID, MEMBER, Membership, Reader, Verb
from bulkhead.model.text import listed
from bulkhead.ordering import Described, Options
from bulkhead.recipients import RecipientObjects, batches_of
from bulkhead.submitting import Entry, Prepared

KIND = "groups.members"


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for beside the members and what every job may be."""

    app: str
    verb: Verb = "add"
    gid: str = ""
    """Of all members, or a custom_id of our record; empty: each row names its own."""
    permissions: Sequence[str] = ()
    admin: Sequence[str] = ()


def prepare(scripts: Scripts, order: Order, part: Part, options: Options) -> Prepared:
    """What this order is; no row is read before it is submitted.

    Raises NotFound (app, a custom_id that no group has) and InvalidInput.
    """
    app = Fleet(scripts).app(order.app)
    gids_of = partial(Groups(scripts).gids, app.id)
    asked = Membership(
        order.verb,
        _gid_of(gids_of, app.id, order.gid) if order.gid else None,
        tuple(order.permissions),
        tuple(order.admin),
        app.settings.remove_members_by,
    )
    rows = Rows(part, asked, gids_of)
    request = Request(
        kind=KIND,
        tenant=app.tenant,
        app=app.id,
        columns=part.columns,
        mapping=rows.mapping,
        params=asked.params(),
        **options.members(),
    )
    return Prepared(request, rows.batches(), part.describe)


def order_members(
    scripts: Scripts, order: Order, members: Iterable[object], options: Options
) -> Job:
    """Add or remove each member: an address, or a mapping with one and perhaps a `gid`.

    Raises as `prepare`, InvalidInput for one member alone, and as every order: Conflict,
    StoreFull or Unreachable.
    """
    # Of a text, every letter would be somebody.
    alone = isinstance(members, str | bytes | Mapping)
    require(not alone, "members", "a list, also of one")
    objects, told = RecipientObjects(), Described()
    part = Part("users", objects.columns, _told(members, objects, told), told.input)
    return prepare(scripts, order, part, options).submit(scripts)


def _told(members: Iterable[object], objects: RecipientObjects, told: Described) -> Iterator[Batch]:
    for batch in batches_of(members, "users", objects):
        entries = (Entry(line, row) for line, row in zip(batch.lines, batch.cells, strict=True))
        for _ in told.listen(entries):
            pass
        yield batch


def _gid_of(gids_of: GidsOf, app: str, word: str) -> int:
    """The group that is meant. Raises NotFound, and InvalidInput for a number that is none."""
    word = word.strip()
    if is_number(word) and not is_gid(word):
        raise InvalidInput(
            f"no group has the gid {word[:63]}",
            why=code("BAD_GID").meaning,
            to_do=code("BAD_GID").fix,
        )
    found = word if is_number(word) else gids_of([word]).get(word)
    if found is None:
        raise NotFound(
            f"{app} has no group {word!r} on our record",
            why="a group is named by its gid, or by the custom_id that it was made with",
            to_do="name it by its gid, a number; `bulkhead jobs results` of its job has it",
        )
    return int(found)


class Rows:
    """The rows of members as they pass: each checked, its group found."""

    def __init__(self, part: Part, asked: Membership, gids_of: GidsOf) -> None:
        names = [plain(name or "") for name in part.columns]
        if ADDRESS not in names:
            raise InvalidInput(
                "the members have no `address` column",
                why=f"the columns are {listed([name for name in names if name], 12)}",
                to_do="name the column of their addresses `address`",
            )
        self.mapping = {ADDRESS: names.index(ADDRESS)}
        if asked.gid is None:
            # Compared by their address alone, one person in two groups would be a duplicate.
            self.mapping = {MEMBER: names.index(ADDRESS)}
            if GID in names:
                self.mapping[GID] = names.index(GID)
        self._part = part
        self._gids_of = gids_of
        self._reader = Reader(asked.gid, self.mapping)

    def batches(self) -> Iterator[Batch]:
        """Each row once. Raises what the part raises."""
        for batch in self._part.batches:
            cells = [[*row] for row in batch.cells]
            self._resolve(cells)
            found = {**self._reader.problems(cells), **batch.problems}
            yield Batch(batch.lines, cells, dict(sorted(found.items())))

    def _resolve(self, rows: Sequence[list[str]]) -> None:
        place = self.mapping.get(GID)
        if place is None:
            return
        words = [row[place].strip() if place < len(row) else "" for row in rows]
        known = self._gids_of(sorted({word for word in words if word and not is_number(word)}))
        for row, word in zip(rows, words, strict=True):
            if word in known:
                row[place] = known[word]
