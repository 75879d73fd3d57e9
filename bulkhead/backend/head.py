"""The part of a request that is the same in every call to one endpoint, as requests prepares it."""

from __future__ import annotations

from requests import PreparedRequest, Request

from bulkhead import __version__
from bulkhead.backend.endpoint import Endpoint

JSON = "application/json"

HEADERS = {
    "User-Agent": f"mesibo-bulkhead/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "Content-Type": JSON,
}
_LINE = "\r\nContent-Type: {}\r\n"


def template(endpoint: Endpoint) -> PreparedRequest:
    """The request without its body. Raises RequestException for a URL that cannot be called."""
    return Request("POST", endpoint.base_url, headers=HEADERS).prepare()


def of_type(head: bytes, content_type: str) -> bytes:
    """A head that was written for JSON, for a body of another type."""
    return head.replace(_LINE.format(JSON).encode(), _LINE.format(content_type).encode(), 1)
