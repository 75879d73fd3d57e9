"""A row of a users file: which column means what, and the user the row stands for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from bulkhead.errors import InvalidInput
from bulkhead.model.code import code
from bulkhead.model.text import LOST

FIELDS = ("address", "name", "active", "appid", "expiry", "flags", "custom_id")
LONGEST_ADDRESS = 63
"""In bytes of UTF-8."""
ABSENT = -1
ANY_WIDTH = -1
"""The width of rows that were objects: a member that an object has not is an empty cell."""

# Spaces only: a tab or a line break inside an address cell is reported, never dropped.
BLANKS = " \u00a0\u202f\u3000"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DURATION = re.compile(r"([0-9]{1,10})[ ]?([mhd]?)")
_MINUTES = MappingProxyType({"": 1, "m": 1, "h": 60, "d": 24 * 60})
_ACTIVE: Mapping[str, bool | None] = MappingProxyType(
    {"": None, "true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
)
_LARGEST_EXPIRY = 2**31 - 1
_LARGEST_FLAGS = 2**32 - 1


@dataclass(frozen=True, slots=True)
class User:
    """What is sent for one row; None means that the file leaves it to mesibo."""

    address: str
    name: str | None = None
    active: bool | None = None
    appid: str | None = None
    expiry: int | None = None
    """In minutes."""
    flags: int | None = None
    custom_id: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row is not sent, and how a person puts it right."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class UserMapping:
    """The column, counted from 0, of each field; ABSENT where the file has none.

    Plain numbers, so a job keeps it as JSON and a worker reads rows as the producer did.
    """

    width: int
    address: int
    name: int = ABSENT
    active: int = ABSENT
    appid: int = ABSENT
    expiry: int = ABSENT
    flags: int = ABSENT
    custom_id: int = ABSENT

    @property
    def columns(self) -> frozenset[int]:
        """The columns that are sent; all others are only kept."""
        places = (getattr(self, field) for field in FIELDS)
        return frozenset(place for place in places if place != ABSENT)


def sent_address(cell: str) -> str:
    """The address in a cell as it is sent."""
    return cell.strip(BLANKS)


def mapping_of(
    header: Sequence[str], explicit: Mapping[str, str] = MappingProxyType({})
) -> UserMapping:
    """Match columns with fields by name, without regard to case and surrounding blanks.

    `explicit` gives column → field and wins over the names. Raises InvalidInput when a field
    has two columns, when a column named in `explicit` is not there, or without an address.
    """
    names = [plain(name) for name in header]
    places: dict[str, int] = {}
    for column, field in explicit.items():
        _claim(places, field_named(field), _only_place(header, names, column), header)
    chosen, mapped = frozenset(places), frozenset(places.values())
    for place, name in enumerate(names):
        if name in FIELDS and name not in chosen and place not in mapped:
            _claim(places, name, place, header)
    if "address" not in places:
        raise no_address(header)
    return UserMapping(width=len(header), **places)


def plain(column: str) -> str:
    """A column's name as it is compared: small letters, no blanks around it."""
    return column.strip().casefold()


def read_user(mapping: UserMapping, cells: Sequence[str]) -> User | Problem:
    """The user this row stands for, or what is wrong with it. Pure: the same row, the same answer.

    Blanks around a cell do not count, and a cell that is empty then is left unset.
    """
    problem = problem_in(mapping, cells)
    if problem is not None:
        return problem
    active, expiry, flags = _values(
        "" if mapping.active < 0 else cells[mapping.active],
        "" if mapping.expiry < 0 else cells[mapping.expiry],
        "" if mapping.flags < 0 else cells[mapping.flags],
    )
    return User(
        cells[mapping.address].strip(BLANKS),
        _text(cells, mapping.name),
        active,
        _text(cells, mapping.appid),
        expiry,
        flags,
        _text(cells, mapping.custom_id),
    )


def problem_in(mapping: UserMapping, cells: Sequence[str]) -> Problem | None:
    """What `read_user` would find wrong with this row, without building the user."""
    if len(cells) != mapping.width != ANY_WIDTH:
        return wrong_width(mapping.width, len(cells))
    address = cells[mapping.address].strip(BLANKS)
    # Nearly every address passes this line; the other explains what it finds.
    ordinary = address.isascii() and address.isprintable() and "," not in address
    if not (ordinary and 0 < len(address) <= LONGEST_ADDRESS):
        problem = _address_problem(address)
        if problem is not None:
            return problem
    if mapping.name >= 0 and LOST in cells[mapping.name]:
        return problem_of("INVALID_UTF8", "The name has a character (�) that was not UTF-8.")
    try:
        _values(
            "" if mapping.active < 0 else cells[mapping.active],
            "" if mapping.expiry < 0 else cells[mapping.expiry],
            "" if mapping.flags < 0 else cells[mapping.flags],
        )
    except _BadValue as bad:
        return problem_of(bad.code, code(bad.code).meaning)
    return None


