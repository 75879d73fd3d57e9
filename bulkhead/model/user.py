"""A row of a users file: which column means what, and the user the row stands for."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from bulkhead.errors import InvalidInput
from bulkhead.model.code import code
from bulkhead.model.mapping import ABSENT, ANY_WIDTH, Places, listed, places_in, plain
from bulkhead.model.text import LOST

FIELDS = ("address", "name", "active", "appid", "expiry", "flags", "custom_id", "groups")
LONGEST_ADDRESS = 63
"""In bytes of UTF-8."""
LONGEST_CUSTOM_ID = 200
MOST_GROUPS = 100
"""Of one person in one row: each is a call."""

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
    groups: tuple[str, ...] = ()
    """Gids and custom_ids of groups that the person joins."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row is not sent, and how a person puts it right."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class UserMapping(Places):
    """The columns of a users file."""

    address: int
    name: int = ABSENT
    active: int = ABSENT
    appid: int = ABSENT
    expiry: int = ABSENT
    flags: int = ABSENT
    custom_id: int = ABSENT
    groups: int = ABSENT


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
    places = places_in(header, FIELDS, explicit)
    if "address" not in places:
        raise no_address(header)
    return UserMapping(width=len(header), **places)


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
        () if mapping.groups < 0 else names_in(cells[mapping.groups]),
    )


def problem_in(mapping: UserMapping, cells: Sequence[str]) -> Problem | None:
    """What `read_user` would find wrong with this row, without building the user."""
    if len(cells) != mapping.width != ANY_WIDTH:
        return wrong_width(mapping.width, len(cells))
    address = cells[mapping.address].strip(BLANKS)
    # Nearly every address passes this line; the other explains what it finds.
    ordinary = address.isascii() and address.isprintable() and "," not in address
    if not (ordinary and 0 < len(address) <= LONGEST_ADDRESS):
        problem = address_problem(address)
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
    if mapping.groups >= 0 and not groups_fit(cells[mapping.groups]):
        return problem_of("BAD_GROUPS", code("BAD_GROUPS").meaning)
    return None


def names_in(cell: str) -> tuple[str, ...]:
    """What a cell lists with commas between, or as a list in JSON; each once, in their order."""
    return tuple(dict.fromkeys(filter(None, (name.strip(BLANKS) for name in _parts(cell)))))


def groups_fit(cell: str) -> bool:
    """Whether a person can be made a member of what the cell lists."""
    if not cell:
        return True
    try:
        names = names_in(cell)
    except ValueError:
        return False
    unfit = len(names) > MOST_GROUPS or LOST in cell or _CONTROL.search("".join(names))
    return not unfit and max(map(len, names), default=0) <= LONGEST_CUSTOM_ID


def _parts(cell: str) -> list[str]:
    """Raises ValueError for a list in JSON that holds anything but text and numbers."""
    if not cell.lstrip().startswith("["):
        return cell.split(",")
    try:
        parts = json.loads(cell)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not all(isinstance(part, str | int) and not isinstance(part, bool) for part in parts):
        raise ValueError("not a list of text")
    return [str(part) for part in parts]


def values_fit(values: Iterable[tuple[str, str, str]]) -> bool:
    """Whether all of these cells of the columns `active`, `expiry` and `flags` can be sent."""
    try:
        return all(_values(*cells) for cells in values)
    except _BadValue:
        return False


def problem_of(name: str, message: str) -> Problem:
    """A problem with the hint that the list of codes gives for it."""
    return Problem(name, message, code(name).fix)


def address_problem(address: str) -> Problem | None:
    """What is wrong with an address as it would be sent."""
    if not address:
        return problem_of("ADDRESS_MISSING", "There is no address.")
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


class _BadValue(ValueError):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


# A file repeats few values in these columns, so nearly every row is a look-up in a small memory.
# Bad values raise, which also keeps long ones from being remembered.
@lru_cache(maxsize=1024)
def _values(active: str, expiry: str, flags: str) -> tuple[bool | None, int | None, int | None]:
    return active_in(active), _expiry(expiry), _flags(flags)


def active_in(cell: str) -> bool | None:
    """Whether the cell says yes or no; None if it is empty. Raises ValueError."""
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


def no_address(header: Sequence[str]) -> InvalidInput:
    """The refusal of a file that has these columns, and no address among them."""
    near = difflib.get_close_matches("address", [plain(name) for name in header], 1, 0.6)
    rename = f"Rename `{near[0]}` to `address`" if near else "Name the column `address`"
    return InvalidInput(
        "The file has no `address` column.",
        why=f"Its columns are {listed(header)}." if header else "It has no columns at all.",
        to_do=f"{rename}, or map a column with `--map COLUMN=address`.",
    )
