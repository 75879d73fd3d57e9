"""Files of credentials as a command takes them: read, looked at, and refused in the same words."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from bulkhead.errors import InvalidInput, UsageProblem
from bulkhead.named_file import STDIN, content_of

if TYPE_CHECKING:
    from bulkhead.credential.reading import Reading
    from bulkhead.engine.credentials import Stored
    from bulkhead.secrets import SecretBytes
    from producers.cli.context import Context

_SHOWN = 12
"""Digits of a fingerprint in a table."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file that was read; `path` is as it was typed, the content shows nothing of itself."""

    path: str
    content: SecretBytes
    reading: Reading

    @property
    def shown(self) -> str:
        """The path, fit for a terminal."""
        return str(click.format_filename(self.path))

    @property
    def name(self) -> str:
        """The file's name as it is sent and kept."""
        from bulkhead.credential_file import sent_as

        return sent_as("" if self.path == STDIN else self.path, self.reading.kind)

    @property
    def stored(self) -> Stored:
        """What the store keeps of it. Raises InvalidInput if it is no credential."""
        from bulkhead.engine.credentials import Stored

        return Stored.of(self.content, self.reading, self.name)

    def to_dict(self) -> dict[str, Any]:
        """The file as `creds inspect` shows it."""
        return {"file": self.shown, **self.reading.to_dict()}


def load(files: Sequence[str]) -> list[Loaded]:
    """Each file, whatever it is; one that cannot be read has a reading that says so."""
    if files.count(STDIN) > 1:
        raise UsageProblem("stdin is named twice", why="it can be read once", to_do="name `-` once")
    return [_load(file) for file in files]


def load_uploadable(files: Sequence[str]) -> list[Loaded]:
    """The files. Raises InvalidInput if one could not be uploaded as it is; stderr says why."""
    loaded = load(files)
    bad = [one for one in loaded if not one.reading.uploadable]
    for one in loaded:
        explain(one.to_dict(), err=True)
    if bad:
        codes = dict.fromkeys(p.code for one in bad for p in one.reading.problems if p.stops)
        raise InvalidInput(
            f"{len(bad)} of {len(loaded)} files cannot be uploaded as they are"
            if len(loaded) > 1
            else f"{bad[0].shown} cannot be uploaded as it is",
            why=f"{', '.join(codes)}: see above",
            to_do="mend what is said there; nothing was sent",
        )
    return loaded


def explain(row: Mapping[str, Any], *, err: bool = False) -> None:
    """What is wrong with a file; a command stands alone on its line, to be copied."""
    printed: set[str] = set()
    for problem in row["problems"]:
        click.echo(f"\n{row['file']}: {problem['what']}", err=err)
        click.echo(f"  why: {problem['why']}", err=err)
        click.echo(f"  to do: {problem['to_do']}", err=err)
        if problem["command"] not in (None, *printed):
            click.echo(f"\n{problem['command']}", err=err)
            printed.add(problem["command"])


def short(fingerprint: str | None) -> str:
    """So much of a fingerprint as tells two apart in a table."""
    whole = fingerprint or ""
    return f"{whole[:_SHOWN]}…" if len(whole) > _SHOWN else whole


def keep(
    ctx: Context,
    apps: Iterable[str],
    action: str,
    loaded: Sequence[Loaded],
    at: float | None = None,
) -> None:
    """Write down for each app what is about to be done with these files, then keep them."""
    from bulkhead.engine.credentials import Credentials, keep_for
    from bulkhead.engine.fleet_deeds import sending

    files = [(one.content, one.stored) for one in loaded]
    ctx.audit_all([sending(action, app, stored) for app in apps for _, stored in files])
    credentials = Credentials(ctx.scripts, ctx.box)
    for content, stored in files:
        credentials.put(content, stored, keep_for(at))


def _load(file: str) -> Loaded:
    from bulkhead.credential.inspection import inspect, take, unreadable
    from bulkhead.secrets import SecretBytes

    try:
        content = content_of(file, take, sys.stdin)
    except InvalidInput as error:
        return Loaded(file, SecretBytes(b""), unreadable(error.why))
    path = None if file == STDIN else file
    return Loaded(file, SecretBytes(content), inspect(content, path, datetime.now(UTC)))
