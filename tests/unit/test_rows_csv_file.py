"""A users file is read as a stream; a bad row stops no other, a bad file is refused whole."""

import csv
import gzip
import hashlib
import io
import tracemalloc
import zipfile

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bulkhead.errors import InvalidInput
from producers.rows import packed, row, source
from producers.rows.open_input import open_input
from producers.rows.row import InputOptions


def read(data, **options):
    with open_input("-", InputOptions(**options), io.BytesIO(data)) as rows:
        return list(rows)


def refusal(data, **options):
    with pytest.raises(InvalidInput) as refused:
        read(data, **options)
    return text_of(refused.value)


def refusal_of(path):
    with pytest.raises(InvalidInput) as refused, open_input(str(path)) as rows:
        list(rows)
    return text_of(refused.value)


def text_of(error):
    assert error.exit_code == 9
    assert error.what
    assert error.why
    assert error.to_do
    return f"{error.what}\n{error.why}\n{error.to_do}"


def codes(rows):
    return [row.problem and row.problem.code for row in rows]


# What is read


def test_rows_come_with_their_line_and_cells():
    rows = read(b"address,name\nann,Ann\nbob,Bob\n")

    assert [(row.line, row.cells) for row in rows] == [(2, ["ann", "Ann"]), (3, ["bob", "Bob"])]
    assert codes(rows) == [None, None]


def test_a_row_is_named_by_the_line_it_begins_on():
    rows = read(b'address,name\r\nann,"A\r\nn\nn"\r\n\r\nbob,Bob')

    assert [row.line for row in rows] == [2, 6]
    assert rows[0].cells == ["ann", "A\r\nn\nn"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_byte_order_mark_any_line_end_and_three_delimiters_are_read(end, bom, delimiter):
    lines = ["name,address", "Ann,ann", "Bob,bob"]
    text = bom + "".join(line.replace(",", delimiter) + end for line in lines)

    rows = read(text.encode())

    assert [(row.line, row.cells) for row in rows] == [(2, ["Ann", "ann"]), (3, ["Bob", "bob"])]


def test_blank_lines_are_not_rows():
    rows = read(b"\n\naddress,name\n\nann,Ann\n   \n\r\nbob,Bob\n\n")

    assert [row.line for row in rows] == [5, 8]


def test_a_file_knows_its_columns_size_and_digest():
    data = b"Address,Department,_code,,Name\nann,Sales,X,,Ann\n"

    with open_input("-", stdin=io.BytesIO(data)) as rows:
        read_rows = list(rows)

    assert rows.columns == ["Address", "Department", "_code", "", "Name"]
    assert rows.ignored_columns == ["Department"]
    assert (rows.mapping.address, rows.mapping.name) == (0, 4)
    assert (rows.count, rows.bytes) == (len(read_rows), len(data))
    assert rows.sha256 == hashlib.sha256(data).hexdigest()


def test_a_file_is_read_from_its_path(tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes(b"address\nann\n")

    with open_input(str(path)) as rows:
        found = list(rows)

    assert [row.cells for row in found] == [["ann"]]


def test_a_column_can_be_mapped_by_name():
    rows = read(b"E-Mail;Who\nann;Ann\n", fields={"e-mail": "address"})

    assert codes(rows) == [None]


def test_rows_that_cross_the_pieces_are_whole(monkeypatch):
    monkeypatch.setattr(packed, "PIECE", 7)
    text = 'address,name\r\nann,"Ann\r\nZoë 🎉"\r\n\'=x,"a ""b"""\r\n'

    rows = read(text.encode())

    assert [row.cells for row in rows] == [["ann", "Ann\r\nZoë 🎉"], ["=x", 'a "b"']]
    assert [row.line for row in rows] == [2, 4]


@given(st.data())
def test_any_cells_are_read_as_python_wrote_them(data):
    width = data.draw(st.integers(1, 4))
    cell = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="'\0"))
    table = data.draw(st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1))
    meant = [cells for cells in table if len(cells) > 1 or not cells[0].isspace()]
    assume(meant)  # a file of blank lines only is refused whole
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerows([["address", *map(str, range(width - 1))], *table])

    rows = read(out.getvalue().encode())

    assert [row.cells for row in rows] == meant


