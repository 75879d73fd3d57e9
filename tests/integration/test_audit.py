"""The audit keeps what was done, by whom, in order."""

import threading

import pytest
from redis.exceptions import OutOfMemoryError

from bulkhead.engine import audit as audit_module
from bulkhead.engine import audit_writer
from bulkhead.engine.audit import Audit, who_we_are
from bulkhead.engine.audit_chain import AuditKeys
from bulkhead.engine.audit_writer import AuditWriter, Deed
from bulkhead.engine.connect import connect
from bulkhead.engine.script import Scripts
from bulkhead.errors import Conflict
from tests.command import KEY

KEYS = AuditKeys(KEY)
OTHER = "o" * 40


@pytest.fixture
def scripts(any_store):
    return Scripts(any_store)


@pytest.fixture
def writer(scripts):
    return AuditWriter(scripts, KEYS)


@pytest.fixture
def audit(scripts):
    return Audit(scripts)


def wrote(writer, entries, first=0):
    for number in range(first, first + entries):
        writer.add("tokens.read", "ann@host", job=f"job_{number}", tenant="acme")


def rewrite(redis, name, change):
    """Replace the stream by what `change` makes of its entries: a list of (id, fields)."""
    entries = redis.xrange(name)
    redis.delete(name)
    for entry, fields in change([(entry, dict(fields)) for entry, fields in entries]):
        redis.xadd(name, fields, id=entry)


def test_what_was_written_down_is_read_in_order_with_who_and_when(writer, audit):
    deeds = audit_module.AT_ONCE + 2
    writer.add_all("ann@host", [Deed("tokens.read", {"job": f"job_{n}"}) for n in range(deeds)])

    entries, newest = list(audit.entries()), list(audit.newest())

    assert [entry.about["job"] for entry in entries] == [f"job_{n}" for n in range(deeds)]
    assert {(entry.who, entry.action) for entry in entries} == {("ann@host", "tokens.read")}
    assert [entry.number for entry in entries] == list(range(1, deeds + 1))
    assert entries[0].about == {"job": "job_0"}
    assert entries[0].at.endswith("Z")
    assert newest == entries[::-1]


def test_an_empty_audit_has_no_entries_and_is_whole(audit):
    walk = audit.verify(KEYS)

    assert list(audit.entries()) == []
    assert (walk.misfit, walk.fitting, walk.at.number) == (None, 0, 0)


def test_a_chain_is_whole_and_its_end_can_be_noted_and_found_again(writer, audit):
    wrote(writer, 3)
    noted = audit.verify(KEYS).at.hash.decode()
    wrote(writer, 2, first=3)

    walk = audit.verify(KEYS, kept=noted)

    assert (walk.misfit, walk.fitting, walk.kept_met) == (None, 5, True)
    assert not audit.verify(KEYS, kept="0" * 64).kept_met


def test_entries_of_an_older_version_are_before_the_chain_and_between_are_none_of_it(
    any_store, scripts, writer, audit
):
    old = {"who": "bob@host", "action": "tokens.read", "job": "job_old"}
    for _ in range(2):
        any_store.xadd(scripts.key("audit"), old)
    wrote(writer, 2)
    before = audit.verify(KEYS)

    between = any_store.xadd(scripts.key("audit"), old).decode()
    wrote(writer, 1, first=2)
    after = audit.verify(KEYS)

    assert (before.misfit, before.outside, before.fitting) == (None, 2, 2)
    assert [entry.number for entry in audit.entries()] == [None, None, 1, 2, None, 3]
    assert (after.misfit.id, after.misfit.chained) == (between, False)


