"""An errors file gives the rows back cell for cell, runs no formula and can be imported again."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.errors import UsageProblem
from bulkhead.model.user import FIELDS
from producers.rows.errors_file import write_errors
from producers.rows.formula import may_hold_neutralised, neutralise, restore
from producers.rows.open_input import open_input
from producers.rows.template import template

# NUL: a spreadsheet cannot hold it. Surrogates: the reader never gives them.
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
HOSTILE = st.one_of(CELLS, st.text("'=+-@\t\r\n,\";a ", max_size=6))
REASON = ("BAD_ACTIVE", "a message", "a hint")


def written(columns, rows):
    out = io.StringIO(newline="")
    write_errors(columns, rows, out)
    return out.getvalue()


def read_back(text):
    with open_input("-", stdin=io.BytesIO(text.encode())) as rows:
        return rows.columns, list(rows)


@given(HOSTILE)
def test_a_neutralised_cell_is_restored_exactly(cell):
    assert restore(neutralise(cell)) == cell


@given(HOSTILE)
def test_a_neutralised_cell_never_begins_a_formula(cell):
    assert not neutralise(cell).startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize(
    ("cell", "shown"), [("=1+1", "'=1+1"), ("'=1", "''=1"), ("''+1", "'''+1"), ("'a", "'a")]
)
def test_a_cell_that_looks_neutralised_gets_one_mark_more(cell, shown):
    assert neutralise(cell) == shown


@given(HOSTILE)
def test_a_text_that_needs_restoring_is_never_passed_over(cell):
    assert may_hold_neutralised(f"a,{cell}") or restore(cell) == cell


@given(st.lists(st.lists(HOSTILE, min_size=3, max_size=3), min_size=1, max_size=5))
def test_any_cells_come_back_cell_for_cell(table):
    rows = [(number, cells, *REASON) for number, cells in enumerate(table, start=2)]

    columns, found = read_back(written(["address", "=name", "note"], rows))

    assert columns == ["address", "=name", "note", "_line", "_code", "_message", "_hint"]
    assert [row.cells[:3] for row in found] == table


def test_the_reason_stands_under_its_name_whatever_the_rows_width():
    rows = [(2, ["a", "b", "c", "d"], *REASON), (3, ["a"], *REASON), (4, [], *REASON)]

    found = list(csv.DictReader(io.StringIO(written(["address", "name"], rows))))

    assert [row["_code"] for row in found] == ["BAD_ACTIVE"] * 3
    assert [row["_line"] for row in found] == ["2", "3", "4"]
    assert found[0][None] == ["c", "d"]


def test_a_row_with_too_many_cells_is_still_refused_when_nobody_mended_it():
    text = written(["address", "name"], [(2, ["a", "b", "c"], *REASON)])

    _, found = read_back(text)

    assert found[0].problem.code == "TOO_MANY_CELLS"


SHORT = (3, ["ann"], "TOO_FEW_CELLS", "a message", "a hint")


def test_a_row_with_too_few_cells_is_still_refused_when_nobody_mended_it():
    first = written(["address", "name", "active"], [SHORT])
    columns, found = read_back(first)

    second = written(columns, [(3, found[0].cells, *SHORT[2:])])

    assert first.splitlines()[1] == "ann,<missing>,<missing>,3,TOO_FEW_CELLS,a message,a hint"
    assert (found[0].cells, found[0].problem.code) == (["ann"], "TOO_FEW_CELLS")
    assert second == first


@pytest.mark.parametrize("mended", ["ann,Ann,yes", "ann,Ann,", "ann,,"])
def test_a_row_with_too_few_cells_is_mended_by_a_word_or_nothing_in_each(mended):
    text = written(["address", "name", "active"], [SHORT])

    _, found = read_back(text.replace("ann,<missing>,<missing>", mended))

    assert [(row.cells[:3], row.problem) for row in found] == [(mended.split(","), None)]


def test_a_row_mended_in_part_is_refused_again():
    text = written(["address", "name", "active"], [SHORT])

    _, found = read_back(text.replace("ann,<missing>,", "ann,Ann,"))

    assert (found[0].cells, found[0].problem.code) == (["ann", "Ann"], "TOO_FEW_CELLS")


def test_the_word_for_a_missing_cell_is_a_word_like_any_other_in_a_file_of_ones_own():
    _, found = read_back("address,name\nann,<missing>\n")

    assert [(row.cells, row.problem) for row in found] == [(["ann", "<missing>"], None)]


def test_our_own_columns_are_not_doubled_by_a_second_round():
    first = written(["address", "_mine", "active"], [(2, ["ann", "x", "maybe"], *REASON)])
    columns, found = read_back(first)

    second = written(columns, [(2, found[0].cells, *REASON)])

    assert second == first


def test_an_errors_file_can_be_mended_and_imported():
    with open_input("-", stdin=io.BytesIO(b"address,active\n+49301,maybe\nann,yes\n")) as rows:
        failed = [
            (row.line, row.cells, row.problem.code, row.problem.message, row.problem.hint)
            for row in rows
            if row.problem
        ]
        text = written(rows.columns, failed)

    _, found = read_back(text.replace("maybe", "yes"))

    assert "'+49301,maybe,2,BAD_ACTIVE," in text
    assert [(row.cells[:2], row.problem) for row in found] == [(["+49301", "yes"], None)]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_template_can_be_imported_as_it_is(kind):
    columns, rows = read_back(template(kind))

    assert columns[:-1] == list(FIELDS[:-1])
    assert columns[-1] in ("groups", None)
    assert [row.problem for row in rows] == [None, None]


def test_both_templates_say_the_same():
    csv_rows, json_rows = (read_back(template(kind))[1] for kind in ("csv", "jsonl"))

    assert [row.cells for row in json_rows] == [row.cells for row in csv_rows]


def test_a_template_of_another_kind_is_refused():
    with pytest.raises(UsageProblem):
        template("xml")
