"""A broadcast: what is sent, and the message that each row of its recipients stands for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from bulkhead.errors import InvalidInput
from bulkhead.model import letter_rules as rules
from bulkhead.model.enclosure import Enclosure
from bulkhead.model.group import LARGEST, LOWEST_GID
from bulkhead.model.letter_rules import require
from bulkhead.model.mapping import ANY_WIDTH, plain
from bulkhead.model.template import Missing, Template, template
from bulkhead.model.text import has_surrogate
from bulkhead.model.user import Problem, UserMapping, problem_in, problem_of
from bulkhead.model.way import BACKEND, LARGEST_REALTIME_GID, REALTIME, VIA

EXPIRY = 24 * 3600
"""Seconds after which mesibo gives up an undelivered message, unless something else is said.

mesibo's own default is a year: nobody wants last year's news at the next login.
"""
LONGEST_EXPIRY = 365 * 86_400

MOST_TEXT = 4_096
"""Bytes of a message's text as the call carries it: a quote or a line break counts twice.

Half of what an on-premise backend accepts as a whole body; mesibo states no limit.
"""
MOST_TITLE, MOST_URL = 512, 2_048
"""Bytes, counted likewise: with all three at their most a call still fits that body."""

GROUP, ADDRESS, CUSTOM_ID = "group", "address", "custom_id"
"""Names in a broadcast's mapping: the columns that say who is meant."""
VARIABLE = "var:"
"""Begins the name, in a broadcast's mapping, of a variable's column."""

LONGEST_NUMBER = 18
"""Digits of a gid with all its leading noughts."""

_ADDRESS = UserMapping(width=ANY_WIDTH, address=0)


@dataclass(frozen=True, slots=True)
class Text:
    """What one recipient gets."""

    message: str = ""
    url: str = ""
    title: str = ""

    @property
    def size(self) -> int:
        """Bytes of it as a call carries them."""
        return sum(map(carried, (self.message, self.url, self.title)))


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent to everybody: from whom, the text or the file, and for how long it is news.

    `message` and `title` are templates. Raises InvalidInput for what could not be sent to anybody.
    """

    sender: str
    message: str = ""
    url: str = ""
    title: str = ""
    expiry: int = EXPIRY
    """In seconds; 0: only to those who are online."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Variable → its value where a row has none."""
    via: str = BACKEND
    """One of VIA."""
    file: Enclosure | None = None
    """In real time only, in place of a text or a URL; its bytes lie with the job."""

    def __post_init__(self) -> None:
        problem = address_problem(self.sender)
        if problem is not None:
            raise InvalidInput(
                f"{self.sender!r} cannot be a sender",
                why=problem.message,
                to_do="name the sender by its mesibo address, such as news@example.com",
            )
        require(self.via in VIA, rules.WAY)
        require(self.file is None or self.via == REALTIME, rules.FILE_WAY)
        named = sum(map(bool, (self.message, self.url, self.file)))
        require(named == 1, rules.ONE_OF)
        require(not self.message or not self.message.isspace(), rules.BLANK)
        texts = (self.message, self.url, self.title, *self.given, *self.given.values())
        require(not has_surrogate(texts), rules.NO_TEXT)
        require(self.via == BACKEND or not any("\0" in text for text in texts), rules.NO_TEXT)
        require(not self.title or not self.message, rules.TITLE_FITS)
        require(0 <= self.expiry <= LONGEST_EXPIRY, rules.EXPIRY_FITS)
        require(not self.url or self.url.startswith(("https://", "http://")), rules.URL)
        require("{{" not in self.url, rules.LITERAL)
        unwritten = self.fixed and too_long(Text(self.message, self.url, self.title))
        if unwritten:
            raise InvalidInput("the message is too long", why=unwritten, to_do=rules.SHORTEN)

    @property
    def names(self) -> tuple[str, ...]:
        """The variables, once each and in order. Raises InvalidInput."""
        found = (*_template(self.message).names, *_template(self.title).names)
        return tuple(dict.fromkeys(found))

    @property
    def size(self) -> int:
        """Bytes of the templates as a call carries them."""
        return Text(self.message, self.url, self.title).size

    @property
    def fixed(self) -> bool:
        """True if everybody gets the same."""
        return not self.names

    def params(self) -> dict[str, Any]:
        """The letter as a job keeps it."""
        kept = {"from": self.sender, "message": self.message, "url": self.url, "title": self.title}
        return {
            **{name: text for name, text in kept.items() if text},
            "expiry": self.expiry,
            "variables": list(self.names),
            **({"given": dict(self.given)} if self.given else {}),
            **({"via": self.via} if self.via != BACKEND else {}),
            **({"file": self.file.params()} if self.file else {}),
        }

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Letter:
        """The letter that a job keeps. Raises InvalidInput or KeyError."""
        return cls(
            sender=params["from"],
            message=params.get("message", ""),
            url=params.get("url", ""),
            title=params.get("title", ""),
            expiry=params["expiry"],
            given=params.get("given", {}),
            via=params.get("via", BACKEND),
            file=Enclosure.from_params(params["file"]) if params.get("file") else None,
        )


