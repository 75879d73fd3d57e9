"""User tokens that a job was given: sealed before they reach the store, kept for a day."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache

from bulkhead.box import Box
from bulkhead.engine.jobs import Jobs
from bulkhead.engine.packing import SEGMENT, pack, unpack
from bulkhead.engine.verbs import Seal
from bulkhead.model.user import User, UserMapping, read_user
from bulkhead.secrets import Secret


def sealing(box: Box) -> Seal:
    """What a worker seals the tokens of one report with: one box, that opens for its job only."""

    def seal(job: str, tokens: Sequence[tuple[int, Secret]]) -> bytes:
        rows = [[index, token.reveal()] for index, token in tokens]
        return box.seal(pack(rows), job).encode()

    return seal


def tokens(jobs: Jobs, box: Box, job: str) -> Iterator[tuple[str, Secret]]:
    """Address and token, in the order they were issued; nothing a day after the last one.

    Raises NotFound, Unreachable, or CannotOpen for another key than the workers'.
    """
    mapping = UserMapping(**json.loads(jobs.fields(job)["mapping"]))
    rows_of = lru_cache(maxsize=8)(lambda number: jobs.segment(job, number))
    for sealed in jobs.token_boxes(job):
        for index, token in unpack(box.open(sealed, job)):
            _, *cells = rows_of(index // SEGMENT)[index % SEGMENT]
            user = read_user(mapping, cells)
            if isinstance(user, User):
                yield user.address, Secret(token)
