"""All hosts of one store seal and open with one key."""

import pytest

from bulkhead.engine.fleet import Fleet
from bulkhead.engine.script import Scripts
from bulkhead.errors import NotPermitted
from bulkhead.secrets import Box

OURS, OTHER = Box("o" * 40), Box("p" * 40)


def test_the_first_to_come_names_the_key_and_another_is_refused(redis):
    fleet = Fleet(Scripts(redis))
    fleet.agree_on_key(OURS.key_id)

    fleet.agree_on_key(OURS.key_id)
    with pytest.raises(NotPermitted) as refused:
        fleet.agree_on_key(OTHER.key_id)

    assert "o" * 40 not in refused.value.in_three_lines()


def test_the_name_of_a_key_tells_nothing_of_it():
    assert OURS.key_id not in "o" * 40
    assert len(OURS.key_id) < 20
