"""What a broadcast is made of, as options: the letter, and who gets it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from bulkhead.errors import UsageProblem
from producers.cli.values import COUNT, DURATION

if TYPE_CHECKING:
    from bulkhead.audience import Part
    from bulkhead.model.broadcast import Letter

Command = TypeVar("Command", bound=Callable[..., Any])
STDIN = "-"
LARGEST_TEXT = 1 << 20
"""Bytes that are read of a message's file: far more than any message may have."""


no_session_option = click.option(
    "--on-no-session",
    "no_session",
    type=click.Choice(["wait", "refuse"]),
    help="While the sender cannot sign in (realtime). [wait]",
)


def letter_options(command: Command) -> Command:
    """Adds what says the message, its sender, and how long it is news."""
    for option in reversed(
        (
            click.option(
                "--from", "sender", required=True, metavar="ADDR", help="The sender, a user."
            ),
            click.option("--message", metavar="TEXT", help="The text; {{name}} is a variable."),
            click.option("--message-file", metavar="FILE|-", help="The text, from a file."),
            click.option("--file-url", metavar="URL", help="A file instead, by its public URL."),
            click.option("--file", metavar="PATH", help="A file itself, with --via realtime."),
            click.option("--title", metavar="T", help="Beside the file; may have variables."),
            click.option(
                "--via",
                type=click.Choice(["backend", "realtime"]),
                default="backend",
                show_default=True,
                help="How it is sent.",
            ),
            no_session_option,
            click.option(
                "--expiry",
                type=DURATION,
                metavar="D",
                help="Undelivered after this, it is dropped. [24h]",
            ),
            variables_option("A variable's value for rows without one; may be repeated."),
        )
    ):
        command = option(command)
    return command


def variables_option(text: str) -> Callable[[Command], Command]:
    """Adds `--var`."""
    return click.option("--var", "variables", metavar="K=V", multiple=True, help=text)


def audience_options(command: Command) -> Command:
    """Adds who gets it."""
    for option in reversed(
        (
            click.option("--to-groups", metavar="FILE|-|GID,…", help="Groups, one call each."),
            click.option("--to-users", metavar="FILE|-", help="People, by their addresses."),
            click.option(
                "--max-recipients", type=COUNT, metavar="N", help="With more, refuse it whole."
            ),
            click.option("--chunk", type=COUNT, metavar="N", default=1, help="People a call. [1]"),
        )
    ):
        command = option(command)
    return command


WHAT = ("message", "message_file", "file_url", "file")


class Given(NamedTuple):
    """What the options of a message say."""

    letter: Letter
    file: bytes
    no_session: str


def take_letter(options: dict[str, Any]) -> Given:
    """Takes what `letter_options` added out of the options. Raises InvalidInput, UsageProblem."""
    from bulkhead.model.broadcast import EXPIRY, Letter, given_variables, whole_seconds
    from bulkhead.model.letter_rules import BLANK, require
    from bulkhead.sent_file import enclose

    via, no_session = options.pop("via"), options.pop("no_session")
    _refuse_unclear(options)
    _refuse_other_way(options["file"], via, no_session)
    text, text_file, url, path = (options.pop(name, None) for name in WHAT)
    message = _read(text_file) if text_file is not None else text
    require(message != "", BLANK)
    content, enclosure = enclose(path) if path is not None else (b"", None)
    expiry = options.pop("expiry")
    letter = Letter(
        sender=options.pop("sender"),
        message=message or "",
        url=url or "",
        title=options.pop("title") or "",
        expiry=EXPIRY if expiry is None else whole_seconds(expiry),
        given=given_variables(take_variables(options)),
        via=via,
        file=enclosure,
    )
    return Given(letter, content, no_session or "")


def take_variables(options: dict[str, Any]) -> dict[str, str]:
    """Takes `--var K=V` out of the options. Raises UsageProblem for one that is not written so."""
    pairs = [text.partition("=") for text in options.pop("variables")]
    for name, sign, _ in pairs:
        if not (name.strip() and sign):
            raise UsageProblem(
                f"{name!r} gives no variable a value",
                why="it is a name, = and a value",
                to_do="write it like --var name=friend",
            )
    return {name: value for name, _, value in pairs}


def refuse_nobody(groups: str | None, users: str | None) -> None:
    """Raises UsageProblem where no list is named, or one by nothing."""
    if groups is None and users is None:
        raise UsageProblem(
            "nobody is to get it",
            why="a broadcast goes to groups, to people, or to both",
            to_do="add --to-groups or --to-users",
        )
    for option, names in (("--to-groups", groups), ("--to-users", users)):
        if names is not None and not names.strip(", "):
            raise UsageProblem(
                f"{option} names nobody",
                why="it is empty, as a variable of a shell is that was never set",
                to_do="name whom it is for, or leave the option away",
            )


def _refuse_addresses(users: str) -> None:
    """Raises UsageProblem for people in the place of their file."""
    if "@" in users and not Path(users).exists():
        raise UsageProblem(
            "--to-users takes a file of people",
            why="there is no file of that name, and it reads like an address",
            to_do="write one address a line into a file, or into stdin with `--to-users -`",
        )


@contextmanager
def open_audience(groups: str | None, users: str | None) -> Iterator[list[Part]]:
    """The lists of recipients, open until all was read. Raises InvalidInput, UsageProblem."""
    from producers.rows.recipients import looks_like_file, named_groups, open_recipients

    if groups == users == STDIN:
        raise UsageProblem(
            "two lists cannot both come from stdin",
            why="nothing says where the groups end",
            to_do="put one of them into a file",
        )
    with ExitStack() as open_files:
        parts = []
        if groups is not None and (looks_like_file(groups) or Path(groups).is_file()):
            parts.append(open_files.enter_context(open_recipients(groups, "groups")))
        elif groups is not None:
            parts.append(named_groups(groups))
        if users is not None:
            _refuse_addresses(users)
            parts.append(open_files.enter_context(open_recipients(users, "users")))
        yield parts


def _read(name: str) -> str:
    from producers.rows.source import open_file

    if name == STDIN:
        content = sys.stdin.buffer.read(LARGEST_TEXT)
    else:
        with open_file(name) as raw:
            content = raw.read(LARGEST_TEXT)
    try:
        # An editor ends a file with a line break that nobody meant to send.
        return content.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageProblem(
            "the message is not UTF-8", why=f"{name} has other bytes", to_do="save it as UTF-8"
        ) from None


def _refuse_unclear(options: Mapping[str, Any]) -> None:
    """Raises UsageProblem unless one thing is named, of those that the command takes."""
    known = [name for name in WHAT if name in options]
    named = [name for name in known if options[name] is not None]
    if len(named) == 1:
        return
    *most, last = [f"--{name.replace('_', '-')}" for name in known]
    raise UsageProblem(
        "two things are to be sent" if named else "nothing is to be sent",
        why="a broadcast sends one text or one file",
        to_do=f"give one of {', '.join(most)} and {last}",
    )


def _refuse_other_way(file: str | None, via: str, no_session: str | None) -> None:
    """Raises UsageProblem for what only a message in real time may have."""
    from bulkhead.model.letter_rules import FILE_WAY

    if via == "realtime" or (file is None and no_session is None):
        return
    if file is not None:
        what, why, _ = FILE_WAY
        raise UsageProblem(
            what,
            why=why,
            to_do="add --via realtime, or put it where everybody can fetch it and give --file-url",
        )
    raise UsageProblem(
        "--on-no-session goes with --via realtime",
        why="the backend needs no session",
        to_do="leave it away, or add --via realtime",
    )