# A bad row stops no other


def test_a_bad_row_stops_no_other():
    data = (
        b"address,name,active\n"
        b"ann,Ann,true\n"
        b",Nobody,true\n" + b"x" * 70 + b",Long,true\n"
        b'"a,b",Comma,true\n'
        b"bob,Bob,true,extra\n"
        b"cat\n"
        b"dan,Dan,perhaps\n"
        b"eve,Eve,\n"
    )

    found = codes(read(data))

    assert found == [
        None,
        "ADDRESS_MISSING",
        "ADDRESS_TOO_LONG",
        "ADDRESS_HAS_COMMA",
        "TOO_MANY_CELLS",
        "TOO_FEW_CELLS",
        "BAD_ACTIVE",
        None,
    ]


def test_bytes_that_are_not_utf8_on_line_900_of_1000_fail_that_row_only():
    lines = [b"address,name", *(b"user%d,Zo\xc3\xab" % number for number in range(2, 1001))]
    lines[899] = b"user900,Zo\xeb"

    rows = read(b"\n".join(lines))

    assert [(row.line, row.problem.code) for row in rows if row.problem] == [(900, "INVALID_UTF8")]
    assert rows[898].cells == ["user900", "Zo\ufffd"]
    assert len(rows) == 999


def test_a_cell_of_more_than_a_mebibyte_fails_that_row_only():
    rows = read(b"address,name\nann," + b"x" * 2**20 + b"x\nbob,Bob\n")

    assert codes(rows) == ["BODY_TOO_LARGE", None]
    assert [row.line for row in rows] == [2, 3]


def test_a_stray_nul_far_down_fails_its_row_only():
    rows = read(b"address\n" + b"ann\n" * 200 + b"a\0b\n" + b"bob\n")

    assert codes(rows) == [None] * 200 + ["ADDRESS_HAS_CONTROL", None]


# A bad file is refused whole


def test_a_missing_file_suggests_its_neighbour(tmp_path):
    (tmp_path / "people.csv").write_text("address\nann\n")

    assert "Did you mean `people.csv`?" in refusal_of(tmp_path / "poeple.csv")
    assert "There is no folder" in refusal_of(tmp_path / "none" / "people.csv")


def test_a_folder_is_refused_and_names_a_file_in_it(tmp_path):
    (tmp_path / "people.csv").write_text("address\nann\n")

    text = refusal_of(tmp_path)

    assert "is a folder" in text
    assert "`people.csv`" in text


def test_a_path_the_system_refuses_is_explained(tmp_path):
    plain = tmp_path / "people.csv"
    plain.write_text("address\nann\n")

    assert "cannot be read" in refusal_of(plain / "inner.csv")
    assert "cannot be read" in refusal_of("nul\0byte")
    assert "cannot be read" in refusal_of("x" * 5000)


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n\r\n", b"  \n"])
def test_an_empty_file_is_refused(data):
    assert "is empty" in refusal(data)


@pytest.mark.parametrize("data", [b"address,name", b"\xef\xbb\xbfaddress,name\r\n\r\n"])
def test_a_header_without_rows_is_refused(data):
    assert "has a header and no rows" in refusal(data)


def workbook():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return out.getvalue()


def archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("people.csv", "address\nann\n")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (workbook(), "an Excel workbook (.xlsx)"),
        (archive(), "a zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
        (b"%PDF-1.7\n", "a PDF"),
        (gzip.compress(gzip.compress(b"address\nann\n", mtime=0), mtime=0), "gzip twice"),
        ("address\nann\n".encode("utf-16-le"), "binary"),
        (b"address\0name\nann\n", "binary"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0", "binary"),
        ("address,straße\nann,x\n".encode("latin-1"), "is not UTF-8"),
    ],
)
def test_another_kind_of_file_is_refused_by_its_name(data, word):
    assert word in refusal(data)


