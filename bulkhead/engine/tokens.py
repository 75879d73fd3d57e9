"""The user access tokens that a job issued, for whoever may read them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator

from bulkhead.engine.jobs import Jobs
from bulkhead.secrets import Box, Secret


def tokens(jobs: Jobs, box: Box, job: str) -> Iterator[tuple[str, Secret]]:
    """Address and token, as they were issued. Placeholder until the engine's is in main."""
    raise NotImplementedError((jobs, box, job, json, zlib))
