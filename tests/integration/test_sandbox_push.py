"""The sandbox's push operations, over a real socket."""

from __future__ import annotations

import base64
import json

import pytest

from sandbox import testing
from tests.fakes.push_files import certificate, service_account, sha256
from tests.integration.sandbox_process import TOKEN

OK = {"op": "pushupload", "result": True}


def refused(answer):
    return answer.get("error")


def test_an_upload_is_kept_byte_for_byte_with_its_fingerprint_size_name_kind_and_slot(sandbox):
    content = service_account()

    assert sandbox.upload(content) == OK
    (upload,) = sandbox.push(bytes=1)["uploads"]

    assert base64.b64decode(upload.pop("bytes")) == content
    assert upload.pop("t") > 1_700_000_000
    assert upload == {
        "file": "key.json",
        "kind": "fcm",
        "slot": "fcm",
        "sha256": sha256(content),
        "size": len(content),
        "replaced": None,
    }


def test_the_bytes_are_shown_only_when_asked_for(sandbox):
    sandbox.upload(service_account())

    assert "bytes" not in sandbox.push()["uploads"][0]
    assert "canary" not in json.dumps(sandbox.push())


def test_the_one_slot_of_fcm_holds_what_was_uploaded_last_of_any_project(sandbox):
    old, new = service_account("shop"), service_account("another")
    for content in (old, new):
        sandbox.upload(content)

    told = sandbox.push()

    assert list(told["slots"]) == ["fcm"]
    assert told["slots"]["fcm"]["sha256"] == sha256(new)
    assert [upload["replaced"] for upload in told["uploads"]] == [None, sha256(old)]


@pytest.mark.parametrize("uid", [True, False])
def test_certificates_of_two_bundles_have_a_slot_each_and_one_rotated_leaves_the_other(
    sandbox, uid
):
    shop, chat, shop_renewed = (
        certificate(bundle, uid=uid)
        for bundle in ("com.example.shop", "com.example.chat", "com.example.shop")
    )
    for content in (shop, chat, shop_renewed):
        assert sandbox.upload(content, "push.p12") == OK

    slots = sandbox.push()["slots"]

    assert {slot["sha256"] for slot in slots.values()} == {sha256(chat), sha256(shop_renewed)}
    if uid:
        assert set(slots) == {"apn:com.example.shop", "apn:com.example.chat"}


def test_the_type_wins_over_the_extension(sandbox):
    assert sandbox.upload(service_account(), "key.p12", type="fcm") == OK
    assert sandbox.push()["slots"]["fcm"]["kind"] == "fcm"


@pytest.mark.parametrize(
    ("content", "name", "texts"),
    [
        (b"{}", "key.txt", {}),
        (b"{}", "json", {"type": "gcm"}),
        (b"not json", "key.json", {}),
        (b"[]", "key.json", {}),
        (b"", "key.json", {}),
        (b"not a certificate", "push.p12", {}),
        (b"{}", "key.json", {"type": "apn"}),
        (b"{" + b" " * (1 << 20) + b"}", "key.json", {}),
    ],
)
def test_a_file_that_is_not_of_its_kind_is_refused_and_changes_nothing(
    sandbox, content, name, texts
):
    assert refused(sandbox.upload(content, name, **texts)) == "BADFILE"
    assert sandbox.push()["uploads"] == []


def test_a_certificate_without_its_key_is_refused(sandbox):
    assert refused(sandbox.upload(certificate(key=False), "push.p12")) == "BADFILE"


def test_an_upload_without_a_file_is_refused(sandbox):
    assert refused(sandbox.upload()) == "NOFILE"
    assert refused(sandbox.call("pushupload")) == "NOFILE"


def test_an_uploads_key_on_record_is_the_fingerprint_of_the_file(sandbox):
    for _ in range(2):
        sandbox.upload(service_account())

    record = sandbox.received(token=TOKEN, op="pushupload", keys=1)

    assert record["keys"] == {sha256(service_account()): 2}


def test_options_are_kept_by_name_unknown_ones_too_and_the_others_stay(sandbox):
    sandbox.call("pushset", push={"background": False, "sound": True})
    sandbox.call("pushset", push={"sound": False, "later": 7})

    assert sandbox.push()["options"] == {"background": False, "sound": False, "later": 7}
    assert refused(sandbox.call("pushset")) == "BADPARAM"


