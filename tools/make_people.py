"""Write examples/people.csv: 1,000 people as an HR system exports them, some rows bad on purpose.

The same seed gives the same bytes, so the file in the repository can be held against this script.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

SEED = 20261121
PEOPLE = 1000
COLUMNS = (
    "Employee No",
    "Address",
    "Name",
    "Active",
    "Custom_ID",
    "Department",
    "Joined",
    "Note",
)
BAD: dict[int, str] = {
    17: "ADDRESS_HAS_COMMA",
    118: "ADDRESS_MISSING",
    241: "ADDRESS_TOO_LONG",
    242: "ADDRESS_TOO_LONG",
    333: "TOO_MANY_CELLS",
    404: "BAD_ACTIVE",
    512: "ADDRESS_HAS_CONTROL",
    613: "ADDRESS_HAS_COMMA",
    700: "TOO_FEW_CELLS",
    806: "BAD_ACTIVE",
    900: "INVALID_UTF8",
    955: "TOO_MANY_CELLS",
}
"""Which person, counted from 1, is bad, and the code of it."""

NAMES = (
    (("José", "Zoë", "Łukasz", "Åsa", "Çağla", "Nguyễn"), ("Muñoz", "Brontë", "Żółć", "O'Brien")),
    (("Анна", "Борис", "Оксана"), ("Иванова", "Петренко", "Щукин")),
    (("Ελένη", "Γιώργος"), ("Παπαδοπούλου", "Αγγελόπουλος")),
    (("محمد", "فاطمة"), ("الحسن", "العلي")),
    (("דוד", "רחל"), ("כהן", "לוי")),
    (("明", "丽"), ("王", "李")),
    (("민준", "서연"), ("김", "박")),
    (("अनिल", "प्रिया"), ("शर्मा", "गुप्ता")),
    (("Ann", "Bob", "Carol", "Dan"), ("Example", "Miller", "Smith", "Jones")),
    (("Sam 🎉", "Kim 👩🏽‍💻"), ("Sunny ☀️", "Star")),
)
DEPARTMENTS = ("Sales", "R&D", "Finance, Tax", "Küche", "人事部", "Support")
NOTES = (
    "",
    "",
    "",
    'prefers "Annie"',
    "desk 4, window side",
    "on leave\r\nuntil March",
    "=see HR",
    "+49 30 1234567",
    "paid; hourly",
)
ACTIVE = ("true", "TRUE", "yes", "1", "", "false", "No")


def people() -> bytes:
    """The whole file: a BOM, CRLF line ends, quotes only where they are needed."""
    chance = random.Random(SEED)
    numbers = range(1, PEOPLE + 1)
    rows = [spoiled(number, list(person(number, chance))) for number in numbers]
    rows.insert(0, ",".join(COLUMNS).encode())
    return b"\xef\xbb\xbf" + b"".join(row + b"\r\n" for row in rows)


def person(number: int, chance: random.Random) -> Iterator[str]:
    first_names, last_names = chance.choice(NAMES)
    first, last = chance.choice(first_names), chance.choice(last_names)
    yield f"{number:05d}"
    yield f"emp{number:04d}@people.example"
    yield f"{last}, {first}" if chance.random() < 0.3 else f"{first} {last}"
    yield chance.choice(ACTIVE)
    yield f"hr-{number}"
    yield chance.choice(DEPARTMENTS)
    yield f"{chance.randint(2001, 2026)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"
    yield chance.choice(NOTES)


def spoiled(number: int, cells: list[str]) -> bytes:
    match BAD.get(number):
        case "ADDRESS_HAS_COMMA":
            cells[1] = f"emp{number},deputy@people.example"
        case "ADDRESS_MISSING":
            cells[1] = ""
        case "ADDRESS_TOO_LONG":
            # 70 bytes each; the second is only 35 letters.
            cells[1] = "e" * 55 + "@people.example" if number % 2 else "я" * 35
        case "ADDRESS_HAS_CONTROL":
            cells[1] = f"emp{number}\t@people.example"
        case "TOO_MANY_CELLS":
            cells += ["moved here", "by hand"]
        case "TOO_FEW_CELLS":
            cells = cells[:5]
        case "BAD_ACTIVE":
            cells[3] = "maybe"
        case "INVALID_UTF8":
            # One row was pasted from an old system that wrote Latin-1.
            return ",".join([*cells[:2], "Jürgen Groß", *cells[3:5], "", "", ""]).encode("latin-1")
    return ",".join(map(quoted, cells)).encode()


def quoted(cell: str) -> str:
    if any(mark in cell for mark in ',"\r\n\t'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def main() -> None:
    root = Path(__file__).resolve().parent.parent
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "examples" / "people.csv"
    target.write_bytes(people())
    print(f"{target}: {PEOPLE:,} people, {len(BAD)} of them bad on purpose", file=sys.stderr)


if __name__ == "__main__":
    main()
