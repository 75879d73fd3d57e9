"""Takes a token from where it may come: a file, stdin or a variable, never a flag's value."""

from __future__ import annotations

import sys
from collections.abc import Callable
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


def read_token(token_file: str | None, token_env: str | None) -> Secret | None:
    """The token, or None if neither option was given. Raises UsageProblem, InvalidInput."""
    if token_file and token_env:
        raise UsageProblem(
            "two places are named for one token",
            why="--token-file and --token-env were both given",
            to_do="give one of them",
        )
    if token_file:
        text = sys.stdin.read(LONGEST) if token_file == "-" else _from_file(Path(token_file))  # noqa: S105
        return _checked(text, "stdin" if token_file == "-" else token_file)  # noqa: S105
    if token_env:
        return _checked(read_variable(token_env) or "", f"the variable {token_env}")
    return None


def _from_file(path: Path) -> str:
    try:
        return path.read_text(errors="replace")[:LONGEST]
    except OSError as error:
        raise InvalidInput(
            f"the token file {path} cannot be read",
            why=error.strerror or type(error).__name__,
            to_do="name a file with the app token in it, or - for stdin",
        ) from None


def _checked(text: str, place: str) -> Secret:
    token = text.strip()
    if token and token.isascii() and token.isprintable() and " " not in token:
        return Secret(token)
    raise InvalidInput(
        f"there is no usable token in {place}",
        why="it is empty" if not token else "a token is one word of printable ASCII",
        to_do="paste the app token from the mesibo console, and nothing else",
    )
