"""What an app's row says of why it went back, in the words of whoever said so."""

import pytest

from bulkhead.engine.cabinet import Item, JobFacts, Supply
from bulkhead.engine.credentials import Stored
from bulkhead.inbound.event import PushResult
from bulkhead.model.outcome import Done, Next, Refused, Unknown, Upstream
from bulkhead.model.push import UploadRow
from bulkhead.model.rotation import OPTIONS, UNDO_RESULT, RotationRow
from bulkhead.secrets import SecretBytes
from tasks import operation, rotation

SAID = Upstream("pushupload", 200)
FILE = b"-----BEGIN PRIVATE KEY-----canary-of-a-private-key-that-nobody-may-read"
KEPT = Stored("cred_1", "fcm", "k1", "fcm", "shop", None, None, None, "old.json", 5)
NEW, OLD = UploadRow("cred_2", "fcm", "", "new.json"), UploadRow("cred_1", "fcm", "", "old.json")
FACTS = JobFacts("creds.rotate", {}, {"verify": "test-push", "address": "probe"}, {})


def item(previous=OLD, heard=None, why=""):
    supply = Supply(KEPT, SecretBytes(FILE), heard=heard)
    return Item(0, 1, RotationRow(NEW, "acme/shop", previous).cells(), supply, why)


def heard(response, code=403, ok=False):
    return PushResult("probe", None, "fcm", ok=ok, code=code, response=response)


def test_the_push_services_words_go_on_with_the_item():
    outcome = rotation.judge(FACTS, item(heard=heard("mismatched sender id")))

    assert isinstance(outcome, Next)
    assert outcome.step == UNDO_RESULT
    assert '"code": 403' in outcome.why
    assert "mismatched sender id" in outcome.why


def test_the_row_has_them_in_its_message_and_its_upstream_once_the_app_is_back():
    back = item(why="fcm: mismatched sender id")

    outcome = operation.conclude(FACTS, back, UNDO_RESULT, None, Done(SAID))

    assert isinstance(outcome, Refused)
    assert outcome.code == "PUSH_FAILED"
    assert "new file. fcm: mismatched sender id. Back to k1." in outcome.message
    assert outcome.upstream.details["why"] == "fcm: mismatched sender id"


def test_without_words_the_row_is_as_it_was():
    outcome = operation.conclude(FACTS, item(), UNDO_RESULT, None, Done(SAID))

    assert outcome.message.endswith("new file. Back to k1.")
    assert "why" not in outcome.upstream.details


@pytest.mark.parametrize("end", [Refused("REFUSED", "no", SAID), Unknown("sent", SAID)])
def test_they_are_not_lost_where_the_file_before_cannot_be_uploaded(end):
    given_up = operation.given_up(FACTS, item(why="mismatched"), UNDO_RESULT, end)
    concluded = operation.conclude(
        FACTS, item(why="mismatched"), UNDO_RESULT, None, Refused("REFUSED", "no", SAID)
    )

    assert (given_up.code, concluded.code) == ("NOT_ROLLED_BACK", "NOT_ROLLED_BACK")
    assert given_up.message.startswith("PUSH_FAILED (mismatched), then: ")
    assert concluded.message == "PUSH_FAILED (mismatched), then: no"


def test_words_of_others_are_bounded_on_one_line_and_without_a_secret():
    spoken = "line one\nline two " + FILE.decode()[30:] + ' {"token": "abcdef123456"} ' + "x" * 900

    outcome = operation.conclude(
        FACTS, item(), OPTIONS, None, Refused("REFUSED", spoken, Upstream("pushset", 200))
    )

    assert outcome.why.startswith("line one line two ")
    assert "canary-of-a" not in outcome.why
    assert "abcdef123456" not in outcome.why
    assert len(outcome.why) == rotation.LONGEST_WHY


def test_words_of_a_push_that_arrived_are_without_a_secret_too():
    outcome = rotation.judge(FACTS, item(heard=heard("taken " + FILE.decode()[30:], 200, ok=True)))

    assert isinstance(outcome, Done)
    assert '"response": "taken ' in outcome.upstream.details["push_result"]
    assert "canary-of-a" not in outcome.upstream.details["push_result"]


def test_an_app_with_nothing_to_go_back_to_has_them_too():
    outcome = rotation.judge(FACTS, item(previous=None, heard=heard("mismatched sender id")))

    assert (type(outcome), outcome.code) == (Refused, "PUSH_FAILED")
    assert "mismatched sender id" in outcome.message
