"""A row of a users file becomes a user, or a problem a person can put right."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.errors import InvalidInput
from bulkhead.model.code import CODES
from bulkhead.model.user import FIELDS, Problem, User, UserMapping, mapping_of, read_user

ALL = mapping_of(FIELDS)


def row(**cells):
    return [cells.get(field, "") for field in FIELDS]


def code_of(**cells):
    found = read_user(ALL, row(**cells))
    return found.code if isinstance(found, Problem) else None


def test_columns_are_matched_without_regard_to_case_and_blanks():
    mapping = mapping_of([" Custom_ID ", "Department", "ADDRESS"])

    assert mapping == UserMapping(width=3, address=2, custom_id=0)


def test_a_column_named_on_purpose_wins_over_the_names():
    mapping = mapping_of(["Name", "Mail", "address"], {"mail": "Address", "ADDRESS": "custom_id"})

    assert mapping == UserMapping(width=3, address=1, name=0, custom_id=2)


def test_a_mapping_survives_the_job_document():
    kept = json.loads(json.dumps(dataclasses.asdict(ALL)))

    assert UserMapping(**kept) == ALL


@pytest.mark.parametrize(
    ("header", "explicit", "word"),
    [
        (["name", "Adress"], {}, "Rename `adress` to `address`"),
        (["address", "Name", "NAME "], {}, "Two columns mean `name`"),
        (["address", "Address"], {}, "Two columns mean `address`"),
        (["address"], {"mail": "name"}, "no column named `mail`"),
        (["address", "x", "X"], {"x": "name"}, "2 columns named `x`"),
        (["address", "x"], {"x": "nmae"}, "no field `nmae`"),
        (["address", "x", "y"], {"x": "name", "y": "name"}, "Two columns mean `name`"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_in_three_lines(header, explicit, word):
    with pytest.raises(InvalidInput) as refused:
        mapping_of(header, explicit)

    error = refused.value
    assert word in f"{error.what} {error.why} {error.to_do}"
    assert error.why
    assert error.to_do


def test_a_doubled_column_that_is_not_sent_does_no_harm():
    assert mapping_of(["note", "note", "address"]).address == 2


def test_a_full_row_becomes_a_user():
    cells = [" ann@x.test ", " Ann ", "Yes", "com.x", "30d", "12", "hr-1", "staff, 404101"]

    groups = ("staff", "404101")
    assert read_user(ALL, cells) == User(
        "ann@x.test", "Ann", True, "com.x", 43200, 12, "hr-1", groups
    )


def test_empty_cells_are_left_to_mesibo():
    assert read_user(ALL, row(address="ann", name="  ")) == User("ann")


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "ADDRESS_MISSING"),
        ("   ", "ADDRESS_MISSING"),
        ("a,b", "ADDRESS_HAS_COMMA"),
        ("a\tb", "ADDRESS_HAS_CONTROL"),
        ("ann\n", "ADDRESS_HAS_CONTROL"),
        ("a\x7fb", "ADDRESS_HAS_CONTROL"),
        ("a\x85b", "ADDRESS_HAS_CONTROL"),
        ("a\0b", "ADDRESS_HAS_CONTROL"),
        ("a" * 63, None),
        ("a" * 64, "ADDRESS_TOO_LONG"),
        ("я" * 31, None),
        ("я" * 32, "ADDRESS_TOO_LONG"),
        ("€" * 21, None),
        ("🎉" * 16, "ADDRESS_TOO_LONG"),
        ("jos\ufffd", "INVALID_UTF8"),
        ("مرحبا", None),
        ("two words", None),
    ],
)
def test_an_address_is_1_to_63_bytes_without_comma_or_control(address, code):
    assert code_of(address=address) == code


@pytest.mark.parametrize("cell", ["true", "TRUE", "1", "yes", " Yes "])
def test_active_is_true_in_any_case(cell):
    assert read_user(ALL, row(address="a", active=cell)).active is True


@pytest.mark.parametrize("cell", ["false", "False", "0", "no", "NO"])
def test_active_is_false_in_any_case(cell):
    assert read_user(ALL, row(address="a", active=cell)).active is False


@pytest.mark.parametrize(
    ("cell", "minutes"),
    [("1440", 1440), ("90m", 90), ("12h", 720), ("30d", 43200), ("30 D", 43200), ("0", 0)],
)
def test_expiry_is_minutes_or_a_duration(cell, minutes):
    assert read_user(ALL, row(address="a", expiry=cell)).expiry == minutes


@pytest.mark.parametrize(
    ("field", "cell"),
    [
        ("active", "maybe"),
        ("active", "2"),
        ("active", "wahr"),
        ("expiry", "-5"),
        ("expiry", "1.5h"),
        ("expiry", "30w"),
        ("expiry", "9" * 5000),
        ("expiry", "٣٠"),
        ("expiry", "99999999d"),
        ("flags", "-1"),
        ("flags", "1.0"),
        ("flags", "0x10"),
        ("flags", "²"),
        ("flags", "4294967296"),
        ("flags", "9" * 5000),
    ],
)
def test_a_value_that_cannot_be_read_names_its_column(field, cell):
    assert code_of(**{"address": "a", field: cell}) == f"BAD_{field.upper()}"


def test_too_many_and_too_few_cells_say_how_many():
    more = read_user(ALL, [*row(address="a"), "x"])
    fewer = read_user(ALL, ["a"])

    assert (more.code, fewer.code) == ("TOO_MANY_CELLS", "TOO_FEW_CELLS")
    assert more.message == "The row has 9 cells; the header has 8."
    assert fewer.message == "The row has 1 cell; the header has 8."


@given(st.lists(st.text(), max_size=9))
def test_every_row_gives_a_user_or_a_listed_problem(cells):
    found = read_user(ALL, cells)

    if isinstance(found, Problem):
        assert found.code in CODES
        assert found.message
        assert found.hint
    else:
        assert 1 <= len(found.address.encode()) <= 63
        assert "," not in found.address


def test_every_field_and_every_code_of_a_row_is_in_the_reference():
    text = "".join(
        (Path(__file__).resolve().parents[2] / "docs" / page).read_text()
        for page in ("reference/input-files.md", "how-to/groups.md")
    )

    checks = ("ADDRESS_", "TOO_", "BAD_", "INVALID_")
    assert [name for name in CODES if name.startswith(checks) and f"`{name}`" not in text] == []
    assert [field for field in FIELDS if f"`{field}`" not in text] == []
