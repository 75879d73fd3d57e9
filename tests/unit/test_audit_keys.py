"""The keys of the audit are made from the secret key, and named as boxes name it."""

import pytest

from bulkhead.box import Box
from bulkhead.engine.audit_chain import AuditKeys
from bulkhead.errors import InvalidInput

NEW, OLD = "n" * 40, "o" * 40


def test_a_key_has_the_name_that_boxes_give_it():
    keys, box = AuditKeys(f" {NEW}\n", [OLD]), Box(NEW, [OLD])

    assert keys.choose("") == box.key_id
    assert [keys.choose(name) for name in box.key_ids] == list(box.key_ids)


def test_another_key_makes_another_hash_and_one_that_is_not_here_makes_none():
    keys = AuditKeys(NEW, [OLD])
    names = Box(NEW, [OLD]).key_ids

    hashes = {keys.hash(name, b"", b"1-0", {b"who": b"ann"}) for name in names}

    assert len(hashes) == 2
    assert {len(each) for each in hashes} == {64}
    assert AuditKeys(NEW).hash(names[1], b"", b"1-0", {}) is None


def test_a_key_that_is_too_short_is_refused():
    with pytest.raises(InvalidInput):
        AuditKeys("short")


def test_no_key_is_in_what_python_shows_of_them():
    assert NEW not in repr(AuditKeys(NEW))
