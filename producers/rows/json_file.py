"""Read a file of JSON Lines as a stream: each object with its line, and what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any, NoReturn

from bulkhead.errors import InvalidInput
from bulkhead.model.batch import gathered
from bulkhead.model.shape import USERS, RowMapping, Shape
from bulkhead.model.text import has_surrogate
from bulkhead.model.user import Problem, problem_of
from bulkhead.objects import Number, Objects
from bulkhead.recipients import RecipientObjects
from producers.rows.row import LONGEST_CELL, Row, Rows, not_text, too_long
from producers.rows.source import Source

TEXT_COLUMN = "_text"
"""Where the errors file has a line that was no object; not imported again."""
_JSON_BEGINS = re.compile(r"\{|\[\s*[\{\]]")
_NO_FIELDS: Mapping[str, str] = MappingProxyType({})


class _Doubled(Exception):
    """An object has two members of one name."""


class JsonRows(Rows):
    """The rows of one file of JSON Lines, read once; see `Rows`."""

    format = "jsonl"

    def __init__(
        self, source: Source, explicit: Mapping[str, str] = _NO_FIELDS, shape: Shape = USERS
    ) -> None:
        super().__init__(source)
        self._objects = self._made(explicit, shape)
        self._decode = json.JSONDecoder(
            parse_int=Number,
            parse_float=Number,
            parse_constant=_no_constant,
            object_pairs_hook=_object,
        ).decode
        lines = self._lines()
        first = next(lines, None)
        if first is None:
            raise _empty(source.name, shape)
        self._refuse_unless_object(first[1])
        self._batches = gathered(self._read(chain([first], lines)))

    @property
    def columns(self) -> list[str | None]:
        """The members seen so far, by the name they had first; the shape's fields come first."""
        return self._objects.columns

    @property
    def mapping(self) -> RowMapping:
        """Which column means which field; the same for every file."""
        return self._objects.mapping

    def _made(self, explicit: Mapping[str, str], shape: Shape) -> Objects | RecipientObjects:
        return Objects(explicit, shape)

    def _lines(self) -> Iterator[tuple[int, str]]:
        number = 0
        # JSON itself may have a lone CR between its words.
        for piece in self._source.pieces(cr_ends=False):
            for text in piece.removesuffix("\n").split("\n"):
                number += 1
                if text and not text.isspace():
                    yield number, text

    def _read(self, lines: Iterator[tuple[int, str]]) -> Iterator[Row]:
        row = self._objects.row
        for number, text in lines:
            self.count += 1
            try:
                one = self._decode(text)
            except (ValueError, RecursionError, _Doubled) as error:
                yield self._no_object(number, text, _why_not(error))
                continue
            if type(one) is not dict:
                yield self._no_object(number, text, _not_an_object("it is another kind of JSON"))
                continue
            cells, problem = row(one)
            if len(text) > LONGEST_CELL and max(map(len, cells)) > LONGEST_CELL:
                yield Row(number, [], too_long())
                continue
            if self._source.has_bad_bytes and has_surrogate([text]):
                problem = problem or not_text([text], self._source.encoding.upper())
            yield Row(number, cells, problem)
        self._objects.close()

    def _no_object(self, number: int, text: str, problem: Problem) -> Row:
        if len(text) > LONGEST_CELL:
            return Row(number, [], problem)
        return Row(number, self._objects.row_of_text(TEXT_COLUMN, text.strip()), problem)

    def _refuse_unless_object(self, text: str) -> None:
        try:
            one = self._decode(text)
        except (RecursionError, _Doubled):
            return
        except ValueError:
            one = None
        if not isinstance(one, dict):
            raise _not_json_lines(self._source.name, text)


def looks_like_json(text: str) -> bool:
    """True if the text begins as an object does, or a list of them."""
    return _JSON_BEGINS.match(text) is not None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Doubled
    return found


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _why_not(error: Exception) -> Problem:
    if isinstance(error, _Doubled):
        return problem_of("DOUBLED_MEMBER", "The object has two members of one name.")
    if isinstance(error, RecursionError):
        return _not_an_object("its lists or objects are nested too deeply")
    if isinstance(error, json.JSONDecodeError):
        return _not_an_object(f"{error.msg}, at character {error.colno}")
    return _not_an_object(str(error))


def _not_an_object(why: str) -> Problem:
    return problem_of("NOT_AN_OBJECT", f"The line is not one JSON object: {why}.")


def _empty(name: str, shape: Shape) -> InvalidInput:
    return InvalidInput(
        f"`{name}` is empty.",
        why=f"A JSON Lines file of {shape.noun}s has one object a line, each with {shape.needs}.",
        to_do=f"Check that the export was finished; `bulkhead {shape.noun}s template "
        "--format jsonl` "
        "prints an example.",
    )


def _not_json_lines(name: str, text: str) -> InvalidInput:
    start = text.lstrip("\ufeff \t\r")
    why = "Its first line is not a whole JSON object."
    if start.startswith("["):
        why = "It begins with a list; JSON Lines has one object a line, and no list around them."
    return InvalidInput(
        f"`{name}` is not a JSON Lines file.",
        why=why,
        to_do="Write one object a line; `jq -c '.[]' FILE` makes that of a list, "
        "`jq -c . FILE` of objects over several lines.",
    )
