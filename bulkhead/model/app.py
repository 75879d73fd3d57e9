"""An app: one mesibo application, its backend URL and its limits; and the tenant that owns it."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from bulkhead.errors import InvalidInput
from bulkhead.model.member_steps import REMOVE_BY, RemoveBy
from bulkhead.model.quota import Quotas
from bulkhead.model.retry_policy import RetryPolicy
from bulkhead.model.text import listed

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
MOST_ADDRESSES = 5
"""mesibo disables an app whose backend API is called from more (vendor's backend API page)."""
_UNITS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "hour": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
OPERATION_CLASSES = ("message", "provision", "push_test", "push_upload", "sender")
"""What a call is counted as, for an app's rates; each real-time sender has that of `sender`."""
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, None: 1.0}


def parse_rate(text: str) -> float:
    """Calls a second, from `20/s`, `300/min` or `5000/h`. Raises InvalidInput."""
    number, _, unit = text.strip().partition("/")
    try:
        rate = float(number) / _UNITS[unit or "s"]
    except (ValueError, KeyError):
        rate = 0.0
    if not 0 < rate <= 1_000_000:
        raise InvalidInput(
            f"{text!r} is not a rate",
            why="a rate is a number above 0 and a unit: /s, /m or /h",
            to_do="write it like 20/s or 300/min",
        )
    return rate


def parse_duration(text: str) -> float:
    """Seconds, from `500ms`, `5s`, `10m`, `6h` or `30d`. Raises InvalidInput."""
    if (match := _DURATION.fullmatch(text.strip())) is None:
        raise InvalidInput(
            f"{text!r} is not a duration",
            why="a duration is a number and a unit: ms, s, m, h or d",
            to_do="write it like 30s or 10m",
        )
    return float(match[1]) * _SECONDS[match[2]]


def checked_name(text: str, what: str = "tenant") -> str:
    """The name, if it may be one. Raises InvalidInput."""
    if NAME.fullmatch(text):
        return text
    raise InvalidInput(
        f"{text!r} cannot be the name of {_a(what)}",
        why="a name is 1 to 63 of a-z, 0-9, dot, dash and underscore, and begins with a-z or 0-9",
        to_do="choose another name, such as " + (_near(text) or "acme"),
    )


def checked_class(name: str) -> str:
    """The name of an operation class as a person gave it. Raises InvalidInput for a slip.

    Any other name may stand there: operations of later kinds bring classes of their own.
    """
    near = difflib.get_close_matches(name, OPERATION_CLASSES, n=1)
    if name in OPERATION_CLASSES or not near:
        return checked_name(name, "class")
    raise InvalidInput(
        f"{name!r} is no class of operations: did you mean {near[0]}?",
        why=f"a limit for a class that no call has would limit nothing; there are "
        f"{listed(OPERATION_CLASSES)}",
        to_do=f"write it like {near[0]}=5/s",
    )


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _near(text: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:63]


def split_app(text: str, tenant: str | None = None) -> tuple[str, str]:
    """Tenant and app of `acme/shop`, or of `shop` where a tenant is set. Raises InvalidInput."""
    owner, slash, name = text.rpartition("/")
    if not slash and tenant:
        owner = tenant
    if not owner:
        raise InvalidInput(
            f"{text!r} does not say whose app it is",
            why="an app is written tenant/app",
            to_do=f"write it like acme/{text or 'shop'}, or set BULKHEAD_TENANT",
        )
    return checked_name(owner), checked_name(name, "app")


