"""Explains a mistyped command: what is wrong with it, how it is written, where to look."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

import click
from click import Argument

from bulkhead.errors import UsageProblem


def explain(error: click.UsageError) -> UsageProblem:
    """The mistake in three lines, with the nearest right word."""
    ctx = error.ctx
    path = ctx.command_path if ctx else "bulkhead"
    written = ctx.command.get_usage(ctx).removeprefix("Usage: ") if ctx else path
    why, near = f"it is written {' '.join(written.split())}", ""
    match error:
        case click.exceptions.NoSuchCommand():
            what = f"there is no command `{path} {error.command_name}`"
            why = f"there are {', '.join(_commands(ctx))}"
            near = _near(error.command_name, _commands(ctx))
        case click.NoSuchOption():
            what = f"there is no option {error.option_name}"
            near = _near(error.option_name, _options(ctx))
        case click.MissingParameter():
            what = f"{_name(error)} is missing"
        case click.BadParameter():
            what, why = f"{_name(error)} does not fit", _plain(error.message)
        case _:
            what = error.format_message().rstrip(".")
            what = what[:1].lower() + what[1:]
    first = f"did you mean {near}? " if near else _missing_option(error) or _behind(error)
    return UsageProblem(what, why=why, to_do=f"{first}see `{path} --help`")


def _missing_option(error: click.UsageError) -> str:
    """The option to add, with the form of its value; empty if none is missing."""
    if isinstance(error, click.MissingParameter) and isinstance(error.param, click.Option):
        value = error.param.make_metavar(error.ctx) if error.ctx else ""
        return f"add `{_name(error)} {value}`; "
    return ""


def _behind(error: click.UsageError) -> str:
    """Where another command belongs whose option was taken for one of this."""
    given = error.ctx.command.params if error.ctx and isinstance(error, click.NoSuchOption) else []
    if any((one.metavar or "").startswith("-- ") for one in given if isinstance(one, Argument)):
        return "write the command behind `--`; "
    return ""


def _plain(message: str) -> str:
    words = message.rstrip(".").replace("a valid integer range", "a whole number")
    return words.replace("a valid integer", "a whole number")


def _commands(ctx: click.Context | None) -> list[str]:
    if ctx is None or not isinstance(ctx.command, click.Group):
        return []
    return ctx.command.list_commands(ctx)


def _near(word: str, known: Collection[str]) -> str:
    # A beginning is what people type when they hope for completion.
    begun = [name for name in known if name.startswith(word)]
    return next(iter(begun or get_close_matches(word, known, n=1)), "")


def _options(ctx: click.Context | None) -> list[str]:
    if ctx is None:
        return []
    return [name for one in ctx.command.get_params(ctx) for name in one.opts if name[:2] == "--"]


def _name(error: click.BadParameter) -> str:
    if error.param is None:
        return str(error.param_hint or "a word")
    if isinstance(error.param, click.Option):
        return max(error.param.opts, key=len)
    return error.param.make_metavar(error.ctx) if error.ctx else str(error.param.name)