def test_threads_that_write_at_the_same_time_make_one_chain(store_server, redis):
    gate = threading.Barrier(4)

    def write(name):
        mine = AuditWriter(Scripts(connect(store_server.url)), KEYS)
        gate.wait()
        for number in range(25):
            mine.add("apps.set", name, number_of_mine=str(number))

    threads = [threading.Thread(target=write, args=(f"w{n}@host",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    audit = Audit(Scripts(redis))
    entries, walk = list(audit.entries()), audit.verify(KEYS)
    assert (walk.misfit, walk.fitting) == (None, 100)
    for n in range(4):
        mine = [one.about["number_of_mine"] for one in entries if one.who == f"w{n}@host"]
        assert mine == [str(number) for number in range(25)]


def test_taken_away_at_the_end_is_found_by_the_stores_own_note_or_else_by_ours(
    any_store, scripts, writer, audit
):
    wrote(writer, 3)
    kept = audit.verify(KEYS).at.hash.decode()
    rewrite(any_store, scripts.key("audit"), lambda entries: entries[:2])

    clumsy = audit.verify(KEYS)
    last = any_store.xrevrange(scripts.key("audit"), count=1)[0][1]
    note = {"hash": last[b"hash"], "number": last[b"number"]}
    any_store.hset(scripts.key("audit", "head"), mapping=note)
    careful = audit.verify(KEYS)

    assert (clumsy.misfit.id, clumsy.misfit.number) == ("", 3)
    # Whoever may write to the store can take back its end; only what is kept elsewhere tells.
    assert careful.misfit is None
    assert not audit.verify(KEYS, kept=kept).kept_met


def test_all_taken_away_with_the_note_looks_like_an_empty_audit_but_for_a_hash_kept_elsewhere(
    any_store, scripts, writer, audit
):
    wrote(writer, 3)
    kept = audit.verify(KEYS).at.hash.decode()

    any_store.delete(scripts.key("audit"))
    left = audit.verify(KEYS)
    any_store.delete(scripts.key("audit", "head"))

    assert left.misfit.number == 1
    assert audit.verify(KEYS).misfit is None
    assert not audit.verify(KEYS, kept=kept).kept_met


def test_taken_away_at_the_beginning_is_found(any_store, scripts, writer, audit):
    wrote(writer, 3)
    rewrite(any_store, scripts.key("audit"), lambda entries: entries[1:])

    assert "number '2'" in audit.verify(KEYS).misfit.why


def test_an_entry_forged_without_the_key_does_not_fit(any_store, scripts, writer, audit):
    wrote(writer, 2)
    AuditWriter(scripts, AuditKeys(OTHER)).add("apps.remove", "ann@host", app="acme/shop")

    walk = audit.verify(KEYS)

    assert walk.misfit.number == 3
    assert "which is not here" in walk.misfit.why


def test_entries_of_an_earlier_key_are_proven_by_whoever_still_has_it(scripts, writer, audit):
    wrote(writer, 2)
    AuditWriter(scripts, AuditKeys(OTHER, [KEY])).add("apps.set", "ann@host", app="acme/shop")

    assert audit.verify(AuditKeys(OTHER, [KEY])).fitting == 3
    assert audit.verify(KEYS).misfit.number == 3
    assert audit.verify(AuditKeys(OTHER)).misfit.number == 1


def test_the_key_that_the_store_names_is_the_one_that_is_used(any_store, scripts, audit):
    old, both = AuditKeys(KEY), AuditKeys(OTHER, [KEY])
    any_store.set(scripts.key("key-id"), old.choose(""))

    AuditWriter(scripts, both).add("apps.set", "ann@host", app="acme/shop")

    assert audit.verify(old).fitting == 1


def test_what_follows_an_entry_can_be_checked_alone(any_store, scripts, writer, audit):
    wrote(writer, 4)

    def change(entries):
        entries[1][1][b"who"] = b"bob@host"
        return entries

    rewrite(any_store, scripts.key("audit"), change)
    found = audit.verify(KEYS)
    rest = audit.verify(KEYS, after=found.misfit.id)

    assert found.misfit.number == 2
    assert (rest.misfit, rest.fitting, rest.at.number) == (None, 2, 4)


def test_entries_are_put_behind_one_from_the_future_and_none_is_lost(
    any_store, scripts, writer, audit
):
    any_store.xadd(scripts.key("audit"), {"who": "bob@host", "action": "x"}, id="99999999999999-7")

    wrote(writer, 2)

    assert audit.verify(KEYS).fitting == 2
    assert [entry.id for entry in audit.entries()][1:] == ["99999999999999-8", "99999999999999-9"]


class SentTwice(Scripts):
    """A way to the store on which every question arrives twice, and only one answer comes back."""

    def run(self, verb, *args):
        super().run(verb, *args)
        return super().run(verb, *args)


def test_what_arrives_twice_is_written_down_once(any_store, audit):
    twice = AuditWriter(SentTwice(any_store), KEYS)

    wrote(twice, 3)

    assert [entry.about["job"] for entry in audit.entries()] == ["job_0", "job_1", "job_2"]
    assert audit.verify(KEYS).fitting == 3


class Overtaken(Scripts):
    """A way to the store on which somebody else writes after each look, so many times."""

    def __init__(self, redis, times):
        super().__init__(redis)
        self._times = times

    def run(self, verb, *args):
        if args and self._times:
            self._times -= 1
            AuditWriter(Scripts(self.redis), KEYS).add("apps.set", "bob@host")
        return super().run(verb, *args)


def test_who_is_overtaken_goes_behind_the_other_entry_and_the_chain_is_one(any_store, audit):
    AuditWriter(Overtaken(any_store, 3), KEYS).add("apps.set", "ann@host")

    assert [entry.who for entry in audit.entries()] == ["bob@host"] * 3 + ["ann@host"]
    assert audit.verify(KEYS).fitting == 4


def test_who_is_overtaken_every_time_is_told_so_and_has_written_nothing(
    any_store, audit, monkeypatch
):
    monkeypatch.setattr(audit_writer, "TRIES", 3)

    with pytest.raises(Conflict):
        AuditWriter(Overtaken(any_store, 3), KEYS).add("apps.set", "ann@host")

    assert {entry.who for entry in audit.entries()} == {"bob@host"}


def test_a_full_store_takes_entries_because_the_deed_may_be_what_frees_it(any_store, audit):
    before = any_store.config_get("maxmemory")["maxmemory"]
    any_store.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(OutOfMemoryError):
            any_store.set("anything", "x")
        AuditWriter(Scripts(any_store), KEYS).add("jobs.cancel", "ann@host")
    finally:
        any_store.config_set("maxmemory", before)

    assert audit.verify(KEYS).fitting == 1


def test_an_entry_that_nobody_could_read_is_shown_all_the_same(any_store, scripts, audit):
    strange = {b"who": b"\xff", b"\xfe": b"\x00", b"number": b"one"}
    any_store.xadd(scripts.key("audit"), strange, id="18446744073709551614-0")

    (entry,) = audit.newest()

    assert (entry.at, entry.action, entry.number) == ("", "", None)


def test_a_name_that_every_entry_has_cannot_be_given_another_meaning(writer):
    with pytest.raises(ValueError, match="hash"):
        writer.add("apps.set", "ann@host", hash="0")


def test_who_we_are_names_user_and_host():
    user, _, host = who_we_are().partition("@")

    assert user
    assert host
