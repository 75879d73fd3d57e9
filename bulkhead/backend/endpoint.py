"""Where an app's backend is, and how it may be reached."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from bulkhead.errors import InvalidInput

Edition = Literal["cloud", "onprem"]

_HOST = re.compile(r"[A-Za-z0-9._:-]+", re.ASCII)

LONGEST_TIMEOUT = 600.0
"""Seconds: a call is never waited for longer, whatever is asked for."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One backend URL with the way to it; one that exists may be called.

    Timeouts are in seconds: `connect_timeout` for each address tried, `read_timeout` for the
    whole answer. Raises InvalidInput for anything that could not be called safely.
    """

    base_url: str
    edition: Edition = "cloud"
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    ca_file: str | None = None
    # A proxy's URL may hold a password.
    proxy: str | None = field(default=None, repr=False)
    allow_http: bool = False

    def __post_init__(self) -> None:
        parts = _checked_url("base URL", self.base_url)
        _check_bare(parts)
        if parts.scheme == "http" and not self.allow_http and not _is_loopback(parts):
            raise InvalidInput(
                "the base URL is not encrypted",
                why="the app token would travel readable over http://",
                to_do="use https://, or add --allow-http if the network is your own",
            )
        if self.proxy is not None:
            _checked_url("proxy", self.proxy)
        if self.edition not in ("cloud", "onprem"):
            raise InvalidInput(
                "the edition is not known", to_do="set the edition to cloud or onprem"
            )
        _check_timeout("connect timeout", self.connect_timeout)
        _check_timeout("read timeout", self.read_timeout)


def _checked_url(name: str, url: str) -> SplitResult:
    # The reason never repeats the URL: it may hold a password.
    try:
        parts = urlsplit(url)
        well_formed = (
            parts.scheme in ("http", "https")
            # Plain hosts only: on a backslash in one, the libraries disagree where it ends.
            and _HOST.fullmatch((parts.hostname or "").encode("idna").decode()) is not None
            and parts.port != 0
            and url.isprintable()
            and " " not in url
        )
    except ValueError:
        well_formed = False
    if not well_formed:
        raise InvalidInput(
            f"the {name} is not a usable URL",
            why="it needs http:// or https:// and a host, and no blanks",
            to_do="write it like https://api.mesibo.com/backend/",
        )
    return parts


def _check_bare(parts: SplitResult) -> None:
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(
            "the base URL holds a user name or password",
            why="the backend knows an app by its token alone",
            to_do="remove everything between // and @",
        )
    if parts.query or parts.fragment:
        raise InvalidInput(
            "the base URL holds a query or a fragment",
            why="everything of a call travels in its body, never in its URL",
            to_do="remove everything from ? or # on",
        )


def _is_loopback(parts: SplitResult) -> bool:
    host = (parts.hostname or "").rstrip(".")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_timeout(name: str, seconds: float) -> None:
    if not (math.isfinite(seconds) and 0 < seconds <= LONGEST_TIMEOUT):
        raise InvalidInput(
            f"the {name} is out of range",
            why=f"a call waits for more than 0 and at most {LONGEST_TIMEOUT:.0f} seconds",
            to_do=f"set the {name} within that range",
        )
