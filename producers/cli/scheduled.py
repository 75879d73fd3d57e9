"""The words of a command that makes a job, read by the command itself and made into an order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from bulkhead.engine.request import Request
from bulkhead.errors import UsageProblem
from producers.cli.context import Context
from producers.cli.job_options import How
from producers.cli.order import Order

POSITIONAL = ""
AUDIENCE: dict[str, str | None] = {
    "broadcast create": "--to-groups",
    "users import": POSITIONAL,
    "users delete": POSITIONAL,
    "users tokens issue": POSITIONAL,
    "users tokens revoke": POSITIONAL,
    "groups create": POSITIONAL,
    "groups set": POSITIONAL,
    "groups delete": POSITIONAL,
    "groups members add": POSITIONAL,
    "groups members remove": POSITIONAL,
    "call": None,
}
"""Commands that a schedule may carry out, and where each takes its audience; None: it has none.
A closed list: the words of any other command are not carried out even to be read."""

LISTS = ("--to-groups", "--to-users")
"""Options whose files are read with each firing too, where one is."""
TEXT_FILE, TEXT = "--message-file", "--message"

OF_NO_USE = {
    "idempotency_key": "each firing has a key of its own",
    "at": "each firing begins at its own time",
    "end_at": "each firing begins at its own time",
    "dry_run": "the command alone shows what it would do",
    "wait": "nobody waits for a firing",
    "watch": "nobody watches a firing",
    "timeout": "nobody waits for a firing",
    "progress": "nobody watches a firing",
    "tokens_out": "nobody waits for a firing; `bulkhead jobs tokens` has them for a day",
}
"""Options that make no sense in a schedule, and why."""


@dataclass(frozen=True, slots=True)
class Words:
    """A command as it was typed, and the file that its audience is read from with each firing."""

    words: tuple[str, ...]
    audience: str = ""
    """A full path; empty where what it reads is read once."""

    @classmethod
    def of(cls, typed: Sequence[str], audience: str | None) -> Words:
        """Raises UsageProblem for a command that no schedule can carry out."""
        path = _path(typed)
        if audience is None:
            return cls(tuple(typed))
        place, file = AUDIENCE[path], _file(audience)
        if place is None:
            raise UsageProblem(
                f"--audience-from does not fit `{path}`",
                why="it has no audience",
                to_do="leave the option away",
            )
        if audience in typed:
            words = tuple(file if word == audience else word for word in typed)
        else:
            words = (*typed, *([place] if place else []), file)
        return cls(_values(words, LISTS, _for_good), file)

    def with_text(self, text: str) -> Words:
        """The same, but with the text itself in place of the file that it was read from."""
        return replace(self, words=_texts(self.words, text))

    def read(self, ctx: Context, taker: Callable[[Order, How], None]) -> None:
        """Have the command read its words, and its order taken instead of carried out.

        Raises what the command raises: for a slip of the pen, a missing file, an unknown app.
        """
        taken: list[bool] = []

        def take(order: Order, how: How) -> None:
            _refuse_useless(order.request)
            taker(order, how)
            taken.append(True)

        reading = Context(ctx.settings)
        reading.taker = take
        root = click.get_current_context().find_root().command
        root.main(list(self.words), prog_name="bulkhead", standalone_mode=False, obj=reading)
        if not taken:
            raise UsageProblem(
                "the scheduled command orders nothing",
                why=f"`{' '.join(self.words)}` makes no job",
                to_do="write it as you would without a schedule",
            )


def _path(typed: Sequence[str]) -> str:
    """The command that the words name. Raises UsageProblem for any that is not in the list."""
    for count in (3, 2, 1):
        path = " ".join(typed[:count])
        if path in AUDIENCE and len(typed) >= count:
            return path
    known = ", ".join(f"`{path}`" for path in AUDIENCE)
    shown = f"`{' '.join(typed[:2])}` cannot be scheduled" if typed else "there is no command"
    right = "-- users import people.csv --app acme/shop"
    first = "leave `bulkhead` away" if [*typed[:1]] == ["bulkhead"] else "write it behind `--`"
    raise UsageProblem(
        shown,
        why=f"a schedule carries out {known}",
        to_do=f"{first}, such as `{right}`",
    )


def _file(audience: str) -> str:
    if audience == "-":
        raise _no_stdin("--audience-from")
    return str(Path(audience).resolve())


def _values(
    words: Sequence[str], options: Sequence[str], change: Callable[[str], str]
) -> tuple[str, ...]:
    """The words with the values of these options changed, however they are written."""
    changed, before = [], ""
    for word in words:
        name, sign, value = word.partition("=")
        if before in options:
            changed.append(change(word))
        elif sign and name in options:
            changed.append(f"{name}={change(value)}")
        else:
            changed.append(word)
        before = word if before not in options else ""
    return tuple(changed)


def _texts(words: Sequence[str], text: str) -> tuple[str, ...]:
    whole = _values(words, (TEXT_FILE,), lambda _: text)
    joined: list[str] = []
    for word in whole:
        if joined and joined[-1] == TEXT_FILE:
            # One word: a text may begin with a dash.
            joined[-1] = f"{TEXT}={word}"
        else:
            joined.append(word.replace(f"{TEXT_FILE}=", f"{TEXT}=", 1))
    return tuple(joined)


def _for_good(name: str) -> str:
    """A file by its full path; anything else as it is. Raises UsageProblem for stdin."""
    if name == "-":
        raise _no_stdin("a list that is read with each firing")
    return str(Path(name).resolve()) if Path(name).is_file() else name


def _no_stdin(what: str) -> UsageProblem:
    return UsageProblem(
        f"{what} needs a file",
        why="stdin is gone when the schedule fires",
        to_do="name a file that the workers can read",
    )


def _refuse_useless(request: Request) -> None:
    """Raises UsageProblem for what was asked for and would be said only once."""
    ctx = click.get_current_context()
    for name, why in OF_NO_USE.items():
        given = ctx.get_parameter_source(name)
        if given is not None and given is not click.core.ParameterSource.DEFAULT:
            raise UsageProblem(
                f"--{name.replace('_', '-')} has no place in a schedule",
                why=why,
                to_do="leave it away",
            )
    if request.at is not None or request.deadline is not None or request.waves is not None:
        raise UsageProblem(
            "this order cannot be repeated",
            why="it names an instant, or goes over many apps",
            to_do="leave that away",
        )
