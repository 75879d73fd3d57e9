"""What is done to one app of a rotation: upload, options, test, its result; or back again.

An item ends with the new file proven as far as was asked for, or with the one before uploaded
again. In between it stands at a step, which a worker's death does not lose.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bulkhead.backend import push
from bulkhead.backend.call import Call
from bulkhead.engine.cabinet import Item, JobFacts
from bulkhead.errors import InvalidInput
from bulkhead.inbound.event import PushResult
from bulkhead.model.code import CODES
from bulkhead.model.outcome import (
    Done,
    Next,
    Outcome,
    Refused,
    Repeat,
    Retry,
    Unknown,
    Upstream,
    Wait,
)
from bulkhead.model.rotation import (
    AWAIT,
    CODE_OF,
    OPTIONS,
    UNDO_OPTIONS,
    UNDO_RESULT,
    UNDO_SILENCE,
    UNDO_TEST,
    UNDO_UPLOAD,
    VERIFY,
)
from bulkhead.model.slice import Known, Report
from tasks.push import at_most_twice, book, book_options, end_doubt, options_call, upload_as
from tasks.rotation_supply import address_of, options_of, row_of, within
from worker.logs import redactor

LONGEST_WHY = 300
"""Characters of what others said that a row of the results repeats."""
SOON = 0.2
"""Seconds until the webhook is looked at: an event that comes while nobody waits wakes nobody."""


def uploaded(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """What follows the first upload; what was refused has changed nothing."""
    del known
    outcome = at_most_twice(outcome)
    return _next(facts, item, outcome) if isinstance(outcome, Done) else outcome


def uploaded_again(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """What follows the second upload: without an answer, the way back."""
    del known
    if isinstance(outcome, Unknown | Refused | Retry):
        return _undo(item, UNDO_UPLOAD, outcome.message)
    return _next(facts, item, outcome) if isinstance(outcome, Done) else outcome


def set_options(facts: JobFacts, item: Item) -> Call | Refused:
    """Set the options that the app is to have beside its file."""
    return options_call(options_of(facts, item))


def options_set(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """What follows the options."""
    del known
    if isinstance(outcome, Refused):
        return _undo(item, UNDO_OPTIONS, outcome.message)
    return _next(facts, item, outcome, after=OPTIONS) if isinstance(outcome, Done) else outcome


def send_test(facts: JobFacts, item: Item) -> Call | Refused:
    """Send the probe user a test; twice does no harm there."""
    try:
        return replace(push.pushtest(address_of(facts, item)), repeat=Repeat.SAFE)
    except InvalidInput as error:
        return Refused("UNSENDABLE", error.what)


def test_sent(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """A test that was sent is waited for at the webhook."""
    del known
    if isinstance(outcome, Refused):
        return _undo(item, UNDO_TEST, outcome.message)
    if isinstance(outcome, Done):
        return Wait(AWAIT, SOON, address_of(facts, item), outcome.upstream)
    return outcome


def take_back(step: str, facts: JobFacts, item: Item, outcome: Refused | Unknown) -> Outcome:
    """What is due next did not come about, however often it was tried."""
    del facts
    return _undo(item, step, outcome.message)


def judge(facts: JobFacts, item: Item) -> Outcome | None:
    """What the webhook has said, or that it may still say something, or was silent too long."""
    supply = item.supply
    if supply is None:
        return None
    if supply.heard is None and supply.patience > 0:
        waited = within(facts) - supply.patience
        again = min(supply.patience, max(SOON, waited))
        return Wait(AWAIT, again, address_of(facts, item))
    if supply.heard is None:
        return _undo(item, UNDO_SILENCE, f"nothing came within {within(facts):g} s")
    if supply.heard.ok:
        said = _repeatable(_said(supply.heard), item)
        return _done(facts, item, Upstream("pushtest"), push_result=said)
    return _undo(item, UNDO_RESULT, _said(supply.heard))


def upload_previous(facts: JobFacts, item: Item) -> Call | Refused:
    """Upload the file that was there before."""
    del facts
    previous = row_of(item).previous
    if previous is None:
        return Refused("NOT_ROLLED_BACK", "there is no file before it on our record")
    return upload_as(item, previous.file, previous.service, Repeat.SAFE)


def went_back(
    step: str, facts: JobFacts, item: Item, known: Known | None, outcome: Outcome
) -> Outcome:
    """The app is what it was before; its row says why."""
    del known
    if isinstance(outcome, Refused) and outcome.code != "NOT_ROLLED_BACK":
        return not_back(step, facts, item, outcome)
    if not isinstance(outcome, Done) or item.supply is None:
        return outcome
    code, print_ = CODE_OF[step], item.supply.kept.fingerprint
    said = f" {item.why}." if item.why else ""
    message = f"{CODES[code].meaning}{said} Back to {print_}."
    details = {"slot": item.supply.kept.slot, "fingerprint": print_, "rolled_back": True}
    details |= {"taken_back": row_of(item).fingerprint}
    details |= {"why": item.why} if item.why else {}
    return Refused(code, message, replace(outcome.upstream, details=details))


def not_back(step: str, facts: JobFacts, item: Item, outcome: Refused | Unknown) -> Outcome:
    """The file before could not be uploaded, however often it was tried."""
    del facts
    why = f"{CODE_OF[step]} ({item.why})" if item.why else CODE_OF[step]
    return Refused("NOT_ROLLED_BACK", f"{why}, then: {outcome.message}", outcome.upstream)


def remember(report: Report, facts: JobFacts, step: str, item: Item, outcome: Outcome) -> None:
    """Add to the report what the slot holds now, once that is certain, and the options set."""
    row = row_of(item)
    if step == OPTIONS and (isinstance(outcome, Done) or _goes_on(outcome)):
        book_options(report, options_of(facts, item))
    if isinstance(outcome, Done):
        book(report, item, "rotate", row.new.file)
    elif row.previous and isinstance(outcome, Refused) and outcome.code == CODE_OF.get(step):
        book(report, item, "rollback", row.previous.file)
    else:
        end_doubt(report, step, item, outcome)


def _next(facts: JobFacts, item: Item, outcome: Done, after: str = "") -> Outcome:
    """The next step that the job asks for, or the end."""
    if options_of(facts, item) and after != OPTIONS:
        return Next(OPTIONS, outcome.upstream)
    if facts.params.get("verify") == "test-push":
        return Next(VERIFY, outcome.upstream)
    return _done(facts, item, outcome.upstream)


def _goes_on(outcome: Outcome) -> bool:
    """True of a step that leads forward, not back."""
    return isinstance(outcome, Next) and outcome.step not in CODE_OF


def _done(facts: JobFacts, item: Item, upstream: Upstream, **said: Any) -> Done:
    row, told = row_of(item), {**upstream.details, **said}
    told["slot"] = row.new.slot
    if options := options_of(facts, item):
        told["options"] = dict(options)
    if row.previous is not None:
        told["previous"] = row.previous.credential
        told["previous_fingerprint"] = row.previous_fingerprint
    if item.supply is not None:
        told["fingerprint"] = item.supply.kept.fingerprint
    return Done(replace(upstream, details=told), detail="rotated")


def _undo(item: Item, step: str, why: str) -> Next | Refused:
    why = _repeatable(why, item)
    if row_of(item).previous:
        return Next(step, why=why)
    return Refused(CODE_OF[step], f"{why}; there is no file before it on our record to go back to")


def _repeatable(words: str, item: Item) -> str:
    """What others said, as a row may repeat it: in one line, bounded, and without any secret."""
    if item.supply is not None:
        words = item.supply.content.scrub(words[: 2 * LONGEST_WHY])
    words = redactor.text(words)[:LONGEST_WHY].rstrip(". ")
    return "".join(sign if sign.isprintable() else " " for sign in words)


def _said(result: PushResult) -> str:
    """The push service's answer in a few words, for the result row."""
    words = {"ok": result.ok, "code": result.code, "response": result.response[:200]}
    told: Mapping[str, Any] = {name: word for name, word in words.items() if word not in (None, "")}
    return f"{result.service or 'push'}: {json.dumps(told)}"