def test_a_test_needs_an_address_and_delivers_only_with_a_credential(sandbox):
    assert refused(sandbox.call("pushtest", push={})) == "BADPARAM"
    assert sandbox.call("pushtest", push={"address": "ann"})["result"] is True
    sandbox.upload(service_account())
    sandbox.call("pushtest", push={"address": "ann"})

    tests = sandbox.push()["tests"]

    assert [(test["address"], test["slot"], test["delivered"]) for test in tests] == [
        ("ann", None, False),
        ("ann", "fcm", True),
    ]


def test_tests_are_limited_on_the_cloud_and_not_on_premise(sandbox):
    sandbox.register(tests_a_minute=2)
    cloud = [refused(sandbox.call("pushtest", push={"address": "ann"})) for _ in range(3)]
    sandbox.register(edition="onprem", tests_a_minute=2)
    onprem = [refused(sandbox.call("pushtest", push={"address": "ann"})) for _ in range(3)]

    assert (cloud, onprem) == ([None, None, "TESTLIMIT"], [None] * 3)


def test_a_debug_window_is_short_and_rare_on_the_cloud_and_neither_on_premise(sandbox):
    asked = [10_801, 10_800, 60]
    cloud = [refused(sandbox.call("pushdebug", push={"duration": s})) for s in asked]
    (window,) = sandbox.push()["debug"]
    sandbox.register(edition="onprem")
    onprem = [refused(sandbox.call("pushdebug", push={"duration": s})) for s in asked]

    assert (cloud, onprem) == (["DEBUGLIMIT", None, "DEBUGLIMIT"], [None] * 3)
    assert window["until"] - window["t"] == 10_800
    assert refused(sandbox.call("pushdebug", push={"duration": "60"})) == "BADPARAM"


def test_an_app_that_is_registered_again_and_a_reset_know_nothing_of_push(sandbox):
    sandbox.upload(service_account())
    sandbox.control("POST", "reset")

    assert sandbox.push() == {
        "slots": {},
        "uploads": [],
        "options": {},
        "tests": [],
        "debug": [],
        "webhook": {},
    }


def test_push_is_told_of_registered_apps_only(sandbox):
    status, answer = sandbox.control("GET", "push", token="nobody")

    assert (status, answer["error"]) == (400, "token: expected an app token that is registered")


@pytest.mark.parametrize(
    ("settings", "member"),
    [
        ({"webhook": {}}, "webhook.url"),
        ({"webhook": {"url": "ftp://x"}}, "webhook.url"),
        ({"webhook": {"url": "http://x", "v": 3}}, "webhook.v"),
        ({"webhook": {"url": "http://x", "often": 3}}, "webhook.often"),
        ({"webhook": "http://x"}, "webhook"),
        ({"bad_push": "abc"}, "bad_push"),
        ({"tests_a_minute": -1}, "tests_a_minute"),
    ],
)
def test_a_wrong_registration_names_the_member(sandbox, settings, member):
    status, answer = sandbox.control("POST", "apps", {"token": TOKEN, **settings})

    assert (status, answer["error"].partition(":")[0]) == (400, f"apps[0].{member}")


def test_a_fault_after_the_commit_loses_the_answer_and_keeps_the_upload(sandbox):
    content = service_account()
    sandbox.faults({"fault": "html", "op": "pushupload", "key": sha256(content), "commit": True})

    with pytest.raises(json.JSONDecodeError):
        sandbox.upload(content)

    assert sandbox.push()["slots"]["fcm"]["sha256"] == sha256(content)


def test_programs_that_test_with_the_sandbox_can_ask_what_it_was_told(sandbox):
    site = testing.Sandbox(f"http://127.0.0.1:{sandbox.port}")
    site.register(TOKEN, tests_a_minute=1, bad_push=[])
    sandbox.upload(service_account())

    assert site.push(TOKEN)["slots"]["fcm"]["sha256"] == sha256(service_account())
    assert base64.b64decode(site.push(TOKEN, bytes=1)["uploads"][0]["bytes"]) == service_account()
