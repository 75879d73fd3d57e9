"""What every command takes that reads a file of users."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from bulkhead.errors import UsageProblem
from bulkhead.model.mapping import plain
from bulkhead.model.shape import USERS, Shape
from producers.rows.encoding import known_encoding
from producers.rows.row import InputOptions
from producers.rows.template import FORMATS

Command = TypeVar("Command", bound=Callable[..., Any])
NAMES = ("file_format", "encoding", "fields")


def input_options(command: Command) -> Command:
    """Adds `--format`, `--encoding` and `--map`."""
    for option in reversed(
        (
            click.option(
                "--format",
                "file_format",
                type=click.Choice(["csv", "jsonl"]),
                help="Of the file; found by looking at it.",
            ),
            click.option("--encoding", metavar="NAME", help="Of the file; UTF-8 or as marked."),
            click.option(
                "--map",
                "fields",
                metavar="COLUMN=FIELD",
                multiple=True,
                help="What a column means; may be repeated.",
            ),
        )
    ):
        command = option(command)
    return command


def template_command(text: Callable[[str], str]) -> click.Command:
    """The command `template` of what has this text in each of FORMATS."""

    @click.command("template")
    @click.option(
        "--format",
        "kind",
        type=click.Choice(FORMATS),
        default="csv",
        show_default=True,
        help="Format of the file.",
    )
    def template(kind: str) -> None:
        """Print an example file to start from."""
        click.echo(text(kind), nl=False)

    return template


def take_input(options: dict[str, Any], shape: Shape = USERS) -> InputOptions:
    """Takes what `input_options` added out of a command's options.

    Raises UsageProblem for an encoding or a field that there is not, with near names.
    """
    form, encoding, fields = (options.pop(name) for name in NAMES)
    return InputOptions(
        format=form,
        encoding=known_encoding(encoding) if encoding is not None else None,
        fields=_fields(fields, shape.fields),
        shape=shape,
    )


def _fields(asked: tuple[str, ...], known: Sequence[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for column, field in (_column_and_field(text, known) for text in asked):
        if plain(column) in map(plain, fields):
            raise UsageProblem(
                f"the column {column!r} is mapped twice",
                why="a column means one field",
                to_do="leave one of the two `--map` out",
            )
        fields[column] = field
    return fields


def _column_and_field(text: str, known: Sequence[str]) -> tuple[str, str]:
    column, sign, field = text.rpartition("=")
    if not (sign and column.strip()):
        raise UsageProblem(
            f"{text!r} maps nothing",
            why="it is a column's name, = and the field it means",
            to_do="write it like --map E-Mail=address",
        )
    if plain(field) not in known:
        near = difflib.get_close_matches(plain(field), known, 1, 0.6)
        raise UsageProblem(
            f"there is no field {field!r}",
            why=f"a column can mean {', '.join(known)}",
            to_do=f"did you mean {near[0]}?" if near else "name one of these after the = sign",
        )
    return column, plain(field)
