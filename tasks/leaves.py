"""Leave to put files into slots, asked for all slices that begin together: before any is sent."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from bulkhead.engine.cabinet import Cabinet
from bulkhead.engine.push_record import Claim
from bulkhead.model.push import Wish
from bulkhead.model.slice import Begun, Held, Slice
from tasks.operation import wishes


def with_leaves(
    parcel: Sequence[Slice], answers: Sequence[Begun | Held], cabinet: Cabinet
) -> list[Begun | Held]:
    """The answers, with what the store says to what these slices are to send; one round trip.

    Where that cannot be asked, each slice asks for itself as it is taken up.
    """
    found = list(answers)
    asked = [
        (at, Claim(part.app, part.job, wanted))
        for at, part in enumerate(parcel)
        if isinstance(found[at], Begun) and (wanted := _wishes(cabinet, part))
    ]
    if not asked:
        return found
    with suppress(Exception):  # said where the slice is taken up
        leaves = cabinet.push_record.claim_all([claim for _, claim in asked])
        for (at, claim), said in zip(asked, leaves, strict=True):
            begun = found[at]
            if isinstance(begun, Begun):
                found[at] = replace(begun, leaves=dict(zip(claim.wishes, said, strict=True)))
    return found


def _wishes(cabinet: Cabinet, part: Slice) -> Sequence[Wish]:
    with suppress(Exception):  # said where the slice is taken up
        return wishes(cabinet, part)
    return ()
