"""Ctrl-C, remembered: Python drops what is raised while one of its own callbacks runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import FrameType
from typing import NoReturn, TypeVar

T = TypeVar("T")


class _Seen:
    pressed = False


def pressed(_number: int, _frame: FrameType | None) -> NoReturn:
    """The handler of SIGINT. Raises KeyboardInterrupt."""
    _Seen.pressed = True
    raise KeyboardInterrupt


def raise_if_lost() -> None:
    """Raises KeyboardInterrupt if one has come: who asks has not seen it."""
    if _Seen.pressed:
        raise KeyboardInterrupt


def heeding(things: Iterable[T]) -> Iterator[T]:
    """The same things. Raises KeyboardInterrupt before the next one if one was lost."""
    for thing in things:
        raise_if_lost()
        yield thing
    raise_if_lost()
