"""What the reception of the front door works with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bulkhead.engine.front import Front
from bulkhead.engine.notices import Notices
from bulkhead.engine.script import Scripts
from bulkhead.site import SecretKeys


@dataclass(frozen=True, slots=True)
class Desk:
    """What the reception works with."""

    scripts: Scripts
    front: Front
    notices: Notices
    tenant: str | None
    """Lets `shop` stand for `acme/shop`; rotations are of its apps alone."""
    keys: SecretKeys
    clock: Callable[[], float] = time.time
