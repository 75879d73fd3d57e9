"""The audit keeps what was done, by whom, in order."""

from bulkhead.engine import audit as audit_module
from bulkhead.engine.audit import Audit, who_we_are
from bulkhead.engine.script import Scripts


def test_what_was_written_down_is_read_in_order_with_who_and_when(redis):
    audit = Audit(Scripts(redis))
    for number in range(audit_module.AT_ONCE + 2):
        audit.add("tokens.read", "ann@host", job=f"job_{number}", tenant="acme")

    entries = list(audit.entries())

    assert [entry.about["job"] for entry in entries] == [f"job_{n}" for n in range(len(entries))]
    assert len(entries) == audit_module.AT_ONCE + 2
    assert {(entry.who, entry.action) for entry in entries} == {("ann@host", "tokens.read")}
    assert entries[0].about == {"job": "job_0", "tenant": "acme"}
    assert entries[0].at.endswith("Z")


def test_an_empty_audit_has_no_entries(redis):
    assert list(Audit(Scripts(redis)).entries()) == []


def test_who_we_are_names_user_and_host():
    user, _, host = who_we_are().partition("@")

    assert user
    assert host
