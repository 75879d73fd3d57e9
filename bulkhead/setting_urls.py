"""URLs among the settings: each checked, and none ever repeated in what is said of it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def _url_of(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:
            # The cause would quote the URL, and with it perhaps the password.
            raise ValueError("it is not a URL: escape special characters as %40, %2F …") from None
        if parts.scheme not in schemes:
            raise ValueError(f"it must begin with {' or '.join(f'{s}://' for s in schemes)}")
        if not (parts.path if _is_socket(parts.scheme) else parts.hostname):
            raise ValueError("it names no host" if parts.netloc else "it names no place")
        return url

    return AfterValidator(check)


def _is_socket(scheme: str) -> bool:
    return scheme in {"unix", "redis+socket"}


def _plain_base(url: str) -> str:
    parts = urlsplit(url)
    if parts.query or parts.fragment or "@" in parts.netloc or "?" in url or "#" in url:
        raise ValueError("it must be no more than scheme, host, port and path")
    return url.rstrip("/")


StoreUrl = Annotated[str, _url_of("redis", "rediss", "unix")]
BrokerUrl = Annotated[
    str, _url_of("redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps", "pyamqp")
]
PublicUrl = Annotated[str, _url_of("https", "http"), AfterValidator(_plain_base)]
StandInUrl = Annotated[str, _url_of("http"), AfterValidator(_plain_base)]