def values_fit(values: Iterable[tuple[str, str, str]]) -> bool:
    """Whether all of these cells of the columns `active`, `expiry` and `flags` can be sent."""
    try:
        return all(_values(*cells) for cells in values)
    except _BadValue:
        return False


def problem_of(name: str, message: str) -> Problem:
    """A problem with the hint that the list of codes gives for it."""
    return Problem(name, message, code(name).fix)


def _address_problem(address: str) -> Problem | None:
    if not address:
        return problem_of("ADDRESS_MISSING", "The address cell is empty.")
    if LOST in address:
        return problem_of("INVALID_UTF8", "The address has a character (�) that was not UTF-8.")
    if "," in address:
        return problem_of("ADDRESS_HAS_COMMA", "The address contains a comma.")
    control = _CONTROL.search(address)
    if control is not None:
        where = f"U+{ord(control[0]):04X} as character {control.start() + 1}"
        message = f"The address contains a control character: {where}."
        return problem_of("ADDRESS_HAS_CONTROL", message)
    size = len(address.encode(errors="surrogatepass"))
    if size > LONGEST_ADDRESS:
        message = f"The address is {size} bytes of UTF-8; at most {LONGEST_ADDRESS} are possible."
        return problem_of("ADDRESS_TOO_LONG", message)
    return None


def wrong_width(width: int, found: int) -> Problem:
    """The problem of a row with another number of cells than its header has."""
    name = "TOO_MANY_CELLS" if found > width else "TOO_FEW_CELLS"
    cells = "1 cell" if found == 1 else f"{found} cells"
    return problem_of(name, f"The row has {cells}; the header has {width}.")


def _text(cells: Sequence[str], place: int) -> str | None:
    return (cells[place].strip() or None) if place >= 0 else None


class _BadValue(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


# A file repeats few values in these columns, so nearly every row is a look-up in a small memory.
# Bad values raise, which also keeps long ones from being remembered.
@lru_cache(maxsize=1024)
def _values(active: str, expiry: str, flags: str) -> tuple[bool | None, int | None, int | None]:
    return _active(active), _expiry(expiry), _flags(flags)


def _active(cell: str) -> bool | None:
    word = _word(cell, "BAD_ACTIVE")
    if word not in _ACTIVE:
        raise _BadValue("BAD_ACTIVE")
    return _ACTIVE[word]


def _expiry(cell: str) -> int | None:
    word = _word(cell, "BAD_EXPIRY")
    if not word:
        return None
    found = _DURATION.fullmatch(word)
    minutes = int(found[1]) * _MINUTES[found[2]] if found else ABSENT
    if not 0 <= minutes <= _LARGEST_EXPIRY:
        raise _BadValue("BAD_EXPIRY")
    return minutes


def _flags(cell: str) -> int | None:
    word = _word(cell, "BAD_FLAGS")
    if not word:
        return None
    # isdigit alone would let ² and other scripts' digits through.
    if not (word.isascii() and word.isdigit() and len(word) <= 10 and int(word) <= _LARGEST_FLAGS):
        raise _BadValue("BAD_FLAGS")
    return int(word)


def _word(cell: str, bad: str) -> str:
    if len(cell) > 64:
        raise _BadValue(bad)
    return cell.strip().lower()


def _claim(places: dict[str, int], field: str, place: int, header: Sequence[str]) -> None:
    if field in places:
        first, second = sorted((places[field], place))
        raise InvalidInput(
            f"Two columns mean `{field}`.",
            why=f"Column {first + 1} is `{header[first].strip()}` and column {second + 1} is "
            f"`{header[second].strip()}`; nothing says which one counts.",
            to_do="Remove or rename one of them, then import the file again.",
        )
    places[field] = place


def field_named(field: str) -> str:
    """The field of that name, written in any case. Raises InvalidInput."""
    if plain(field) in FIELDS:
        return plain(field)
    raise InvalidInput(
        f"There is no field `{field}`.",
        why=f"A column can be mapped to {', '.join(FIELDS)}.",
        to_do="Name one of these after the = sign.",
    )


def _only_place(header: Sequence[str], names: list[str], column: str) -> int:
    count = names.count(plain(column))
    if count == 1:
        return names.index(plain(column))
    found = f"{count} columns" if count else "no column"
    raise InvalidInput(
        f"The file has {found} named `{column}`.",
        why=f"Its columns are {listed(header)}.",
        to_do="Map a column that stands in the header exactly once.",
    )


def no_address(header: Sequence[str]) -> InvalidInput:
    """The refusal of a file that has these columns, and no address among them."""
    near = difflib.get_close_matches("address", [plain(name) for name in header], 1, 0.6)
    rename = f"Rename `{near[0]}` to `address`" if near else "Name the column `address`"
    return InvalidInput(
        "The file has no `address` column.",
        why=f"Its columns are {listed(header)}." if header else "It has no columns at all.",
        to_do=f"{rename}, or map a column with `--map COLUMN=address`.",
    )


def listed(header: Sequence[str], most: int = 12) -> str:
    """The columns' names for a message, shortened where they are many or long."""
    names = [f"`{name.strip()[:40]}`" for name in header[:most]]
    more = len(header) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")
