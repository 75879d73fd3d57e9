"""Option values as a person writes them; one that makes no sense is a usage problem, exit 2."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from bulkhead.errors import InvalidInput, UsageProblem
from bulkhead.model.app import parse_duration, parse_rate
from bulkhead.model.quota import parse_quota
from bulkhead.model.when import parse_when


@contextmanager
def usage() -> Iterator[None]:
    """What is wrong with a word of the command line exits with 2, not as a wrong input file."""
    try:
        yield
    except InvalidInput as error:
        raise UsageProblem(error.what, why=error.why, to_do=error.to_do) from None


class Value(click.ParamType[float]):
    """A number written with its unit."""

    def __init__(self, name: str, read: Callable[[str], float]) -> None:
        self.name = name
        self._read = read

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; raises UsageProblem with how to write it."""
        if isinstance(value, float):
            return value
        with usage():
            return self._read(str(value))


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1000:
        raise InvalidInput(
            f"{text!r} is not a weight",
            why="a weight is a number above 0 and at most 1000; 1 is usual",
            to_do="write it like 2 or 0.5",
        )
    return share


def _time_limit(text: str) -> float:
    seconds = parse_duration(text)
    if seconds <= 0:
        raise InvalidInput(
            f"{text!r} leaves no time",
            why="it must be longer than nothing",
            to_do="write it like 5s or 500ms",
        )
    return seconds


RATE = Value("rate", parse_rate)
"""Calls a second."""
DURATION = Value("duration", parse_duration)
"""Seconds."""
TIME_LIMIT = Value("time limit", _time_limit)
"""Seconds, more than none."""
WHEN = Value("time", lambda text: parse_when(text, time.time()))
"""Unix seconds."""
QUOTA = Value("quota", parse_quota)
"""A whole number, or infinity for none."""
SHARE = Value("weight", _share)
COUNT = click.IntRange(1, 1_000_000)
