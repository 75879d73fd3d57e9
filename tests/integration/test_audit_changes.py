"""Whatever one thing is changed in the audit, `verify` finds it."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bulkhead.engine.audit import Audit
from bulkhead.engine.audit_chain import AuditKeys, canonical
from bulkhead.engine.audit_writer import AuditWriter, Deed
from bulkhead.engine.script import Scripts
from tests.command import KEY

KEYS = AuditKeys(KEY)
ENTRIES = 5
TEXT = st.binary(max_size=8) | st.sampled_from([b"", b"0", b"ann@host", b"1:a,"])
PLACE = st.integers(0, ENTRIES - 1)


@pytest.fixture
def chain(redis):
    """The stream as the store has it, and a way to put another in its place."""
    scripts = Scripts(redis)
    deeds = [Deed("apps.set", {"app": "acme/shop", "changes": f"rate {n}"}) for n in range(ENTRIES)]
    AuditWriter(scripts, KEYS).add_all("ann@host", deeds)
    name = scripts.key("audit")
    written = redis.xrange(name)

    def verify(entries):
        redis.delete(name)
        for entry, fields in entries:
            redis.xadd(name, fields, id=entry)
        return Audit(scripts).verify(KEYS)

    return written, verify


@st.composite
def change(draw):
    """What is done to one field of one entry."""
    return draw(PLACE), draw(st.sampled_from(["value", "name", "gone", "more"])), draw(TEXT)


def changed(fields, kind, text, which):
    name = sorted(fields)[which % len(fields)]
    rest = {each: value for each, value in fields.items() if each != name}
    match kind:
        case "value":
            return {**rest, name: text}
        case "name":
            return {**rest, text: fields[name]}
        case "gone":
            return rest
        case _:
            return {**fields, text: b"more"}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(change(), st.integers(0, 10))
def test_any_one_field_that_is_changed_renamed_removed_or_added_is_found(chain, what, which):
    written, verify = chain
    place, kind, text = what
    entry, fields = written[place]
    other = changed(fields, kind, text, which)
    assume(other != fields)

    walk = verify([*written[:place], (entry, other), *written[place + 1 :]])

    assert walk.misfit is not None
    assert walk.fitting <= place


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PLACE, PLACE, st.sampled_from(["taken out", "exchanged", "put in again", "another time"]))
def test_any_entry_that_is_taken_out_moved_or_repeated_is_found(chain, place, other, kind):
    written, verify = chain
    entries = list(written)
    match kind:
        case "taken out":
            del entries[place]
        case "exchanged":
            assume(place != other)
            (one, first), (two, second) = entries[place], entries[other]
            entries[place], entries[other] = (one, second), (two, first)
        case "put in again":
            after = written[-1][0].split(b"-")[0] + b"-%d" % (ENTRIES + 1)
            entries.append((after, written[place][1]))
        case _:
            assume(place == 0)
            entries[0] = (b"1-1", entries[0][1])

    assert verify(entries).misfit is not None


def test_the_stream_as_it_was_written_fits(chain):
    written, verify = chain

    walk = verify(written)

    assert (walk.misfit, walk.fitting) == (None, ENTRIES)


FIELDS = st.dictionaries(TEXT.filter(lambda name: name != b"hash"), TEXT, max_size=4)


@given(TEXT, TEXT, FIELDS, TEXT, TEXT, FIELDS)
def test_two_entries_that_differ_are_never_hashed_as_the_same_bytes(
    before, name, fields, other_before, other_name, other
):
    assume((before, name, fields) != (other_before, other_name, other))

    assert canonical(before, name, fields) != canonical(other_before, other_name, other)


def test_what_is_hashed_is_as_the_page_says():
    fields = {b"who": b"ann", b"hash": b"not part of it", b"action": b"apps.add"}

    read = canonical(b"", b"5-0", fields)

    assert read == b"0:,3:5-0,6:action,8:apps.add,3:who,3:ann,"
