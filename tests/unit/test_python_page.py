"""The page of the Python API lists exactly what there is."""

import inspect
import re
from dataclasses import fields
from pathlib import Path

from bulkhead import client, errors
from bulkhead.broadcast_order import OF_A_BROADCAST
from bulkhead.client import Asked, AskedToBroadcast, AskedToRotate, Bulkhead, JobHandle, Options
from bulkhead.payloads.models import Broadcast, OfAnApp, Payload, RotateCredentials
from bulkhead.rotation_order import OF_AN_ORDER

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "python.md"
NOT_FOR_PROGRAMS = {
    *("BulkheadError", "CannotOpen", "Declined", "UsageProblem", "NotAccepted", "StillGoing"),
    *("SessionProblem", "SessionEnded"),
}
"""The root, what only workers meet, and what only a person at a terminal does."""
OF_OTHER_DOORS = {"parent", "notify"}


def rows(heading):
    section = PAGE.read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([\w.]+)` \|", section, re.MULTILINE)


def public(kind):
    return {f"{kind.__name__}.{name}" for name in dir(kind) if not name.startswith("_")}


def test_every_public_name_is_on_the_page_and_nothing_else():
    assert set(rows("Bulkhead")) == public(Bulkhead)
    assert set(rows("JobHandle")) == public(JobHandle)


def test_every_option_is_on_the_page_and_the_same_in_both_forms():
    options = {field.name for field in fields(Options)} - OF_OTHER_DOORS

    assert set(Asked.__annotations__) == options
    assert set(rows("What a job may be asked for")) == options


def test_every_word_of_a_rotation_is_on_the_page():
    own = set(AskedToRotate.__annotations__) - set(Asked.__annotations__)

    assert set(rows("What a rotation may be asked for")) == own


def test_a_program_and_a_message_order_a_rotation_in_the_same_words():
    own = set(AskedToRotate.__annotations__) - set(Asked.__annotations__) - {"fcm", "apn"}

    assert own == set(RotateCredentials.model_fields) - set(Payload.model_fields) - {"kind"}
    assert own == {*OF_AN_ORDER, "credential"}


def test_a_program_and_a_message_order_a_broadcast_in_the_words_of_the_page():
    own = set(AskedToBroadcast.__annotations__) - set(Asked.__annotations__)
    everywhere = {*OfAnApp.model_fields, "kind", "max_failures"}

    assert own == set(rows("What a broadcast may be asked for")) == set(OF_A_BROADCAST)
    # A message that is held would have nobody who knows of it, and a file is too large for one.
    assert own - {"hold", "file"} == set(Broadcast.model_fields) - everywhere


def test_every_error_a_program_can_meet_is_on_the_page():
    there = {
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.BulkheadError)
    }

    assert set(rows("Errors")) == there - NOT_FOR_PROGRAMS


def test_every_public_name_explains_itself_and_is_typed():
    for name in client.__all__:
        kind = getattr(client, name)
        assert kind.__doc__, name
    for kind in (Bulkhead, JobHandle):
        for name in public(kind):
            member = inspect.getattr_static(kind, name.partition(".")[2])
            made = getattr(member, "__func__", getattr(member, "fget", member))
            if callable(made):
                assert inspect.getdoc(made), name
                assert inspect.signature(made).return_annotation is not inspect.Signature.empty
