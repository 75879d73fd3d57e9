"""The call of every rival in Python: the cheapest that its kind of worker can make.

No TLS, no proxy, no redirect, no session: whatever is left out only helps the rival.
"""

from __future__ import annotations

import json
import os
import threading
from http.client import HTTPConnection
from urllib.parse import urlsplit

HEADERS = {"Content-Type": "application/json"}
_local = threading.local()


def body(address: str, name: str) -> bytes:
    """One `useradd`, as it goes on the wire."""
    user = {"address": address, "name": name}
    return json.dumps({"op": "useradd", "token": os.environ["RIVAL_TOKEN"], "user": user}).encode()


def check(answer: bytes) -> None:
    """Raises ValueError unless the user was added."""
    if json.loads(answer)["result"] is not True:
        raise ValueError(answer.decode())


def call(address: str, name: str) -> None:
    """Make one call over this thread's own connection, which stays open."""
    connection = getattr(_local, "connection", None)
    if connection is None:
        url = urlsplit(os.environ["RIVAL_URL"])
        connection = _local.connection = HTTPConnection(url.hostname or "", url.port, timeout=30)
        _local.path = url.path
    connection.request("POST", _local.path, body(address, name), HEADERS)
    check(connection.getresponse().read())
