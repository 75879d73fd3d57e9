"""Rows that are read and checked many at once come out as if each were alone."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from bulkhead.engine.packing import SEGMENT, Segment, pack
from bulkhead.model.batch import AT_ONCE, gathered
from bulkhead.model.checking import AT_A_GLANCE, problems_in
from bulkhead.model.user import FIELDS, mapping_of, problem_in, problem_of
from producers.rows import records
from producers.rows.records import Records
from producers.rows.row import rows_of
from producers.rows.source import Source

GOOD = ["ann@example.com", "Ann", "true", "shop", "30d", "0", "hr-1", "staff"]
ODD = st.sampled_from(
    [
        "",
        " ",
        "ann",
        " ann ",
        "a,b",
        "a\tb",
        "�",
        "Zoë",
        "x" * 64,
        "no",
        "soon",
        "-1",
        "\u00a0",
        "7d",
    ]
)
ROWS = st.lists(
    st.one_of(
        st.just(GOOD),
        st.lists(st.one_of(ODD, st.text(max_size=3)), min_size=len(FIELDS), max_size=len(FIELDS)),
        st.lists(ODD, max_size=9),
    ),
    max_size=30,
)
TEXT = st.lists(
    st.sampled_from(
        ["a", "bob", ",", ",", "\n", "\n", "\r\n", "\r", '"', '"q"', '"x\ny"', " ", "\v"]
    )
).map("".join)


@given(rows=ROWS, header=st.permutations(FIELDS), good_before=st.integers(0, AT_A_GLANCE))
def test_what_is_wrong_with_a_row_does_not_depend_on_those_beside_it(rows, header, good_before):
    mapping = mapping_of(header)
    right = [GOOD[FIELDS.index(name)] for name in header]
    every = [right] * good_before + rows

    found = problems_in(mapping, every)

    alone = [problem_in(mapping, cells) for cells in every]
    assert list(found.items()) == [(n, one) for n, one in enumerate(alone) if one is not None]


@given(text=TEXT, window=st.integers(1, 60), sizes=st.lists(st.integers(1, 40), min_size=1))
def test_records_read_at_once_are_those_that_are_read_one_by_one(text, window, sizes):
    expected = told(csv.reader(io.StringIO(text, newline=""), strict=True))
    kept, records.WINDOW = records.WINDOW, window

    try:
        found = told(Mixed(Records(pieces_of(text, sizes), ",")))
    finally:
        records.WINDOW = kept

    assert found == expected


@given(rows=st.lists(st.lists(st.text(), max_size=4), max_size=40), cut=st.integers(1, 9))
def test_a_segment_written_in_parts_is_that_written_at_once(rows, cut):
    numbered = [[line, *cells] for line, cells in enumerate(rows, 2)]
    segment = Segment()

    for start in range(0, len(numbered), cut):
        segment.take(numbered[start : start + cut])

    assert segment.room == SEGMENT - len(rows)
    if rows:
        assert segment.pack() == pack(numbered)


def test_rows_come_out_of_batches_as_they_went_in():
    bad = problem_of("ADDRESS_MISSING", "The address cell is empty.")
    rows = [(n, [f"user{n}"], bad if n % 7 == 0 else None) for n in range(2 * AT_ONCE + 1)]

    batches = list(gathered(rows))

    assert [len(batch.cells) for batch in batches] == [AT_ONCE, AT_ONCE, 1]
    assert [tuple(row) for row in rows_of(batches)] == rows


class Mixed:
    """Reads as many records at once as there are, then one, and so on."""

    def __init__(self, source):
        self._records = source
        self._waiting = []

    @property
    def line_num(self):
        return self._records.lines_read

    def __iter__(self):
        return self

    def __next__(self):
        if not self._waiting:
            self._waiting = self._records.several()
        if self._waiting:
            return self._waiting.pop(0)
        one = self._records.next()
        if one is None:
            raise StopIteration
        return one


def told(reader):
    """All records and errors of the reader, and the number of lines."""
    found = []
    while True:
        try:
            found.append(next(reader))
        except StopIteration:
            return found, reader.line_num
        except csv.Error as error:
            found.append(str(error))


def pieces_of(text, sizes):
    """The text as a source gives it: in pieces that end with a line."""

    class Slow(io.BytesIO):
        turn = 0

        def read(self, _=-1):
            self.turn += 1
            return super().read(sizes[self.turn % len(sizes)])

    return Source(Slow(text.encode()), "x", "utf-8").pieces() if text else iter(())
