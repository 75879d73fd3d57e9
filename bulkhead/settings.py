"""What the environment and the settings file say. The only file that reads either."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from platformdirs import user_state_path

from bulkhead.errors import InvalidInput
from bulkhead.key_file import read_key, read_keys
from bulkhead.masking import MASK, mask_url
from bulkhead.secrets import SHORTEST_KEY, Secret
from bulkhead.setting_checks import Check, full_path, key, one_of, plain_name, url_of

PREFIX = "BULKHEAD_"

Origin = Literal["default", "environment", "file"]
_FILE: Origin = "file"
_ENVIRONMENT: Origin = "environment"

_STORE_URL = url_of("redis", "rediss", "unix")
_BROKER_URL = url_of("redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps", "pyamqp")


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of `config show`: safe to print."""

    name: str
    value: str | None
    origin: Origin


def _by(check: Check) -> Mapping[str, Check]:
    return {"check": check}


def _home() -> Path:
    return user_state_path("bulkhead").absolute()


# By hand and not by a library of models: that would cost each command longer than its work.
@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting. Made by hand it reads and checks nothing; `load` reads the environment."""

    redis_url: str | None = field(default=None, repr=False, metadata=_by(_STORE_URL))
    """The store; unset: the embedded one under `home`."""
    broker_url: str | None = field(default=None, repr=False, metadata=_by(_BROKER_URL))
    """Celery's broker; unset: the store, same database."""
    secret_key: Secret | None = field(default=None, repr=False, metadata=_by(key))
    secret_key_file: Path | None = field(default=None, metadata=_by(full_path))
    secret_key_old: Secret | None = field(default=None, repr=False, metadata=_by(key))
    """The key before this one, while it is changed."""
    secret_key_old_file: Path | None = field(default=None, metadata=_by(full_path))
    tenant: str | None = field(default=None, metadata=_by(plain_name))
    """Lets `shop` stand for `acme/shop`."""
    cell: str = field(default="main", metadata=_by(plain_name))
    egress: str = field(default="default", metadata=_by(plain_name))
    """The name of the public address this host calls from."""
    http: str = field(default="lean", metadata=_by(one_of("lean", "requests")))
    """How calls travel: on one event loop, or with requests on a thread each."""
    log_level: str = field(
        default="INFO", metadata=_by(one_of("DEBUG", "INFO", "WARNING", "ERROR"))
    )
    log_format: str = field(default="auto", metadata=_by(one_of("auto", "json", "console")))
    """`auto`: console form on a terminal, else JSON lines."""
    log_addresses: str = field(default="masked", metadata=_by(one_of("masked", "full")))
    home: Path = field(default_factory=_home, metadata=_by(full_path))
    config: Path | None = field(default=None, metadata=_by(full_path))

    _origins: Mapping[str, Origin] = field(default_factory=dict, repr=False, compare=False)
    _warnings: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """What the environment says, else the TOML file at `BULKHEAD_CONFIG`, else the default.

        Raises InvalidInput that names the variable, and never holds its value.
        """
        environ = os.environ if environ is None else environ
        said = _said_by(environ)
        path = Path(said["config"]).expanduser() if "config" in said else None
        written = _read_toml(path) if path else {}
        known = {name: value for name, value in written.items() if name in _KEYS}
        origins = dict.fromkeys(known, _FILE) | dict.fromkeys(said, _ENVIRONMENT)
        return cls(
            **_checked(known | said, origins, path),
            _origins=origins,
            _warnings=(*_unknown_variables(environ), *_unknown_keys(written, path)),
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Names nobody reads, each with the name that may have been meant."""
        return self._warnings

    def origin(self, name: str) -> Origin:
        """Who said so."""
        return self._origins.get(name, "default")

    def show(self) -> list[Shown]:
        """Every setting for `config show`, secrets and passwords masked."""
        return [Shown(name, _masked(getattr(self, name)), self.origin(name)) for name in NAMES]

    def key_text(self) -> str | None:
        """The secret key, set here or in `secret_key_file`; None: the embedded store's own.

        Raises InvalidInput where a store of one's own has no key, or the file holds none.
        """
        if self.secret_key is not None:
            return self.secret_key.reveal()
        if self.secret_key_file is not None:
            return read_key(self.secret_key_file, f"{PREFIX}SECRET_KEY_FILE", SHORTEST_KEY)
        if self.redis_url is not None:
            raise InvalidInput(
                "BULKHEAD_SECRET_KEY is not set",
                why="with BULKHEAD_REDIS_URL every process must be given the same key",
                to_do=f"set it, or BULKHEAD_SECRET_KEY_FILE, to {SHORTEST_KEY} or more characters",
            )
        return None

    def earlier_keys(self) -> tuple[str, ...]:
        """Keys that may still open what they have sealed; raises InvalidInput as `key_text`."""
        if self.secret_key_old is not None:
            return (self.secret_key_old.reveal(),)
        if self.secret_key_old_file is None:
            return ()
        place = f"{PREFIX}SECRET_KEY_OLD_FILE"
        return read_keys(self.secret_key_old_file, place, SHORTEST_KEY)

    def secrets(self) -> list[str]:
        """What no line of a log may hold: the key as set here, and the passwords of the URLs."""
        urls = [url for url in (self.redis_url, self.broker_url) if url]
        found = [urlsplit(url).password for url in urls]
        found += [unquote(password) for password in found if password]
        keys = (self.secret_key, self.secret_key_old)
        found += [key.reveal() if key else None for key in keys]
        return sorted({secret for secret in found if secret})


_CHECKS: dict[str, Check] = {
    one.name: one.metadata["check"] for one in fields(Settings) if "check" in one.metadata
}
NAMES = tuple(_CHECKS)
"""Every setting, in the order in which they are shown."""

_KEYS = [name for name in NAMES if name != "config"]
"""What a settings file may hold: it cannot name another one."""


def _masked(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, Secret):
        return MASK
    return mask_url(value) if isinstance(value, str) and "://" in value else str(value)


def _said_by(environ: Mapping[str, str]) -> dict[str, str]:
    """Setting → its text, where it is said at all; the case of a name does not count."""
    named = {name.upper(): text for name, text in environ.items() if text != ""}
    variables = {name: f"{PREFIX}{name.upper()}" for name in NAMES}
    return {name: named[there] for name, there in variables.items() if there in named}


def _checked(
    values: Mapping[str, object], origins: Mapping[str, Origin], path: Path | None
) -> dict[str, Any]:
    checked = {}
    for name in filter(values.__contains__, NAMES):
        try:
            checked[name] = _CHECKS[name](values[name])
        except ValueError as error:
            place = f"{name} in {path}" if origins[name] == _FILE else f"{PREFIX}{name.upper()}"
            # `from None`: a cause further down may quote what was written.
            raise _refusal(place, str(error)) from None
    return checked


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():
            raise FileNotFoundError(path)
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        # Only the place: the line itself may hold a secret.
        where = str(error).rpartition("(")[2].rstrip(")")
        why = f"it is not TOML, {where}"
    except UnicodeDecodeError:
        why = "it is not UTF-8"
    except OSError as error:
        why = error.strerror or "there is no such file"
    raise InvalidInput(
        f"BULKHEAD_CONFIG: {path} cannot be read",
        why=why,
        to_do="correct the file, or unset BULKHEAD_CONFIG",
    )


def _refusal(place: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{place} is not valid",
        why=why,
        to_do="correct it, or unset it for the default; `bulkhead config show` lists all",
    )


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    known = [f"{PREFIX}{name.upper()}" for name in NAMES]
    unknown = sorted(n for n in environ if n.upper().startswith(PREFIX) and n.upper() not in known)
    return [f"{name} is not a setting{_nearest(name.upper(), known)}" for name in unknown]


def _unknown_keys(written: Mapping[str, Any], path: Path | None) -> list[str]:
    unknown = sorted(name for name in written if name not in _KEYS)
    return [f"{name} in {path} is not a setting{_nearest(name.lower(), _KEYS)}" for name in unknown]


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.75)
    return f"; did you mean {near[0]}?" if near else ""


def read_variable(name: str) -> str | None:
    """The value of a variable that a person named, such as with `--token-env`."""
    return os.environ.get(name)


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment for a process of ours that works with the same settings."""
    return {**os.environ, f"{PREFIX}HOME": str(settings.home)}


def fresh_environment(home: Path) -> dict[str, str]:
    """The environment for a product of its own under this home, with no setting of ours."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    return {**kept, f"{PREFIX}HOME": str(home)}
