"""What `doctor` looks at on this machine, and the order of it all."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bulkhead.errors import BulkheadError
from bulkhead.settings import Settings
from producers.cli.check import Check, error, ok, warning
from producers.cli.context import Context
from producers.cli.store_checks import NAMES as STORE_CHECKS
from producers.cli.store_checks import of_store

OLDEST_PYTHON = (3, 11)


def examine(ctx: Context) -> list[Check]:
    """Every check in its order. One that breaks is an error of its own and stops no other."""
    checks = [_python()]
    try:
        settings = ctx.settings
    except BulkheadError as wrong:
        checks.append(error("settings", f"{wrong.what}: {wrong.why}", wrong.to_do))
        rest = ("home", "secret_key", "realtime_package", "store_server", *STORE_CHECKS)
        return checks + [warning(name, "not looked at", "correct the settings") for name in rest]
    for name, look in (
        ("settings", _settings),
        ("home", _home),
        ("secret_key", _secret_key),
        ("realtime_package", _realtime_package),
        ("store_server", _store_server),
    ):
        checks.append(_kept_going(name, look, settings))
    return [*checks, *of_store(settings)]


def _kept_going(name: str, look: Callable[[Settings], Check], settings: Settings) -> Check:
    try:
        return look(settings)
    except BulkheadError as wrong:
        return error(name, f"{wrong.what}: {wrong.why}", wrong.to_do)
    except Exception as wrong:  # doctor is asked when things are odd: it must not fall itself
        return error(name, f"could not be looked at ({type(wrong).__name__})", "please report it")


def _python() -> Check:
    says = f"Python {platform.python_version()}"
    if sys.version_info[:2] < OLDEST_PYTHON:
        return error("python", says, "install Python 3.11 or later")
    return ok("python", says)


def _realtime_package(settings: Settings) -> Check:
    from bulkhead.realtime.package import examine as start
    from bulkhead.realtime.session import Spec

    url = settings.realtime_sandbox
    with TemporaryDirectory(prefix="bulkhead-") as folder:
        environment = {"MESIBO_SANDBOX": url} if url else {}
        found = start(Spec(settings.realtime_package, Path(folder), environment=environment))
    if found.sentence:
        # Sending through the backend needs no package: nothing is wrong with this machine.
        says, _, to_do = found.sentence.rpartition(": ")
        return warning("realtime_package", says, to_do)
    return ok("realtime_package", f"the {found.name} package {found.version} starts")


def _settings(settings: Settings) -> Check:
    if settings.warnings:
        return warning("settings", "; ".join(settings.warnings), "correct or unset what is named")
    return ok("settings", "every BULKHEAD_ variable is a setting")


def _home(settings: Settings) -> Check:
    home = settings.home
    place = next(path for path in (home, *home.parents) if path.exists())
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return ok("home", f"{home} is ours" if place == home else f"{home} can be made")
    says = f"{home} cannot be used: {place} " + (
        "is not ours to write" if place.is_dir() else "is not a folder"
    )
    to_do = "point BULKHEAD_HOME at a folder of yours"
    # Only the embedded store and its key live there.
    return (error if settings.redis_url is None else warning)("home", says, to_do)


def _secret_key(settings: Settings) -> Check:
    if settings.key_text() is not None:
        return ok("secret_key", "one is set")
    if settings.redis_url is not None:
        return error(
            "secret_key",
            "BULKHEAD_REDIS_URL is set and no key is: app tokens cannot be read or kept",
            "set BULKHEAD_SECRET_KEY or …_FILE to the same 32 or more characters on every host",
        )
    for problem in _key_file(settings.home / "secret.key"):
        return problem
    return ok("secret_key", "the embedded store keeps its own")


def _key_file(file: Path) -> Iterator[Check]:
    if file.exists() and file.stat().st_mode & 0o077:
        yield warning("secret_key", f"{file} can be read by others", f"chmod 600 {file}")


def _store_server(settings: Settings) -> Check:
    from bulkhead.engine.embedded import find_binary

    try:
        return ok("store_server", f"the embedded store runs {find_binary()}")
    except BulkheadError as wrong:
        judge = error if settings.redis_url is None else warning
        return judge("store_server", f"{wrong.what}: {wrong.why}", wrong.to_do)
