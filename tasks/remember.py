"""What the record across jobs, and the keeper of tokens, are told about an outcome."""

from __future__ import annotations

from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.model.kind import FIRST, ISSUE, ISSUE_ONLY, JOIN, JOIN_FOR_TOKEN, SIGN_IN, family
from bulkhead.model.outcome import Done, Next, Outcome
from bulkhead.model.slice import Report
from tasks import delivery, groups, known_groups, push, rotation
from tasks.users import address_of, digest_of

KEEP = ""
"""In place of a digest: the content that stands on the record stays."""

PROVISIONS = ("users.import", FIRST)
JOINS = (JOIN, JOIN_FOR_TOKEN)
ISSUES = {("users.import", ISSUE), ("users.import", ISSUE_ONLY), ("users.tokens.issue", FIRST)}


def remember(report: Report, facts: JobFacts, step: str, item: Item, outcome: Outcome) -> None:
    """Add to the report what a call has truly done, so that it is not done again."""
    if facts.kind == "creds.rotate":
        rotation.remember(report, facts, step, item, outcome)
        return
    if facts.kind.startswith("creds."):
        push.remember(report, facts, step, item, outcome)
        return
    if facts.kind == "broadcast":
        delivery.remember(report, facts, item, outcome)
    elif facts.kind == "groups.create":
        groups.remember(report, facts, step, item, outcome)
    elif facts.kind in ("groups.set", "groups.delete"):
        known_groups.remember(report, facts, step, item, outcome)
    elif facts.kind == SIGN_IN:
        if isinstance(outcome, Done) and outcome.issued is not None:
            report.tokens.append((item.index, outcome.issued))
    elif facts.kind.startswith("users."):
        _remember_user(report, facts, step, item, outcome)


def _remember_user(
    report: Report, facts: JobFacts, step: str, item: Item, outcome: Outcome
) -> None:
    if (facts.kind, step) == PROVISIONS and isinstance(outcome, Done | Next):
        joined = not (isinstance(outcome, Next) and family(outcome.step) in JOINS)
        report.done.append((address_of(facts, item), digest_of(facts, item, joined=joined), 0))
    elif facts.kind == "users.import" and family(step) in JOINS:
        if isinstance(outcome, Done) or (isinstance(outcome, Next) and outcome.step == ISSUE):
            report.done.append((address_of(facts, item), digest_of(facts, item), 0))
    elif not isinstance(outcome, Done):
        return
    elif (facts.kind, step) in ISSUES:
        report.done.append((address_of(facts, item), KEEP, 1))
        if outcome.issued is not None:
            report.tokens.append((item.index, outcome.issued))
    elif facts.kind == "users.delete":
        report.forget.append(address_of(facts, item))
    elif facts.kind == "users.tokens.revoke":
        report.revoked.append(address_of(facts, item))
