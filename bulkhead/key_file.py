"""Secret keys that lie in a file, for its owner only."""

from __future__ import annotations

from pathlib import Path

from bulkhead.errors import InvalidInput


def read_key(path: Path, variable: str, shortest: int) -> str:
    """The whole file as one key. Raises InvalidInput that names the variable and the file."""
    return _checked(path, variable, shortest, [_text(path, variable, shortest)])[0]


def read_keys(path: Path, variable: str, shortest: int) -> tuple[str, ...]:
    """One key a line. Raises InvalidInput that names the variable and the file."""
    lines = [line.strip() for line in _text(path, variable, shortest).splitlines()]
    return tuple(_checked(path, variable, shortest, [line for line in lines if line] or [""]))


def _checked(path: Path, variable: str, shortest: int, keys: list[str]) -> list[str]:
    if any(len(key) < shortest for key in keys):
        raise _no_key(path, variable, shortest, f"it is shorter than {shortest} characters")
    return keys


def _text(path: Path, variable: str, shortest: int) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        why = error.strerror or "it cannot be read"
    except UnicodeDecodeError:
        why = "it is not UTF-8 text"
    raise _no_key(path, variable, shortest, why)


def _no_key(path: Path, variable: str, shortest: int, why: str) -> InvalidInput:
    return InvalidInput(
        f"{variable}: {path} holds no key",
        why=why,
        to_do=f"put {shortest} or more characters of text in it, for its owner only",
    )
