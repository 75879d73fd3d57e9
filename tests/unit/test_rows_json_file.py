"""A file of JSON Lines is read as a stream: what is no object is a bad row, and stops no other."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.errors import InvalidInput
from bulkhead.model.user import FIELDS, read_user
from bulkhead.objects import MOST_COLUMNS, Objects
from producers.rows import source
from producers.rows.errors_file import write_errors
from producers.rows.open_input import open_input
from producers.rows.row import InputOptions

FIRST = b'{"address":"first"}\n'


def read(data, **options):
    with open_input("-", InputOptions(**options), io.BytesIO(data)) as rows:
        return rows, list(rows)


def rows_of(data, **options):
    return read(data, **options)[1]


def named(rows, row):
    """A row's cells by the name of their column, without the empty ones."""
    return {name: cell for name, cell in zip(rows.columns, row.cells, strict=False) if cell}


def codes(rows):
    return [row.problem and row.problem.code for row in rows]


def refusal(data, **options):
    with pytest.raises(InvalidInput) as refused:
        read(data, **options)
    error = refused.value
    assert error.what
    assert error.why
    assert error.to_do
    return f"{error.what}\n{error.why}\n{error.to_do}"


def test_objects_come_with_their_line_and_members():
    rows, found = read(b'{"address":"ann","name":"Ann"}\n\n  \r\n{"Address":"bob","Team":"A"}\r\n')

    assert rows.format == "jsonl"
    assert [row.line for row in found] == [1, 4]
    assert named(rows, found[0]) == {"address": "ann", "name": "Ann"}
    assert named(rows, found[1]) == {"address": "bob", "Team": "A"}
    assert rows.ignored_columns == ["Team"]
    assert codes(found) == [None, None]


@pytest.mark.parametrize("name", ["people.jsonl", "PEOPLE.NDJSON", "people.jsonl.gz", "people.txt"])
def test_the_name_or_the_first_letter_tells_the_format(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"\n  " + FIRST)

    with open_input(str(path)) as rows:
        assert rows.format == "jsonl"
        assert len(list(rows)) == 1


def test_the_format_that_was_asked_for_wins():
    assert "no `address` column" in refusal(FIRST, format="csv")
    assert "is not a JSON Lines file" in refusal(b"address\nann\n", format="jsonl")


def test_a_line_that_is_no_object_fails_alone_and_is_kept():
    lines = [b"[1]", b'"text"', b"17", b"null", b'{"address":"x"', b"{'address':'x'}", b"junk"]
    lines += [b'{"address":NaN}', b'{"address":"a"} {"address":"b"}']

    rows, found = read(FIRST + b"\n".join(lines) + b"\n" + b'{"address":"last"}')

    assert codes(found) == [None, *["NOT_AN_OBJECT"] * len(lines), None]
    assert [row.line for row in found] == list(range(1, len(lines) + 3))
    assert [named(rows, row) for row in found[1:-1]] == [{"_text": line.decode()} for line in lines]


def test_a_member_that_is_there_twice_fails_its_row():
    rows = rows_of(FIRST + b'{"address":"a","address":"b"}\n{"address":"a","ADDRESS":"b"}\n')

    assert codes(rows) == [None, "DOUBLED_MEMBER", "DOUBLED_MEMBER"]


def test_numbers_are_taken_exactly_as_written():
    huge = b"9" * 5000
    rows, found = read(
        b'{"address":49301234567,"note":1.10,"more":[1e400,%s],"much":%s}' % (huge, huge)
    )

    assert named(rows, found[0]) == {
        "address": "49301234567",
        "note": "1.10",
        "more": f"[1e400, {huge.decode()}]",
        "much": huge.decode(),
    }
    assert codes(found) == [None]


def test_true_false_null_and_numbers_mean_what_a_cell_would():
    _, found = read(b'{"address":"a","active":false,"flags":7,"expiry":30,"name":null,"appid":""}')

    user = read_user(Objects().mapping, found[0].cells)

    assert (user.active, user.flags, user.expiry, user.name, user.appid) == (
        False,
        7,
        30,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("address", '{"a":1}', "BAD_VALUE"),
        ("address", '["a"]', "BAD_VALUE"),
        ("address", "true", "BAD_VALUE"),
        ("name", '["Ann"]', "BAD_VALUE"),
        ("name", "false", "BAD_VALUE"),
        ("active", "2", "BAD_ACTIVE"),
        ("expiry", "1.5", "BAD_EXPIRY"),
        ("flags", "-1", "BAD_FLAGS"),
        ("flags", "true", "BAD_VALUE"),
        ("note", '{"a":[1,true,null]}', None),
        ("note", "true", None),
    ],
)
def test_a_value_of_the_wrong_kind_fails_where_it_is_sent(member, value, code):
    members = {"address": '"ann"', member: value}
    line = "{" + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}"

    assert codes(rows_of(FIRST + line.encode())) == [None, code]


@pytest.mark.parametrize("depth", [900, 5_000, 200_000])
def test_deep_nesting_ends_in_a_row_and_never_in_a_crash(depth):
    deep = b'{"address":"a","note":' + b"[" * depth + b"]" * depth + b"}\n"

    found = rows_of(FIRST + deep + b'{"address":"last"}\n')

    assert codes(found)[::2] == [None, None]
    assert codes(found)[1] in (None, "NOT_AN_OBJECT", "UNSENDABLE")


