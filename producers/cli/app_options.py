"""The settings of an app as options, and an app's settings after them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import click

from bulkhead.errors import InvalidInput
from bulkhead.model.app import AppSettings, checked_class, parse_rate
from bulkhead.model.sender import checked_senders
from producers.cli.values import COUNT, RATE, SHARE, TIME_LIMIT, usage

Command = TypeVar("Command", bound=Callable[..., Any])

_EDITIONS = click.Choice(["cloud", "onprem"])
_SPELLINGS = click.Choice(["delete", "remove", "flat"])
_OPTIONS: tuple[tuple[str, Any, str | None, str], ...] = (
    ("--base-url", str, "URL", "Where its backend answers."),
    ("--rate", RATE, "N/s", "Most calls a second. [20/s]"),
    ("--burst", COUNT, "N", "Most calls at once after a rest. [40]"),
    ("--max-in-flight", COUNT, "N", "Most calls at once. [8]"),
    ("--weight", SHARE, "N", "Share among its tenant's apps. [1]"),
    ("--edition", _EDITIONS, None, "Which backend it is. [cloud]"),
    ("--connect-timeout", TIME_LIMIT, "D", "For a connection. [5s]"),
    ("--read-timeout", TIME_LIMIT, "D", "For an answer. [30s]"),
    ("--max-attempts", COUNT, "N", "Attempts at one item. [6]"),
    ("--retry-first", TIME_LIMIT, "D", "Longest first pause before another attempt. [500ms]"),
    ("--retry-longest", TIME_LIMIT, "D", "Longest pause before another attempt. [1m]"),
    ("--give-up-after", TIME_LIMIT, "D", "No attempt later than this after the first. [6h]"),
    ("--ca-file", str, "F", "A private authority's certificate."),
    ("--proxy", str, "URL", "Call through this proxy."),
    ("--cell", str, "NAME", "Workers that may call it. [main]"),
    ("--remove-members-by", _SPELLINGS, None, "How a removal from a group is written. [delete]"),
    ("--senders", str, "A,B", "Addresses that messages may come from; '' for any. [any]"),
)
_MAPPINGS = (
    ("--class", "classes", "NAME=N/s", "Own rate of an operation class; NAME= takes it back."),
    ("--label", "labels", "K=V", "Kept with the app; K= takes it back. May be repeated."),
)

_EXAMPLES = {"--label": "team=growth", "--class": "message=5/s"}


def settings_options(command: Command) -> Command:
    """Every setting of an app; what is not given stays as it is."""
    for flag, name, shape, help_ in reversed(_MAPPINGS):
        command = click.option(flag, name, metavar=shape, multiple=True, help=help_)(command)
    http = click.option("--allow-http/--no-allow-http", default=None, help="Allow http://.")
    command = http(command)
    for flag, kind, shape, help_ in reversed(_OPTIONS):
        command = click.option(flag, type=kind, metavar=shape, help=help_)(command)
    return command


def given_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """The settings among a command's options that were given."""
    return {name: value for name, value in options.items() if value not in (None, ())}


def changed(settings: AppSettings, options: Mapping[str, Any]) -> AppSettings:
    """The settings with what was given on the command line. Raises UsageProblem."""
    from bulkhead.engine.cabinet import endpoint

    with usage():
        new = given_settings(options)
        if "labels" in new:
            new["labels"] = _merged(settings.labels, new["labels"], "--label", str)
        for pair in new.get("classes", ()):
            # One that is taken back may have been given before we looked.
            if not pair.endswith("="):
                checked_class(pair.partition("=")[0])
        if "classes" in new:
            new["classes"] = _merged(settings.classes, new["classes"], "--class", parse_rate)
        if "senders" in new:
            new["senders"] = checked_senders(new["senders"].split(","))
        after = replace(settings, **new)
        endpoint(after)  # refuses a URL that could not be called safely
    return after


def _merged(
    before: Mapping[str, Any], pairs: tuple[str, ...], flag: str, read: Callable[[str], Any]
) -> dict[str, Any]:
    """The mapping with these pairs; an empty value takes its name out."""
    after = dict(before)
    for name, sign, text in (pair.partition("=") for pair in pairs):
        if not (name and sign):
            raise InvalidInput(
                f"{name!r} does not say what {flag} is to be",
                why="it is a name, = and a value",
                to_do=f"write it like {flag} " + _EXAMPLES[flag],
            )
        if text:
            after[name] = read(text)
        else:
            after.pop(name, None)
    return after
