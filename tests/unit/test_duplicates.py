"""Of rows with one address the first counts, whatever the hashes and in little memory."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkhead.model import duplicates
from bulkhead.model.duplicates import NO_PART, Comparison, Hashes, Repeats, hashes_of

COLUMNS = ["address", "note", "_line"]
MAPPING = {"width": 3, "address": 0}
SIZE = 4


def repeats(rows, bad=frozenset(), hashing=None):
    """What is found in rows of cells: (row, line, first line, same)."""
    numbered = [[number + 2, *cells] for number, cells in enumerate(rows)]
    hashes = Hashes()
    if hashing is None:
        hashes.extend(hashes_of(numbered, 1, bad))
    else:
        hashes.extend(
            NO_PART if number in bad else hashing(cells[0].strip())
            for number, cells in enumerate(rows)
        )
    read = lambda number: numbered[number * SIZE : (number + 1) * SIZE]  # noqa: E731
    return [one[:4] for one in Repeats(COMPARISON, read, SIZE).of(hashes.followers())]


COMPARISON = Comparison(MAPPING, COLUMNS)


def meant(rows, bad):
    """The same by the plainest way there is."""
    firsts, found = {}, []
    for number, (address, note, _) in enumerate(rows):
        if number in bad:
            continue
        first, kept = firsts.setdefault(address.strip(" "), (number, note.strip()))
        if first != number:
            found.append((number, number + 2, first + 2, kept == note.strip()))
    return found


def test_the_first_counts_the_same_again_and_others_are_told_apart():
    rows = [["ann", "x", "1"], ["bob", "", ""], [" ann ", "x ", "2"], ["ann", "y", "1"]]

    assert repeats(rows) == [(2, 4, 2, True), (3, 5, 2, False)]


def test_the_message_names_both_lines():
    same = duplicates.Repeat(2, 40, 7, same=True)
    other = duplicates.Repeat(2, 40, 7, same=False)

    assert (same.code, other.code) == ("DUPLICATE_IN_FILE", "CONFLICTING_ROWS")
    assert all("40" in one.message and "7" in one.message for one in (same, other))


def test_a_bad_row_takes_no_part_also_when_it_stands_first():
    rows = [["ann", "x", ""], ["ann", "y", ""], ["ann", "y", ""]]

    assert repeats(rows, bad={0}) == [(2, 4, 3, True)]


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["ann", " ann", "bob", "Bob", "cat", "dan "]),
        st.sampled_from(["", "x", "x ", "y"]),
        st.sampled_from(["", "7"]),
    ),
    max_size=30,
)


@pytest.mark.parametrize("hashing", [None, lambda _: 3, len], ids=["hash", "all one", "length"])
@given(rows=ROWS, bad=st.sets(st.integers(0, 30)))
def test_any_rows_are_judged_as_the_plainest_way_does_whatever_the_hashes(hashing, rows, bad):
    assert repeats(rows, bad, hashing) == meant(rows, bad)


@given(rows=ROWS)
def test_the_size_of_the_batches_does_not_matter(rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "COMPARED_AT_ONCE", 2)

        assert repeats(rows, hashing=lambda _: 3) == meant(rows, set())


def test_objects_of_different_width_are_the_same_if_their_members_are():
    comparison = Comparison({"width": -1, "address": 0}, ["address", "name", "_x", "team"])

    assert comparison.digest(["ann"]) == comparison.digest(["ann", "", "7", ""])
    assert comparison.digest(["ann"]) != comparison.digest(["ann", "", "7", "A"])


def test_a_column_with_an_underscore_counts_where_it_is_sent():
    comparison = Comparison({"width": 2, "address": 0, "name": 1}, ["address", "_name"])

    assert comparison.digest(["ann", "Ann"]) != comparison.digest(["ann", "Bob"])


def numbered_hashes(count, of):
    hashes = Hashes()
    for start in range(0, count, 1000):
        hashes.extend([hash(str(of(row))) for row in range(start, start + 1000)])
    return hashes


@pytest.mark.parametrize("of", [lambda row: row, lambda row: row // 2, lambda row: 0])
def test_sixteen_bytes_a_row_are_enough_also_when_every_row_is_a_duplicate(of):
    count = 300_000

    tracemalloc.start()
    try:
        found = sum(1 for _ in numbered_hashes(count, of).followers())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert found == count - len({of(row) for row in range(count)})
    assert peak < 16 * count


@pytest.mark.parametrize(
    ("variables", "cells", "same"),
    [
        ({}, ["7", "", "team-a", ""], True),
        ({}, ["7", "", "", "Ann"], False),
        ({"var:custom_id": 2}, ["7", "", "team-a", ""], False),
    ],
)
def test_by_which_of_its_names_a_group_was_found_makes_no_other_row(variables, cells, same):
    columns = ["gid", "address", "custom_id", "name"]
    mapping = {"group": 0, "address": 1, "custom_id": 2, **variables}
    comparison = Comparison(mapping, columns)

    assert (comparison.digest(cells) == comparison.digest(["7", "", "", ""])) is same
