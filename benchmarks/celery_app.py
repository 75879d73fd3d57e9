"""One Celery task per item, as a user would write it: nothing of ours is in here.

No limits, no retries, no account of what happened: that is what it is compared without.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import requests
from celery import Celery

app = Celery("rival", broker=os.environ["RIVAL_BROKER"])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)

_local = threading.local()


@app.task  # type: ignore[untyped-decorator]
def add_user(address: str, name: str) -> None:
    """Make one call over this thread's own connection."""
    session = getattr(_local, "session", None)
    if session is None:
        session = _local.session = requests.Session()
    user: dict[str, Any] = {"address": address, "name": name}
    body = {"op": "useradd", "token": os.environ["RIVAL_TOKEN"], "user": user}
    answer = session.post(os.environ["RIVAL_URL"], json=body, timeout=(5, 30))
    if answer.json()["result"] is not True:
        raise ValueError(answer.text)
