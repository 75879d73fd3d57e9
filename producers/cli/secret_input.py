"""Takes a secret from where it may come: a file, stdin or a variable, never a flag's value."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from bulkhead.errors import InvalidInput, UsageProblem
from bulkhead.secrets import Secret
from bulkhead.settings import read_variable

Command = TypeVar("Command", bound=Callable[..., Any])
LONGEST = 4096


def token_options(command: Command) -> Command:
    """Adds `--token-file PATH|-` and `--token-env VAR`."""
    command = click.option("--token-file", metavar="PATH|-", help="File with the app token.")(
        command
    )
    return click.option("--token-env", metavar="VAR", help="Variable with the app token.")(command)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A secret that is asked for: the options that may name its place, and where it comes from."""

    noun: str
    option: str
    to_do: str


_TOKEN = _Wanted(
    "token", "--token", "paste the app token from the mesibo console, and nothing else"
)
_SECRET = _Wanted(
    "secret", "--secret", "paste the webhook's secret from the mesibo console, and nothing else"
)


def read_token(token_file: str | None, token_env: str | None) -> Secret | None:
    """The token, or None if neither option was given. Raises UsageProblem, InvalidInput."""
    return _read(token_file, token_env, _TOKEN)


def read_secret(secret_file: str | None, secret_env: str | None) -> Secret | None:
    """A webhook's secret, or None if neither option was given. Raises as `read_token`."""
    return _read(secret_file, secret_env, _SECRET)


def _read(file: str | None, variable: str | None, wanted: _Wanted) -> Secret | None:
    if file and variable:
        raise UsageProblem(
            f"two places are named for one {wanted.noun}",
            why=f"{wanted.option}-file and {wanted.option}-env were both given",
            to_do="give one of them",
        )
    if file:
        text = sys.stdin.read(LONGEST) if file == "-" else _from_file(Path(file), wanted)
        return _checked(text, "stdin" if file == "-" else file, wanted)
    if variable:
        return _checked(read_variable(variable) or "", f"the variable {variable}", wanted)
    return None


def _from_file(path: Path, wanted: _Wanted) -> str:
    try:
        return path.read_text(errors="replace")[:LONGEST]
    except OSError as error:
        raise InvalidInput(
            f"the {wanted.noun} file {path} cannot be read",
            why=error.strerror or type(error).__name__,
            to_do=f"name a file with the {wanted.noun} in it, or - for stdin",
        ) from None


def _checked(text: str, place: str, wanted: _Wanted) -> Secret:
    secret = text.strip()
    if secret and secret.isascii() and secret.isprintable() and " " not in secret:
        return Secret(secret)
    raise InvalidInput(
        f"there is no usable {wanted.noun} in {place}",
        why="it is empty" if not secret else f"a {wanted.noun} is one word of printable ASCII",
        to_do=wanted.to_do,
    )
