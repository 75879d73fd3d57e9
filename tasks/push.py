"""What is done about push: a credential uploaded, options set, a test sent, a window opened."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bulkhead.backend import push
from bulkhead.backend.call import Call
from bulkhead.backend.push_options import PushOptions
from bulkhead.engine.cabinet import Cabinet, Item, JobFacts, Supply
from bulkhead.engine.push_record import DOUBT, WINDOW
from bulkhead.errors import CannotOpen, InvalidInput, NotFound
from bulkhead.model.kind import FIRST, READ_BACK
from bulkhead.model.outcome import Done, Next, Outcome, Refused, Repeat, Retry, Skipped, Unknown
from bulkhead.model.push import Leave, UploadRow, Wish
from bulkhead.model.slice import Known, Report
from tasks.asked import Asked

SERVICES: Mapping[str, push.Service] = {"fcm": "fcm", "apn": "apn"}


def wish(facts: JobFacts, item: Item) -> Wish:
    """The file of the item's row for its slot, whatever is there."""
    row = _row(item)
    return Wish(row.slot, row.credential, bool(facts.params.get("force")))


def claimed(asked: Asked, wanted: Sequence[tuple[Item, Wish]]) -> Sequence[Item]:
    """The items, each with the file of its wish opened, and with what stands against sending it.

    From now on until an answer is known, it is in doubt what the slots hold that get another file,
    and no other job gets them. A file that cannot be opened claims nothing.
    """
    part, files = asked.part, [_supply(asked.cabinet, wish.credential) for _, wish in wanted]
    wishes = [wish for (_, wish), supply in zip(wanted, files, strict=True) if supply]
    leaves = asked.begun.leaves
    if any(wish not in leaves for wish in wishes):
        answers = asked.cabinet.push_record.claim(part.app, part.job, wishes)
        leaves = dict(zip(wishes, answers, strict=True))
    return [
        replace(item, supply=supply and _told(supply, leaves[wish]))
        for (item, wish), supply in zip(wanted, files, strict=True)
    ]


def may_be_sent(cabinet: Cabinet, wishes: Sequence[Wish]) -> list[Wish]:
    """Those whose file can be opened."""
    return [wish for wish in wishes if _supply(cabinet, wish.credential) is not None]


def _told(supply: Supply, leave: Leave) -> Supply:
    own, taken = leave.verdict == "own", leave.verdict == "taken"
    return replace(
        supply,
        held=leave.held,
        doubted=own and bool(leave.job),
        taken=leave.job if taken else "",
        changed=leave.verdict == "changed",
    )


def with_file(asked: Asked, items: Sequence[Item]) -> Sequence[Item]:
    """The items, each with its file opened."""
    return with_files(asked, [(item, _row(item).credential) for item in items])


def with_files(asked: Asked, wanted: Sequence[tuple[Item, str]]) -> Sequence[Item]:
    """The items, each with the file of this id opened."""
    return [replace(item, supply=_supply(asked.cabinet, file)) for item, file in wanted]


def barred(facts: JobFacts, item: Item) -> Refused | None:
    """What becomes of a file whose slot is another job's, or holds what nobody expected."""
    del facts
    supply = item.supply
    if supply is None:
        return None
    slot, held = supply.kept.slot, supply.held
    if supply.taken:
        return Refused("SLOT_TAKEN", f"{supply.taken} is about to change {slot}")
    if not supply.changed:
        return None
    if held is None:
        return Refused("RECORD_CHANGED", f"{slot} holds nothing by our record any more")
    by = held.job or f"`creds {held.by}`"
    return Refused("RECORD_CHANGED", f"{slot} holds {held.fingerprint} by now, from {by}")


def barred_again(facts: JobFacts, item: Item) -> Unknown | None:
    """The same of the second upload: what became of the first one is not known."""
    refused = barred(facts, item)
    if refused is None:
        return None
    return Unknown(f"sent, but not confirmed, and then: {refused.message}", push.NOTHING_SAID)


def spare(facts: JobFacts, item: Item) -> Skipped | Refused | None:
    """What becomes of a file without a call: it is in its slot by our record, or must not go there.

    In its slot is what is there byte for byte.
    """
    refused = barred(facts, item)
    if refused is not None:
        return refused
    held = item.supply.held if item.supply and not item.supply.doubted else None
    if facts.params.get("force") or held is None or held.credential != _row(item).credential:
        return None
    by = held.job or f"`creds {held.by}`"
    return Skipped("already_done", message=f"the same file is in {held.slot} already, by {by}")


def upload(facts: JobFacts, item: Item) -> Call | Refused:
    """Upload the file of this row; a lost answer leads to one more upload."""
    row = _row(item)
    return upload_as(item, row.file, row.service, Repeat.CHECK)


def upload_again(facts: JobFacts, item: Item) -> Call | Refused:
    """The second upload, and the last."""
    row = _row(item)
    return upload_as(item, row.file, row.service, Repeat.ONCE)