def test_half_a_character_fails_its_row_and_can_be_kept():
    found = rows_of(
        FIRST + b'{"address":"a\\ud800b","\\udfff":"x"}\n{"address":"\\ud83c\\udf89"}\n'
    )

    assert codes(found) == [None, "INVALID_UTF8", None]
    assert found[1].cells[0] == "a\ufffdb"
    assert found[2].cells[0] == "🎉"


def test_bytes_that_are_not_utf8_fail_their_row_only():
    bad = b'{"address":"jos\xe9"}\n{"address":"ann","note":"\xe9"}\n'

    found = rows_of(FIRST + bad + b'{"address":"last"}\n')

    assert codes(found) == [None, "INVALID_UTF8", "INVALID_UTF8", None]


def test_a_member_can_be_mapped_and_the_names_then_stand_back():
    rows, found = read(b'{"Mail":"ann","address":"Rue 1"}\n', fields={"mail": "address"})

    assert named(rows, found[0]) == {"Mail": "ann", "address": "Rue 1"}
    assert found[0].cells[rows.mapping.address] == "ann"
    assert rows.ignored_columns == ["address"]


def test_a_mapped_member_that_no_object_has_refuses_the_file():
    assert "member named `mial`" in refusal(FIRST, fields={"mial": "name"})


def test_a_file_in_which_nobody_has_an_address_is_refused_and_lists_the_members():
    assert "`adress`" in refusal(b'{"adress":"a"}\n{"adress":"b"}\n')


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b'[{"address":"a"}]', "one object a line"),
        (b'[\n{"address":"a"}\n]', "one object a line"),
        (b'{\n"address":"a"\n}', "not a whole JSON object"),
        (b"{broken}\n" + FIRST, "not a whole JSON object"),
    ],
)
def test_a_file_whose_first_line_is_no_object_is_refused_whole(data, word):
    assert word in refusal(data)


def test_an_empty_file_of_that_name_is_refused(tmp_path):
    path = tmp_path / "people.jsonl"
    path.write_bytes(b"\n\n")

    with pytest.raises(InvalidInput, match="is empty"), open_input(str(path)) as rows:
        list(rows)


def test_more_members_than_there_may_be_fail_the_rows_that_bring_them():
    data = b"".join(b'{"address":"a%d","m%d":"x"}\n' % (n, n) for n in range(MOST_COLUMNS + 9))

    rows, found = read(data)

    assert len(rows.columns) == MOST_COLUMNS
    assert set(codes(found)) == {None, "TOO_MANY_CELLS"}
    assert codes(found).count("TOO_MANY_CELLS") == 9 + len(FIELDS)


def test_a_line_that_is_too_long_refuses_the_file_and_a_long_member_its_row(monkeypatch):
    monkeypatch.setattr(source, "LONGEST_LINE", 3_000_000)

    found = rows_of(FIRST + b'{"address":"a","note":"' + b"x" * 1_100_000 + b'"}\n' + FIRST)

    assert codes(found) == [None, "BODY_TOO_LARGE", None]
    assert "a line longer than" in refusal(FIRST + b'{"address":"' + b"x" * 4_000_000)


def test_a_mark_before_text_is_kept_for_no_spreadsheet_wrote_it():
    assert rows_of(b'{"address":"\'+49"}')[0].cells[0] == "'+49"


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
OBJECTS = st.dictionaries(
    st.sampled_from(["name", "Note", "custom_id", "_x", "e"]), st.one_of(st.none(), TEXT)
)


@given(st.lists(OBJECTS, min_size=1, max_size=6), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_any_texts_are_read_as_python_wrote_them(objects, end):
    objects = [{"address": f"user{n}", **one} for n, one in enumerate(objects)]
    text = end.join(json.dumps(one, ensure_ascii=False) for one in objects)

    rows, found = read(text.encode())

    meant = [{name: value for name, value in one.items() if value} for one in objects]
    assert [named(rows, row) for row in found] == meant


@given(st.binary(max_size=300))
def test_any_bytes_give_rows_or_a_refusal(data):
    data = FIRST * 200 + data
    with open_input("-", InputOptions(format="jsonl"), io.BytesIO(data)) as rows:
        found = list(rows)

    assert found[0].problem is None
    assert all(row.problem or row.cells[0] for row in found)
    json.dumps([row.cells for row in found], ensure_ascii=False).encode()


def test_the_errors_file_of_objects_has_the_members_that_were_seen_and_can_be_imported():
    data = b'{"address":"ann","active":"maybe","Team":{"a":1}}\nnot json\n{"address":"=1,2"}\n'
    rows, found = read(data)
    failed = [
        (row.line, row.cells, row.problem.code, "message", "hint") for row in found if row.problem
    ]
    out = io.StringIO(newline="")

    write_errors(rows.columns, failed, out)
    text = out.getvalue().replace("maybe", "yes").replace("'=1,2", "'=1")
    again = rows_of(text.encode())

    header = next(csv.reader(io.StringIO(text, newline="")))
    assert header == ["address", "active", "Team", "_text", "_line", "_code", "_message", "_hint"]
    assert [row.cells[:2] for row in again] == [["ann", "yes"], ["", ""], ["=1", ""]]
    assert codes(again) == [None, "ADDRESS_MISSING", None]