def test_a_file_without_an_address_column_lists_what_it_has():
    text = refusal(b"adress,name\nann,Ann\n")

    assert "The file has no `address` column." in text
    assert "`adress`, `name`" in text
    assert "Rename `adress` to `address`" in text


def test_a_delimiter_that_is_not_read_is_named():
    assert "separated by `|`" in refusal(b"address|name\nann|Ann\n")


def test_a_doubled_column_is_refused():
    assert "Two columns mean `address`" in refusal(b"Address,name,address\nann,Ann,bob\n")


@pytest.mark.parametrize(
    "data",
    [
        b'address,name\nann,Ann\nbob,"Bob\ncat,Cat\ndan,Dan\n',
        b'address,name\nann,Ann\nbob,"Bob\ncat,Cat\ndan,Dan',
        b'address,name\nann,Ann\nbob,"',
    ],
)
def test_a_quote_that_is_never_closed_refuses_the_file_and_names_the_line(data):
    assert "line 3" in refusal(data)


def test_an_open_quote_that_meets_the_next_one_loses_no_row_in_silence():
    assert "line 2" in refusal(b'address,name\nbob,"Bob\ncat,Cat\ndan,"Dan"\n')
    assert "line 2" in refusal(b'address,name\nbob,"Bob\ncat,Cat\n"dan",Dan\n')
    assert "line 2" in refusal(b'address,name\nbob,"B"x,"Bob\ncat,Cat\n')


def test_a_stray_quote_within_a_line_is_read_as_it_stands():
    rows = read(b'address,name\nbob,"Bob" Smith\ncat,Cat "Kitty" Jones\ndan,Dan\n')

    assert [row.cells[1] for row in rows] == ["Bob Smith", 'Cat "Kitty" Jones', "Dan"]
    assert [row.line for row in rows] == [2, 3, 4]


def test_an_open_quote_does_not_take_a_large_file_into_memory():
    data = b'address,name\nbob,"Bob\n' + b"cat,Cat\n" * 1_000_000

    assert "line 2" in refusal(data)


def test_a_quote_left_open_in_the_header_is_refused():
    assert "not closed" in refusal(b'address,"name\nann,Ann\n')


def test_one_endless_line_is_refused(monkeypatch):
    monkeypatch.setattr(source, "LONGEST_LINE", 1024 * 1024)

    assert "a line longer than 1 MiB" in refusal(b"x" * 3_000_000)


# Memory


class Generated(io.RawIOBase):
    """A file of `count` rows that is never in memory whole."""

    def __init__(self, count):
        self._lines = (f"user{n:08d}@people.example,Ann {n},true\n".encode() for n in range(count))
        self._rest = b"address,name,active\n"

    def read(self, size):
        parts, length = [self._rest], len(self._rest)
        while length < size and (line := next(self._lines, b"")):
            parts.append(line)
            length += len(line)
        block = b"".join(parts)
        self._rest = block[size:]
        return block[:size]


def peak_of(count):
    tracemalloc.start()
    try:
        with open_input("-", stdin=Generated(count)) as rows:
            for _ in rows:
                pass
        assert rows.count == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_five_times_the_rows_need_no_more_memory():
    assert peak_of(100_000) - peak_of(20_000) < 1 * 1024 * 1024


@pytest.mark.slow
def test_a_million_rows_need_at_most_10_mib_more_than_ten_thousand():
    assert peak_of(1_000_000) - peak_of(10_000) < 10 * 1024 * 1024


def test_the_limits_are_what_the_docs_say():
    assert row.LONGEST_CELL == 1024 * 1024
    assert source.LONGEST_LINE == 16 * 1024 * 1024
