"""Files in other encodings, and packed ones, are read as if they were plain UTF-8."""

import gzip
import hashlib
import io
import random
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.errors import InvalidInput, UsageProblem
from producers.rows import packed
from producers.rows.encoding import known_encoding
from producers.rows.open_input import open_input
from producers.rows.row import InputOptions

TEXT = "address;name\r\nann;Zoë €\r\nbob;Bob\r\n"
CELLS = [["ann", "Zoë €"], ["bob", "Bob"]]


def read(data, encoding=None):
    with open_input("-", InputOptions(encoding=encoding), io.BytesIO(data)) as rows:
        return rows, list(rows)


def cells(data, encoding=None):
    return [row.cells for row in read(data, encoding)[1]]


def refusal(data, encoding=None):
    with pytest.raises(InvalidInput) as refused:
        read(data, encoding)
    error = refused.value
    assert error.why
    assert error.to_do
    return f"{error.what}\n{error.why}\n{error.to_do}"


# Encodings


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("declared", [False, True])
def test_a_byte_order_mark_tells_the_encoding(encoding, declared):
    name = known_encoding(encoding) if declared else None

    assert cells(TEXT.encode(encoding), name) == CELLS


@pytest.mark.parametrize("name", ["utf-16-be", "utf-16-le", "utf-32-be", "utf-32-le"])
def test_either_order_of_bytes_is_read_with_a_mark_and_without(name):
    family = known_encoding(name[:6])

    assert cells(("\ufeff" + TEXT).encode(name)) == CELLS
    assert cells(TEXT.encode(name), name) == CELLS
    assert cells(TEXT.encode(name), family) == CELLS


@pytest.mark.parametrize("name", ["cp1252", "iso-8859-15", "utf-8", "cp858", "cp1140"])
def test_an_encoding_that_was_named_is_used(name):
    assert cells(TEXT.encode(name), known_encoding(name)) == CELLS


def test_a_letter_may_lie_across_two_pieces(monkeypatch):
    monkeypatch.setattr(packed, "PIECE", 7)

    for encoding in ("utf-8", "utf-16", "utf-32"):
        assert cells(TEXT.encode(encoding)) == CELLS


def test_bytes_that_do_not_fit_fail_their_row_only():
    lines = b"address,name\nann,Ann\nbob,B\x81b\ncat,Cat\n"

    _, rows = read(lines, known_encoding("cp1252"))

    assert [row.problem and row.problem.code for row in rows] == [None, "INVALID_UTF8", None]
    assert "CP1252" in rows[1].problem.message
    assert rows[1].cells == ["bob", "B\ufffdb"]


def test_half_a_letter_at_the_end_of_utf16_fails_the_last_row():
    _, rows = read("address\nann\nbob".encode("utf-16")[:-1])

    assert [row.problem and row.problem.code for row in rows] == [None, "INVALID_UTF8"]


def test_half_a_pair_in_utf16_fails_its_row():
    _, rows = read(
        "address\nann\nb".encode("utf-16") + b"\x00\xd8" + "b\ncat\n".encode("utf-16-le")
    )

    assert [row.problem and row.problem.code for row in rows] == [None, "INVALID_UTF8", None]


def test_a_mark_that_contradicts_the_named_encoding_refuses_the_file():
    assert "byte order mark of UTF-8" in refusal(TEXT.encode("utf-8-sig"), "cp1252")
    assert "byte order mark of UTF-16" in refusal(TEXT.encode("utf-16"), "utf-8")


def test_a_wrongly_named_encoding_never_sends_what_it_made_of_it():
    assert "is not UTF-16-LE" in refusal(TEXT.encode(), "utf-16")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("utf8x", "utf8"),
        ("latn-1", "latin-1"),
        ("windows1252", "windows_1252"),
        ("cp125", "cp125"),
        ("rot13", "utf-8"),
        ("base64", "utf-8"),
        ("idna", "utf-8"),
        ("unicode_escape", "utf-8"),
        ("", "utf-8"),
        ("a\0b", "utf-8"),
        ("../x", "utf-8"),
    ],
)
def test_an_unknown_encoding_is_refused_with_near_names(name, near):
    with pytest.raises(UsageProblem) as refused:
        known_encoding(name)

    assert "did you mean" in refused.value.to_do
    assert near in refused.value.to_do or name in ("rot13", "base64", "idna", "unicode_escape")


@given(st.text(), st.sampled_from(["utf-8", "utf-16", "utf-32", "cp1252", "shift_jis"]))
def test_any_text_comes_back_or_is_marked_in_any_encoding(text, name):
    text = "".join(letter for letter in text if letter not in "\0\r\n\"',")
    spelled = text.encode(name, "ignore")

    found = cells(f"address,note\nann,{spelled.decode(name)}\n".encode(name), known_encoding(name))

    assert found == [["ann", spelled.decode(name)]]


# gzip


def test_a_packed_file_is_read_and_described_as_it_was_given():
    data = gzip.compress(TEXT.encode("utf-16"))

    rows, found = read(data)

    assert [row.cells for row in found] == CELLS
    assert (rows.bytes, rows.sha256) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("size", [7, 256 * 1024])
def test_several_packed_files_behind_one_another_are_one(monkeypatch, size):
    monkeypatch.setattr(packed, "PIECE", size)
    parts = [b"addr", b"", b"ess\nann\nb", b"ob\n"]

    data = b"".join(map(gzip.compress, parts)) + b"\0" * 1000

    assert cells(data) == [["ann"], ["bob"]]


def test_packed_json_lines_are_read(tmp_path):
    path = tmp_path / "people.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"address":"ann"}\n'))

    with open_input(str(path)) as rows:
        assert [row.cells[0] for row in rows] == ["ann"]
        assert rows.format == "jsonl"


LONG = gzip.compress(b"address\n" + b"".join(b"user%d\n" % n for n in range(20_000)), mtime=0)


@pytest.mark.parametrize("kept", [2, 5, 10, 11, 1000, len(LONG) - 8, len(LONG) - 1])
def test_a_file_that_was_cut_is_refused_whole(kept):
    assert "not complete" in refusal(LONG[:kept])


@pytest.mark.parametrize("place", [3, len(LONG) // 2, len(LONG) - 8, len(LONG) - 4])
def test_a_damaged_file_is_refused_whole(place):
    data = bytearray(LONG)
    data[place] ^= 0xFF

    text = refusal(bytes(data))

    assert "damaged" in text or "not complete" in text or "not UTF-8" in text or "quote" in text


def test_what_stands_behind_the_packed_file_is_not_passed_over():
    assert "damaged" in refusal(LONG + b"address\nann\n")


def test_any_single_flipped_byte_is_noticed_or_harmless():
    whole = cells(LONG)
    chance = random.Random(1)
    for place in chance.sample(range(10, len(LONG)), 40):
        data = bytearray(LONG)
        data[place] ^= 1 << chance.randrange(8)
        try:
            assert cells(bytes(data)) == whole
        except InvalidInput:
            continue


def test_a_bomb_of_rows_takes_no_memory():
    data = gzip.compress(b"address\n" + b"ann\n" * 3_000_000)

    tracemalloc.start()
    try:
        with open_input("-", stdin=io.BytesIO(data)) as rows:
            for _ in range(10_000):
                next(iter(rows))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 8 * 2**20


def test_a_bomb_that_is_one_line_is_refused_at_the_limit_of_a_line():
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(b"address\n"), *(packer.compress(b"x" * 2**20) for _ in range(300))]
    data = b"".join([*parts, packer.flush()])

    tracemalloc.start()
    try:
        assert "a line longer than" in refusal(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 64 * 2**20
