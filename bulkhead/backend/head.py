"""The part of a request that is the same in every call to one endpoint, as requests prepares it."""

from __future__ import annotations

from requests import PreparedRequest, Request

from bulkhead import __version__
from bulkhead.backend.endpoint import Endpoint

HEADERS = {
    "User-Agent": f"mesibo-bulkhead/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "Content-Type": "application/json",
}


def template(endpoint: Endpoint) -> PreparedRequest:
    """The request without its body. Raises RequestException for a URL that cannot be called."""
    return Request("POST", endpoint.base_url, headers=HEADERS).prepare()
