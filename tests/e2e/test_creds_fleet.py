"""Hundreds of apps get a credential in waves, and a bad one keeps the rest of them safe."""

import json
from datetime import datetime

import pytest

from tests.e2e.fleet_rig import Herd, held
from tests.e2e.push_rig import FCM, Rig
from tests.fakes.push_files import certificate, sha256

BAD = 2
"""The place of an app that takes no push with the second new file; it is in the second wave."""
PROVEN = (
    *("--waves", "1,10%,100%", "--verify", "test-push", "--test-user", "probe@example.com"),
    *("--verify-within", "200s", "--soak", "1s"),
)


def with_key(rig, digit):
    """Another key of the same project: its key id alone differs."""
    content = FCM.read_bytes().replace(b'"private_key_id": "', b'"private_key_id": "' + digit)
    return rig.place(f"key{digit.decode()}.json", content)


def print_of(file):
    return json.loads(file.read_bytes())["private_key_id"]


@pytest.fixture(scope="module")
def rig(module_product):
    return Rig(module_product)


@pytest.fixture(scope="module", params=[40, pytest.param(200, marks=pytest.mark.slow)])
def herd(request, rig):
    """So many apps, all with the old file and a webhook."""
    refused = sha256(with_key(rig, b"2").read_bytes())
    made = Herd(rig, f"n{request.param}x", request.param, {BAD: {"bad_push": [refused]}})
    assert made.rotate(FCM)["counts"]["succeeded"] == request.param
    return made


def seconds(time):
    return datetime.fromisoformat(time).timestamp()


def test_all_hold_the_new_file_byte_for_byte_wave_by_wave_with_evidence_of_each(rig, herd):
    new, before = with_key(rig, b"1"), herd.pushed()

    job = herd.rotate(new, *PROVEN)

    after, rows = herd.pushed(), herd.results(job["id"])
    assert {held(push) for push in before} == {FCM.read_bytes()}
    assert {held(push) for push in after} == {new.read_bytes()}
    assert {len(push["uploads"]) for push in after} == {2}
    assert sorted(rows) == herd.names
    for row, push in zip((rows[name] for name in herd.names), after, strict=True):
        told = row["upstream"]
        assert (row["outcome"], row["detail"], row["attempts"]) == ("succeeded", "rotated", 1)
        assert (told["previous_fingerprint"], told["fingerprint"]) == (print_of(FCM), print_of(new))
        assert '"ok": true' in told["push_result"]
        # Of the test, whose answer came before the webhook was called.
        assert seconds(row["first_attempt_at"]) <= push["tests"][-1]["t"] + 0.001
        assert seconds(row["last_attempt_at"]) >= push["tests"][-1]["t"]
    ends = wave_ends(len(after))
    proven = [push["tests"][-1]["t"] for push in after]
    sent = [push["uploads"][-1]["t"] for push in after]
    assert all(max(proven[:end]) < min(sent[end:]) for end in ends[:-1])


def test_a_bad_app_in_the_second_wave_leaves_later_waves_alone_and_takes_its_wave_back(rig, herd):
    refused, before = with_key(rig, b"2"), herd.pushed()
    first, second, everybody = wave_ends(len(before))
    assert first <= BAD < second

    job = herd.rotate(refused, *PROVEN, "--auto-rollback", code=3)

    after, rows = herd.pushed(), herd.results(job["id"])
    assert {held(push) for push in after[:first]} == {refused.read_bytes()}
    assert [held(push) for push in after[first:]] == [held(push) for push in before[first:]]
    assert [push["uploads"] for push in after[second:]] == [p["uploads"] for p in before[second:]]
    assert (job["state"], job["counts"]["not_attempted"]) == (
        "completed_with_errors",
        everybody - second,
    )
    assert sorted(rows) == herd.names
    assert {rows[name]["outcome"] for name in herd.names[second:]} == {"not_attempted"}
    for place, name in list(enumerate(herd.names[:second]))[first:]:
        row = rows[name]
        assert row["code"] == ("PUSH_FAILED" if place == BAD else "WAVE_FAILED"), row
        assert row["message"]
        told = row["upstream"]
        was = json.loads(held(before[place]))["private_key_id"]
        assert (told["taken_back"], told["fingerprint"]) == (print_of(refused), was)
        assert told["rolled_back"]
    assert "not accepted" in rows[herd.names[BAD]]["upstream"]["why"]
    names = herd.names[first:second]
    # On the screen too: a line an app.
    for form in ("table", "csv"):
        told = herd.typed("jobs", "errors", job["id"], "-o", form).out
        lines = sorted(told.splitlines()[1:])
        assert [name for name, line in zip(names, lines, strict=True) if name in line] == names


def test_of_two_certificates_of_an_app_one_is_exchanged_and_the_other_is_there_still(rig):
    (one,) = (Herd(rig, "two", 1),)
    a, b, new_a = (
        rig.place(f"{name}.p12", certificate(bundle))
        for name, bundle in (("a", "org.a"), ("b", "org.b"), ("a2", "org.a"))
    )
    one.typed("creds", "upload", a, b, "--app", one.names[0], "--wait", "-o", "json")

    job = one.rotate(new_a, kind="apn")

    (push,) = one.pushed()
    assert job["counts"]["succeeded"] == 1
    assert sorted(push["slots"]) == ["apn:org.a", "apn:org.b"]
    assert held(push, "apn:org.a") == new_a.read_bytes()
    assert held(push, "apn:org.b") == b.read_bytes()
    assert len(push["uploads"]) == 3
    (row,) = one.results(job["id"]).values()
    told = one.typed("creds", "inspect", a, new_a, "-o", "json").json
    prints = [file["fingerprint"] for file in told]
    assert [row["upstream"][n] for n in ("previous_fingerprint", "fingerprint")] == prints


def wave_ends(apps):
    return 1, apps // 10, apps