def uploaded(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """What an upload came to, and where the file is if it was taken."""
    del facts, known
    outcome = at_most_twice(outcome)
    if isinstance(outcome, Done) and item.supply is not None:
        told = {"slot": item.supply.kept.slot, "fingerprint": item.supply.kept.fingerprint}
        upstream = replace(outcome.upstream, details={**outcome.upstream.details, **told})
        return replace(outcome, detail="uploaded", upstream=upstream)
    return outcome


def at_most_twice(outcome: Outcome) -> Outcome:
    """What an upload came to; never what would send the file a third time."""
    if isinstance(outcome, Next):
        # There is nothing to read back: the same bytes again bring about what was wanted.
        upstream = outcome.upstream or push.NOTHING_SAID
        return Retry("NO_ANSWER", "sent, but not confirmed", upstream, step=READ_BACK)
    if isinstance(outcome, Retry) and outcome.code == "UNLISTED":
        return Refused(outcome.code, outcome.message, outcome.upstream)
    return outcome


def set_options(facts: JobFacts, item: Item) -> Call | Refused:
    """Set the options that the job names, and no other."""
    del item
    return options_call(facts.params.get("options"))


def options_call(options: Any) -> Call | Refused:
    """The call that sets these options."""
    try:
        return push.pushset(PushOptions(**options))
    except (InvalidInput, TypeError):
        return Refused("UNSENDABLE", "the job names no push option that there is")


def options_set(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """Nothing but options was set."""
    del facts, item, known
    return replace(outcome, detail="options_set") if isinstance(outcome, Done) else outcome


def test(facts: JobFacts, item: Item) -> Call | Refused:
    """Send one test notification to the user that the job names."""
    del item
    try:
        return push.pushtest(str(facts.params.get("address", "")))
    except InvalidInput as error:
        return Refused("UNSENDABLE", error.what)


def test_sent(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """That a test was sent says nothing about whether it arrived."""
    del facts, item, known
    return replace(outcome, detail="test_sent") if isinstance(outcome, Done) else outcome


def debug(facts: JobFacts, item: Item) -> Call | Refused:
    """Open a debug window of as many seconds as the job says."""
    del item
    try:
        return push.pushdebug(int(facts.params.get("duration", 0)))
    except (InvalidInput, TypeError, ValueError):
        return Refused("UNSENDABLE", "the job names no duration in seconds")


def debug_opened(facts: JobFacts, item: Item, known: Known | None, outcome: Outcome) -> Outcome:
    """A window is open from now on."""
    del facts, item, known
    return replace(outcome, detail="debug_opened") if isinstance(outcome, Done) else outcome


def remember(report: Report, facts: JobFacts, step: str, item: Item, outcome: Outcome) -> None:
    """Add to the report what mesibo was told, for our record of the app."""
    done = isinstance(outcome, Done)
    if facts.kind == "creds.upload" and done:
        book(report, item, str(facts.params.get("by", "upload")), _row(item).file)
    elif facts.kind == "creds.upload":
        end_doubt(report, step, item, outcome)
    elif facts.kind == "creds.options" and done:
        book_options(report, facts.params["options"])
    elif facts.kind == "creds.debug" and isinstance(outcome, Done | Unknown):
        window = {"duration": facts.params["duration"], "sure": done, "job": report.job}
        report.push.append(("push_debug", WINDOW, json.dumps(window)))


def book(report: Report, item: Item, by: str, file: str) -> None:
    """Note that the item's file is in its slot, under the name that it was sent with."""
    if item.supply is not None:
        entry = replace(item.supply.kept.in_slot(by, report.job), file=file)
        report.creds.append((entry.slot, entry.to_json()))


def book_options(report: Report, options: Mapping[str, bool]) -> None:
    """Note that these options were set."""
    for name, value in options.items():
        told = json.dumps({"value": value, "job": report.job})
        report.push.append(("push_options", name, told))


def end_doubt(report: Report, step: str, item: Item, outcome: Outcome) -> None:
    """Note that the slot holds what it held: the file was sent once, if at all, and refused."""
    supply = item.supply
    if isinstance(outcome, Refused) and step == FIRST and supply and not supply.doubted:
        report.push.append((DOUBT, supply.kept.slot, ""))


def _row(item: Item) -> UploadRow:
    return UploadRow.of(item.cells)


def _supply(cabinet: Cabinet, credential: str) -> Supply | None:
    try:
        return Supply(*cabinet.credential(credential))
    except (NotFound, CannotOpen):
        # Workers have every key that is in use: what this one cannot open nobody can.
        return None


def upload_as(item: Item, file: str, service: str, repeat: Repeat) -> Call | Refused:
    """The call that uploads the item's file under this name, and under this type where one is."""
    if item.supply is None:
        return Refused("FILE_NOT_KEPT", "the credential is not in the store, or damaged")
    try:
        call = push.pushupload(item.supply.content, file, SERVICES.get(service))
    except InvalidInput as error:
        return Refused("UNSENDABLE", error.what)
    return replace(call, repeat=repeat)
