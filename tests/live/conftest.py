"""Where the real service is, if somebody says so: the only reader of these variables."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

TOKEN_FILE, URL = "BULKHEAD_LIVE_APP_TOKEN_FILE", "BULKHEAD_LIVE_BASE_URL"
RECORD, WRONG_TOKEN = "BULKHEAD_LIVE_RECORD", "BULKHEAD_LIVE_WRONG_TOKEN"


@pytest.fixture
def service():
    """The service's URL and token, and where its answers go; skips the test without them."""
    missing = [name for name in (TOKEN_FILE, URL) if not os.environ.get(name)]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not set: the real service was not asked")
    return SimpleNamespace(
        url=os.environ[URL],
        token=Path(os.environ[TOKEN_FILE]).read_text(encoding="utf-8").strip(),
        record=Path(os.environ.get(RECORD) or "live-record.json"),
        wrong_token=os.environ.get(WRONG_TOKEN) == "yes",
    )