def write_duration(seconds: float) -> str:
    """Seconds as a person writes them: `500ms`, `5s`, `10m`, `6h`."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size:g}{unit}"
    if seconds > 3600:
        return f"{seconds / 3600:.0f}h"
    return f"{seconds:g}s"


@dataclass(frozen=True, slots=True)
class AppSettings:
    """What a person sets for an app. Durations in seconds, rate in calls a second."""

    base_url: str
    rate: float = 20.0
    burst: int = 40
    max_in_flight: int = 8
    weight: float = 1.0
    edition: str = "cloud"
    cell: str = "main"
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    max_attempts: int = 6
    ca_file: str = ""
    proxy: str = ""
    allow_http: bool = False
    retry_first: float = 0.5
    """The longest pause after the first attempt; it doubles up to `retry_longest`."""
    retry_longest: float = 60.0
    give_up_after: float = 6 * 3600.0
    """Counted from an item's first attempt."""
    labels: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, float] = field(default_factory=dict)
    """Operation class, such as `message`, to its own most calls a second."""
    senders: tuple[str, ...] | None = None
    """Addresses that messages may come from; None: any."""
    remove_members_by: RemoveBy = "delete"

    def __post_init__(self) -> None:
        for name in ("burst", "max_in_flight", "max_attempts"):
            _require(getattr(self, name) >= 1, name, "a whole number of 1 or more")
        for name in (*_TIMES, "weight"):
            _require(getattr(self, name) > 0, name, "a number above 0")
        for name, known in (("edition", ("cloud", "onprem")), ("remove_members_by", REMOVE_BY)):
            _require(getattr(self, name) in known, name, " or ".join(known))
        longer = self.retry_longest >= self.retry_first
        _require(longer, "retry_longest", "at least as long as --retry-first")
        checked_name(self.cell, "cell")
        for name in self.classes:
            checked_name(name, "class")

    @property
    def retry(self) -> RetryPolicy:
        """When an item of the app is tried again."""
        return RetryPolicy(
            self.max_attempts, self.retry_first, self.retry_longest, self.give_up_after
        )

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON shows them."""
        return {f.name: _shown(getattr(self, f.name)) for f in fields(self)}

    def to_fields(self) -> dict[str, str]:
        """The settings as the store keeps them."""
        kept = {f.name: _written(getattr(self, f.name)) for f in fields(self)}
        kept["cap"] = kept.pop("max_in_flight")
        return kept

    @classmethod
    def from_fields(cls, kept: Mapping[str, str]) -> AppSettings:
        return cls(
            base_url=kept["base_url"],
            rate=float(kept["rate"]),
            burst=int(kept["burst"]),
            max_in_flight=int(kept["cap"]),
            weight=float(kept["weight"]),
            edition=kept["edition"],
            cell=kept["cell"],
            connect_timeout=float(kept["connect_timeout"]),
            read_timeout=float(kept["read_timeout"]),
            max_attempts=int(kept["max_attempts"]),
            ca_file=kept.get("ca_file", ""),
            proxy=kept.get("proxy", ""),
            allow_http=kept.get("allow_http") == "1",
            # An app made before these existed has none of them.
            remove_members_by=kept.get("remove_members_by", "delete"),  # type: ignore[arg-type]
            **{name: float(kept[name]) for name in _RETRIES if kept.get(name)},
            labels=json.loads(kept.get("labels") or "{}"),
            classes=json.loads(kept.get("classes") or "{}"),
            senders=tuple(json.loads(kept["senders"])) if kept.get("senders") else None,
        )


_RETRIES = ("retry_first", "retry_longest", "give_up_after")
_TIMES = ("connect_timeout", "read_timeout", *_RETRIES)


def _require(holds: bool, name: str, what: str) -> None:
    if not holds:
        raise InvalidInput(
            f"--{name.replace('_', '-')} does not fit",
            why=f"it must be {what}",
            to_do="correct the value; nothing was changed",
        )


def _shown(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return json.dumps(dict(value), sort_keys=True, ensure_ascii=False)
    if isinstance(value, tuple):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return f"{value:.12g}"
    return str(value)


@dataclass(frozen=True, slots=True)
class App:
    """An app as the store holds it now. The token itself is not here."""

    tenant: str
    name: str
    settings: AppSettings
    state: str
    """`active`, `paused`, or `stopped` (its token is not accepted)."""
    token: str
    """Its last four characters, as `…last4`."""
    fingerprint: str
    version: str
    code: str = ""
    why: str = ""
    since: str | None = None
    cooling_until: str | None = None
    in_flight: int = 0
    egress: tuple[str, ...] = ()
    live: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.tenant}/{self.name}"

    def to_dict(self) -> dict[str, Any]:
        """The app as JSON shows it."""
        return {
            "app": self.id,
            "tenant": self.tenant,
            "state": self.state,
            "code": self.code or None,
            "why": self.why or None,
            "since": self.since,
            "cooling_until": self.cooling_until,
            "token": self.token,
            "token_fingerprint": self.fingerprint,
            "in_flight": self.in_flight,
            "egress": list(self.egress),
            **self.settings.to_dict(),
            **self.live,
        }


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer: it owns apps, and no tenant can sink another."""

    name: str
    state: str
    weight: float
    apps: tuple[str, ...]
    created_at: str | None
    quotas: Quotas = field(default_factory=Quotas)
    open_jobs: int = 0
    open_items: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {
            "tenant": self.name,
            "state": self.state,
            "weight": self.weight,
            "apps": list(self.apps),
            "open_jobs": self.open_jobs,
            "open_items": self.open_items,
            **asdict(self.quotas),
            "created_at": self.created_at,
        }
