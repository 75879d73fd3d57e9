"""Our record of an app's groups: which custom_id has which gid, and what is about to be made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import cast

from bulkhead.engine.script import Scripts, ask
from bulkhead.model.group_record import InOurRecord, Known, Listed, Verdict, Want

AT_ONCE = 500


class Groups:
    """Raises Unreachable."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis = scripts.redis

    def claim(self, app: str, job: str, wants: Sequence[Want]) -> list[InOurRecord]:
        """Let a job make these groups, before it does; asked again, the same.

        No other job gets them until it has ended and told what came of them.
        """
        if not wants:
            return []
        asked = json.dumps([asdict(want) for want in wants])
        return [_told(*one) for one in self._scripts.run("group", "claim", app, job, asked)]

    def adopt(self, app: str, by: str, listed: Listed, known: Known) -> InOurRecord:
        """Find out which of the listed groups is the row's own, and book it; asked again, the same.

        None is if it may as well be another row's, or if the list may not be whole.
        """
        gids = [str(gid) for gid in listed.gids]
        asked = {**asdict(listed), "gids": gids, "by": by}
        verdict, gid = self._scripts.run("group", "adopt", app, json.dumps(asked), known.to_json())
        return InOurRecord(cast("Verdict", verdict.decode()), gid.decode())

    def gids(self, app: str, custom_ids: Sequence[str]) -> dict[str, str]:
        """The gid of each custom_id that is known; one round trip."""
        if not custom_ids:
            return {}
        name = self._scripts.key("app", app, "groups")
        found = ask(self._redis.hmget, name, list(custom_ids))
        pairs = zip(custom_ids, found, strict=True)
        return {custom_id: gid.decode() for custom_id, gid in pairs if gid is not None}

    def known(self, app: str, gids: Sequence[str]) -> dict[str, Known]:
        """What the record has of each gid; one round trip."""
        if not gids:
            return {}
        found = ask(self._redis.hmget, self._scripts.key("app", app, "gids"), list(gids))
        pairs = zip(gids, found, strict=True)
        return {gid: Known.of(text) for gid, text in pairs if text is not None}

    def count(self, app: str) -> int:
        """How many groups of the app are on the record."""
        return int(ask(self._redis.hlen, self._scripts.key("app", app, "gids")))

    def entries(self, app: str) -> Iterator[tuple[str, Known]]:
        """Every gid once with what is known of it, in no order, as a stream."""
        name, seen, cursor = self._scripts.key("app", app, "gids"), set[str](), 0
        while True:
            cursor, found = ask(self._redis.hscan, name, cursor, count=AT_ONCE)
            for gid, text in found.items():
                if gid.decode() not in seen:
                    seen.add(gid.decode())
                    yield gid.decode(), Known.of(text)
            if not cursor:
                return


def _told(verdict: bytes, gid: bytes, text: bytes, job: bytes) -> InOurRecord:
    return InOurRecord(
        cast("Verdict", verdict.decode()),
        gid.decode(),
        Known.of(text) if text else None,
        job.decode(),
    )