@dataclass(frozen=True, slots=True)
class Addressed:
    """One recipient and its text: the group of a gid, or the person of an address."""

    gid: int | None
    address: str
    text: Text


class Reader:
    """Reads rows of recipients. Pure, and the same in a producer and in a worker.

    The columns of the mapping may grow meanwhile: a variable's is looked up for each row.
    """

    def __init__(self, letter: Letter, mapping: Mapping[str, int]) -> None:
        self.letter = letter
        self._mapping = mapping
        self._message, self._title = _template(letter.message), _template(letter.title)
        self._url = letter.url
        self._variables = [
            (name, VARIABLE + name, letter.given.get(name, "")) for name in letter.names
        ]

    def read(self, cells: Sequence[str], line: int) -> Addressed | Problem:
        """What this row's recipient gets, or why nothing."""
        group, address = _cell(cells, self._mapping[GROUP]), _cell(cells, self._mapping[ADDRESS])
        problem = _recipient_problem(group, address) or self._past_the_package(group)
        if problem is not None:
            return problem
        values = self._values(cells)
        try:
            text = Text(self._message.fill(values), self._url, self._title.fill(values))
        except Missing as missing:
            where = f"`{missing.name}` is missing or empty on line {line}."
            return problem_of("VARIABLE_MISSING", where)
        unsent = too_long(text) if values else ""
        if unsent:
            return problem_of("MESSAGE_TOO_LONG", f"On line {line} {unsent}.")
        return Addressed(int(group) if group else None, address, text)

    def problems(self, lines: Sequence[int], rows: Sequence[Sequence[str]]) -> dict[int, Problem]:
        """What is wrong with these rows, by place and in order."""
        found = (self.read(cells, line) for line, cells in zip(lines, rows, strict=True))
        return {place: one for place, one in enumerate(found) if isinstance(one, Problem)}

    def _past_the_package(self, group: str) -> Problem | None:
        if self.letter.via == BACKEND or not group or int(group) <= LARGEST_REALTIME_GID:
            return None
        return problem_of("BAD_GID", f"In real time no group above {LARGEST_REALTIME_GID} can be.")

    def _values(self, cells: Sequence[str]) -> dict[str, str]:
        values = {}
        for name, column, given in self._variables:
            place = self._mapping.get(column)
            values[name] = (_cell(cells, place) if place is not None else "") or given
        return values


def is_number(text: str) -> bool:
    """True for digits: meant as a gid, and never as a custom_id of our record."""
    return text.isascii() and text.isdigit()


def is_gid(text: str) -> bool:
    """True for a number that can be a group's: not one of mesibo's own, nor of 33 bits."""
    return is_number(text) and len(text) <= LONGEST_NUMBER and LOWEST_GID <= int(text) <= LARGEST


def no_group(word: str) -> Problem:
    """What is wrong with a word that is no gid, and that our record does not know."""
    if is_number(word):
        return problem_of("BAD_GID", f"No group has the gid {word[:63]}.")
    return problem_of("GROUP_NOT_IN_RECORD", f"No group is `{word[:63]}` on our record.")


def carried(text: str) -> int:
    """Bytes that the text takes in a call."""
    return len(json.dumps(text, ensure_ascii=False).encode(errors="surrogatepass")) - 2


def too_long(text: Text) -> str:
    """Which part is too long, in words; empty if none is."""
    for name, part, most in (
        ("text", text.message, MOST_TEXT),
        ("title", text.title, MOST_TITLE),
        ("URL", text.url, MOST_URL),
    ):
        # Six bytes are the most that a character can take; nearly every text passes here.
        size = carried(part) if len(part) * 6 > most else 0
        if size > most:
            return f"the {name} takes {size:,} bytes; {most:,} are possible"
    return ""


def whole_seconds(expiry: float) -> int:
    """The expiry as a letter has it, never 0 for a part of a second. Raises InvalidInput."""
    require(0 <= expiry <= LONGEST_EXPIRY, rules.EXPIRY_FITS)
    return math.ceil(expiry)


def given_variables(pairs: Mapping[str, str]) -> dict[str, str]:
    """The same by their names as columns are compared; what is empty says nothing."""
    return {plain(name): value.strip() for name, value in pairs.items() if value.strip()}


def address_problem(address: str) -> Problem | None:
    """What is wrong with an address, if anything."""
    return problem_in(_ADDRESS, (address,))


def _recipient_problem(group: str, address: str) -> Problem | None:
    if bool(group) == bool(address):
        said = "both a group and a person" if group else "neither a group nor a person"
        return problem_of("RECIPIENT_MISSING", f"The row names {said}.")
    if group and not is_gid(group):
        return no_group(group)
    return address_problem(address) if address else None


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place].strip() if 0 <= place < len(cells) else ""


@lru_cache(256)
def _template(text: str) -> Template:
    return template(text)
