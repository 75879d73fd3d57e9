"""The people in the repository are those the script makes, with exactly the faults it states."""

import runpy
from collections import Counter
from pathlib import Path

from producers.rows.open_input import open_input

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "examples" / "people.csv"
SCRIPT = runpy.run_path(str(ROOT / "tools" / "make_people.py"))


def test_the_file_is_what_the_script_makes():
    assert FILE.read_bytes() == SCRIPT["people"]()


def test_the_file_has_the_people_and_the_faults_the_script_states():
    with open_input(str(FILE)) as rows:
        found = list(rows)

    faults = {number: row.problem.code for number, row in enumerate(found, start=1) if row.problem}
    assert len(found) == SCRIPT["PEOPLE"] == 1000
    assert faults == SCRIPT["BAD"]
    assert rows.ignored_columns == ["Employee No", "Department", "Joined", "Note"]


def test_the_faults_are_of_every_kind_a_users_file_can_have():
    kinds = Counter(SCRIPT["BAD"].values())

    assert {"ADDRESS_HAS_COMMA", "ADDRESS_MISSING", "ADDRESS_TOO_LONG", "TOO_MANY_CELLS"} <= set(
        kinds
    )
    assert kinds["INVALID_UTF8"] == 1


def test_the_file_is_as_a_spreadsheet_saves_it():
    data = FILE.read_bytes()

    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") == data.count(b"\n")
    assert b'"' in data
