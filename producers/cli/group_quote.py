"""What `--dry-run` says of groups: how many would be made, which are there, and how many calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from bulkhead.engine.groups import Groups
from bulkhead.engine.script import Scripts
from bulkhead.model.group import Group, GroupMapping, read_group
from bulkhead.model.group_call import calls_for
from producers.cli.history import Counted, Foreseen
from producers.rows.row import Row, rows_of
from producers.rows.survey import Survey

if TYPE_CHECKING:
    from producers.cli.order import Order

AT_ONCE = 1000
NOT_ONCE = (
    "{count:,} of the groups have no custom_id: if this is run again, they are made once more"
)


class _Groups:
    """Counts the groups as they pass, some hundreds at a time."""

    def __init__(self, record: Groups, app: str, kind: str, mapping: Mapping[str, int]) -> None:
        self._record = record
        self._app = app
        self._kind = kind
        self._mapping = GroupMapping(**mapping)
        self.calls: list[int] = []
        """Of each row."""
        self.done: list[bool] = []
        self.nameless: list[bool] = []

    def listen(self, rows: Iterator[Row]) -> Iterator[Row]:
        while batch := list(islice(rows, AT_ONCE)):
            self._look_at(batch)
            yield from batch

    def _look_at(self, batch: list[Row]) -> None:
        read = [None if row.problem else read_group(self._mapping, row.cells) for row in batch]
        found = [one if isinstance(one, Group) else None for one in read]
        done = self._done([one for one in found if one is not None])
        for one in found:
            same = one is not None and one.custom_id in done and done[one.custom_id] == one.digest
            self.done.append(same)
            self.calls.append(0 if one is None or same else calls_for(self._kind, one))
            self.nameless.append(one is not None and not one.custom_id)

    def _done(self, found: list[Group]) -> dict[str, str]:
        """The digest that our record has of each custom_id, of groups that are to be made."""
        if self._kind != "groups.create":
            return {}
        gids = self._record.gids(self._app, [one.custom_id for one in found if one.custom_id])
        known = self._record.known(self._app, list(gids.values()))
        return {name: known[gid].digest for name, gid in gids.items() if gid in known}


def quote_groups(scripts: Scripts, order: Order) -> tuple[Counted, list[dict[str, Any]], Foreseen]:
    """Each row is checked, compared with the others, and looked up."""
    request = order.request
    counting = _Groups(Groups(scripts), request.app, request.kind, request.mapping)
    passing = counting.listen(rows_of(order.batches))
    survey = Survey(passing, request.mapping, request.columns)
    for row in survey.repeated:
        counting.calls[row], counting.done[row], counting.nameless[row] = 0, False, False
    done, without = sum(counting.done), sum(counting.nameless)
    counted = Counted(
        total=survey.rows,
        valid=survey.valid,
        invalid=survey.invalid,
        duplicates=survey.skipped,
        already_done=done,
        to_send=survey.valid - done,
    )
    again = without and request.kind == "groups.create"
    will = Foreseen(
        already_done=done,
        calls=sum(counting.calls),
        new=0,
        billable=0,
        note=NOT_ONCE.format(count=without) if again else "",
    )
    return counted, survey.errors_by_code(), will
