"""Results as the store keeps them."""

import pytest

from bulkhead.engine.packing import pack, pack_results, unpack

GOOD = [0, 2, "created", "", "", {"op": "useradd"}, 1, 2, 3]


@pytest.mark.parametrize("bad", ["half a \ud83d face", object()])
def test_a_result_that_cannot_be_written_loses_its_words_and_no_other_row(bad):
    rows = [GOOD, [1, 5, "", "NOT_CONFIRMED", bad, {"error": bad}, 1, 2, 3], GOOD]

    first, second, third = unpack(pack_results(rows))

    assert first == third == GOOD
    assert second == [1, 5, "", "NOT_CONFIRMED", "the answer cannot be shown", {}, 1, 2, 3]


def test_an_item_that_cannot_be_written_is_refused():
    with pytest.raises(UnicodeEncodeError):
        pack([["half a \ud83d face"]])
