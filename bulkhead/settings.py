"""What the environment and the settings file say. The only file that reads either."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from platformdirs import user_state_path
from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bulkhead.errors import InvalidInput
from bulkhead.key_file import read_key, read_keys
from bulkhead.masking import MASK, mask_url
from bulkhead.secrets import SHORTEST_KEY
from bulkhead.setting_names import ModuleName, Name
from bulkhead.setting_urls import BrokerUrl, PublicUrl, StandInUrl, StoreUrl

PREFIX = "BULKHEAD_"

Origin = Literal["default", "environment", "file"]
_FILE: Origin = "file"
_ENVIRONMENT: Origin = "environment"


def _long_enough(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < SHORTEST_KEY:
        raise ValueError(f"it is shorter than {SHORTEST_KEY} characters")
    return key


def _full_path(path: Path) -> Path:
    return path.expanduser().absolute()


FullPath = Annotated[Path, AfterValidator(_full_path)]
Upper = BeforeValidator(lambda text: text.upper() if isinstance(text, str) else text)
Lower = BeforeValidator(lambda text: text.lower() if isinstance(text, str) else text)


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of `config show`: safe to print."""

    name: str
    value: str | None
    origin: Origin


class _Environment(EnvSettingsSource):
    """Reads the mapping it is handed, not this process's environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {name.lower(): text for name, text in environ.items() if text != ""}
        super().__init__(Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return dict(self._environ)


class Settings(BaseSettings):
    """Every setting, checked. Made by hand it reads nothing; `load` reads the environment."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    redis_url: StoreUrl | None = Field(None, repr=False)
    """The store; unset: the embedded one under `home`."""
    broker_url: BrokerUrl | None = Field(None, repr=False)
    """Celery's broker; unset: the store, same database."""
    secret_key: Annotated[SecretStr, AfterValidator(_long_enough)] | None = None
    secret_key_file: FullPath | None = None
    secret_key_old: Annotated[SecretStr, AfterValidator(_long_enough)] | None = None
    """The key before this one, while it is changed."""
    secret_key_old_file: FullPath | None = None
    tenant: Name | None = None
    """Lets `shop` stand for `acme/shop`."""
    cell: Name = "main"
    egress: Name = "default"
    """The name of the public address this host calls from."""
    http: Annotated[Literal["lean", "requests"], Lower] = "lean"
    """How calls travel: on one event loop, or with requests on a thread each."""
    public_url: PublicUrl | None = None
    """Where the internet finds the API, without a slash at the end."""
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Upper] = "INFO"
    log_format: Annotated[Literal["auto", "json", "console"], Lower] = "auto"
    """`auto`: console form on a terminal, else JSON lines."""
    log_addresses: Annotated[Literal["masked", "full"], Lower] = "masked"
    realtime_package: ModuleName = "mesibo"
    """The module that real-time sessions are kept with: the vendor's, or the sandbox's stand-in."""
    realtime_sandbox: StandInUrl | None = Field(None, repr=False)
    """Where the stand-in finds the sandbox; the vendor's package never hears of it."""
    realtime_sessions: Annotated[int, Field(ge=0, le=1000)] = 4
    """How many real-time sessions a worker keeps at once; 0: none."""
    realtime_idle: Annotated[float, Field(ge=10, le=86_400)] = 300.0
    """Seconds after which a session that nobody uses is ended."""
    home: FullPath = Field(default_factory=lambda: user_state_path("bulkhead"))
    config: FullPath | None = None

    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)
    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is handed in: `load` asks the other sources itself, to know who said what."""
        return (init_settings,)

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """What the environment says, else the TOML file at `BULKHEAD_CONFIG`, else the default.

        Raises InvalidInput that names the variable, and never holds its value.
        """
        environ = os.environ if environ is None else environ
        said = _Environment(environ)()
        path = Path(said["config"]).expanduser() if "config" in said else None
        written = _read_toml(path) if path else {}
        known = {name: value for name, value in written.items() if name in _KEYS}
        origins = dict.fromkeys(known, _FILE) | dict.fromkeys(said, _ENVIRONMENT)
        try:
            settings = cls(**(known | said))
        except ValidationError as error:
            # `from None`: the cause quotes its input in places we do not control.
            raise _refusal(error, origins, path) from None
        settings._origins.update(origins)
        settings._warnings = (*_unknown_variables(environ), *_unknown_keys(written, path))
        return settings

    @property
    def warnings(self) -> tuple[str, ...]:
        """Names nobody reads, each with the name that may have been meant."""
        return self._warnings

    def origin(self, name: str) -> Origin:
        """Who said so."""
        return self._origins.get(name, "default")

    def show(self) -> list[Shown]:
        """Every setting for `config show`, secrets and passwords masked."""
        return [
            Shown(name, _masked(getattr(self, name)), self.origin(name))
            for name in type(self).model_fields
        ]

    def key_text(self) -> str | None:
        """The secret key, set here or in `secret_key_file`; None: the embedded store's own.

        Raises InvalidInput where a store of one's own has no key, or the file holds none.
        """
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
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
            return (self.secret_key_old.get_secret_value(),)
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
        found += [key.get_secret_value() if key else None for key in keys]
        return sorted({secret for secret in found if secret})


_KEYS = [name for name in Settings.model_fields if name != "config"]
"""What a settings file may hold: it cannot name another one."""


def _masked(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, SecretStr):
        return MASK
    return mask_url(value) if isinstance(value, str) and "://" in value else str(value)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():
            raise FileNotFoundError(path)
        return TomlConfigSettingsSource(Settings, path)()
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


def _refusal(
    error: ValidationError, origins: Mapping[str, Origin], path: Path | None
) -> InvalidInput:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = str(problem["loc"][0])
    place = f"{name} in {path}" if origins.get(name) == "file" else f"{PREFIX}{name.upper()}"
    return InvalidInput(
        f"{place} is not valid",
        why=problem["msg"].removeprefix("Value error, "),
        to_do="correct it, or unset it for the default; `bulkhead config show` lists all",
    )


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    unknown = sorted(n for n in environ if n.upper().startswith(PREFIX) and n.upper() not in known)
    return [f"{name} is not a setting{_nearest(name.upper(), known)}" for name in unknown]


def _unknown_keys(written: Mapping[str, Any], path: Path | None) -> list[str]:
    unknown = sorted(name for name in written if name not in _KEYS)
    return [f"{name} in {path} is not a setting{_nearest(name.lower(), _KEYS)}" for name in unknown]


def _nearest(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.75)
    return f"; did you mean {near[0]}?" if near else ""


def read_variable(name: str) -> str | None:
    """The value of a variable that a person named, such as with `--token-env`."""
    return os.environ.get(name)


_CARRIED = (
    *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"),
)


def narrow_environment(home: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """The environment for code that is not ours: what every program needs, and no secret."""
    kept = {name: text for name, text in os.environ.items() if name in _CARRIED}
    return {**kept, "HOME": str(home), "TMPDIR": str(home), **extra}


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment for a process of ours that works with the same settings."""
    return {**os.environ, f"{PREFIX}HOME": str(settings.home)}


def fresh_environment(home: Path) -> dict[str, str]:
    """The environment for a product of its own under this home, with no setting of ours."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    return {**kept, f"{PREFIX}HOME": str(home)}
