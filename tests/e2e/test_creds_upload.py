"""Credentials go to one app at a time, byte for byte, and our record says what is where."""

import hashlib

import pytest

from tests.e2e.push_rig import FCM, OTHER_FCM, Rig


@pytest.fixture(scope="module")
def rig(module_product):
    return Rig(module_product)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_files_arrive_byte_for_byte_each_in_its_slot_and_are_on_the_record(rig):
    app, p12 = rig.app(), rig.p12()

    job = app.upload(FCM, p12)

    assert app.held() == {"fcm": FCM.read_bytes(), "apn:com.example.shop": p12.read_bytes()}
    assert (job["kind"], job["state"], job["counts"]["succeeded"]) == (
        "creds.upload",
        "completed",
        2,
    )
    rows = app.results(job["id"])
    assert {row["detail"] for row in rows} == {"uploaded"}
    assert {row["upstream"]["slot"] for row in rows} == set(app.held())
    entries = {row["slot"]: row for row in app.creds("status", "--app", app.name).json}
    assert {entry["job"] for entry in entries.values()} == {job["id"]}
    assert {entry["by"] for entry in entries.values()} == {"upload"}
    assert entries["fcm"]["credential"] == f"cred_{sha256(FCM)[:20]}"
    assert (entries["fcm"]["days_left"], entries["fcm"]["console"]) == (None, None)
    assert entries["apn:com.example.shop"]["bundle"] == "com.example.shop"
    assert 299 < entries["apn:com.example.shop"]["days_left"] < 300


def test_the_same_file_is_not_sent_again_unless_it_is_forced(rig):
    app = rig.app()
    first = app.upload(FCM)

    again = app.upload(FCM)
    forced = app.upload(FCM, "--force")

    (skipped,) = app.results(again["id"])
    assert (skipped["outcome"], skipped["detail"]) == ("skipped", "already_done")
    assert first["id"] in skipped["message"]
    assert forced["counts"]["succeeded"] == 1
    assert len(app.uploads()) == 2
    assert len(app.creds("history", app.name).json) == 2


def test_another_file_of_a_slot_replaces_it_and_the_other_slot_stays(rig):
    app, shop, chat = rig.app(), rig.p12("a.p12"), rig.p12("b.p12", "com.example.chat")
    app.upload(shop, chat)
    renewed = rig.p12("c.p12")

    app.upload(renewed)

    assert app.held() == {
        "apn:com.example.shop": renewed.read_bytes(),
        "apn:com.example.chat": chat.read_bytes(),
    }
    past = app.creds("history", app.name).json
    assert next(entry["file"] for entry in past) == "c.p12"
    assert {entry["file"] for entry in past} == {"a.p12", "b.p12", "c.p12"}


def test_a_dry_run_says_what_is_there_already_and_leaves_nothing_behind(rig):
    app = rig.app()
    app.upload(FCM)
    p12 = rig.p12()

    told = app.creds("upload", FCM, p12, "--app", app.name, "--dry-run").json

    assert told["counts"] | {"total": 2, "already_done": 1, "to_send": 1} == told["counts"]
    assert (told["calls"], told["billable"]["at_most"]) == (1, 0)
    with rig.product.look() as scripts:
        assert not scripts.redis.exists(scripts.key("credential", f"cred_{sha256(p12)[:20]}"))
    assert len(app.uploads()) == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("apn-password.p12", "CREDENTIAL_HAS_PASSWORD"),
        ("apn-expired.p12", "CREDENTIAL_EXPIRED"),
        ("AuthKey_ABC123DEFG.p8", "CREDENTIAL_P8"),
        ("google-services.json", "CREDENTIAL_CLIENT_FILE"),
    ],
)
def test_what_could_not_be_uploaded_is_refused_in_the_words_of_inspect(rig, name, code):
    app, file = rig.app(), rig.place(name)

    refused = app.creds("upload", FCM, file, "--app", app.name, code=9)
    inspected = app.creds("inspect", file, code=9).json

    assert refused.out == ""
    assert code in refused.err
    assert inspected[0]["problems"][0]["what"] in refused.err
    assert (inspected[0]["problems"][0]["command"] or "") in refused.err
    assert app.uploads() == []


def test_a_type_wins_over_the_extension_and_must_be_the_contents(rig):
    app = rig.app()
    odd = rig.place("push.pfx", FCM.read_bytes())

    app.upload(odd, "--type", "fcm")
    app.upload(rig.place("plain", OTHER_FCM.read_bytes()))
    wrong = app.creds("upload", FCM, "--app", app.name, "--type", "apn", code=9)

    assert app.held() == {"fcm": OTHER_FCM.read_bytes()}
    assert "is not for apn" in wrong.err
    assert len(app.uploads()) == 2


def test_two_files_of_one_slot_are_refused_before_anything_is_sent(rig):
    app = rig.app()

    refused = app.creds("upload", FCM, OTHER_FCM, "--app", app.name, code=9)

    assert "same slot" in refused.err
    assert app.uploads() == []


def test_a_file_too_large_for_an_on_premise_server_is_refused_before_it_is_sent(rig):
    app, cloud = rig.app("onprem"), rig.app()
    account = FCM.read_bytes()
    large = rig.place("large.json", account.rstrip()[:-1] + b" " * 8_192 + b"}")

    dry = app.creds("upload", large, "--app", app.name, "--dry-run", code=9)
    refused = app.creds("upload", large, "--app", app.name, code=9)
    app.upload(FCM)
    cloud.upload(large)

    assert "8,192" in dry.err
    assert "8,192" in refused.err
    assert app.held() == {"fcm": account}
    (entry,) = app.creds("status", "--app", app.name).json
    assert entry["console"] == "API wins over console"


def test_a_lost_answer_is_followed_by_one_more_upload_and_never_by_a_third(rig):
    once, twice = rig.app(), rig.app()
    rig.faults(
        {"fault": "drop_after_commit", "op": "pushupload", "token": once.token, "times": 1},
        {"fault": "drop_after_commit", "op": "pushupload", "token": twice.token},
    )

    confirmed = once.upload(FCM)
    unknown = twice.upload(FCM, code=3)
    rig.faults()

    assert confirmed["counts"]["succeeded"] == 1
    assert unknown["counts"]["unknown"] == 1
    assert (len(once.uploads()), len(twice.uploads())) == (2, 2)
    assert [entry["slot"] for entry in once.creds("history", once.name).json] == ["fcm"]
    assert twice.creds("history", twice.name).json == []


def test_after_an_upload_that_is_unknown_the_former_file_is_sent_again_when_it_is_wanted(rig):
    app = rig.app()
    app.upload(FCM)
    rig.faults({"fault": "drop_after_commit", "op": "pushupload", "token": app.token})
    unknown = app.upload(OTHER_FCM, code=3)
    rig.faults()

    doubted = app.creds("status", "--app", app.name)
    told = app.creds("upload", FCM, "--app", app.name, "--dry-run").json
    again = app.upload(FCM)
    certain = app.creds("status", "--app", app.name)

    assert doubted.json[0]["in_doubt"] == unknown["id"]
    assert "it is not certain what fcm" in doubted.err
    assert told["counts"]["to_send"] == again["counts"]["succeeded"] == 1
    assert app.held() == {"fcm": FCM.read_bytes()}
    assert (certain.json[0]["in_doubt"], certain.err) == (None, "")


def test_a_refused_file_is_sent_once_and_is_not_on_the_record(rig):
    app = rig.app()
    rig.faults({"fault": "word", "error": "NOSUCHWORD", "op": "pushupload", "token": app.token})

    job = app.upload(FCM, code=3)
    rig.faults()

    (row,) = app.results(job["id"])
    assert (row["outcome"], row["code"]) == ("failed", "UNLISTED")
    assert "not certain" not in app.creds("status", "--app", app.name).err
    assert app.creds("history", app.name).json == []
    assert rig.sandbox.count(app.token) == 1


def test_an_adopted_file_is_on_the_record_and_on_the_audit_and_is_not_sent(rig):
    app = rig.app()

    adopted = app.creds("adopt", FCM, "--app", app.name).json
    again = app.creds("adopt", FCM, "--app", app.name).json
    declined = app.creds("adopt", OTHER_FCM, "--app", app.name, code=6)
    app.creds("adopt", OTHER_FCM, "--app", app.name, "--yes")

    assert (adopted["by"], adopted["job"], adopted["file"]) == ("adopt", None, "fcm.json")
    assert again["at"] == adopted["at"]
    assert "Note the other file" in declined.err or "needs a yes" in declined.err
    assert rig.sandbox.count(app.token) == 0
    entries = app.typed("audit", "list", "--app", app.name, "-o", "json").json
    assert [entry["action"] for entry in entries][:2] == ["creds.adopt", "creds.adopt"]
    assert adopted["fingerprint"] in str(entries)
    assert [entry["by"] for entry in app.creds("history", app.name).json] == ["adopt", "adopt"]


def test_what_expires_soon_is_told_by_the_exit_code(rig):
    app = rig.app()
    app.upload(rig.p12())

    late = app.creds("status", "--app", app.name, "--fail-within", "301d", code=12)
    app.creds("status", "--app", app.name, "--fail-within", "299d")

    assert "apn:com.example.shop expires at" in late.err


def test_a_table_shows_what_is_where_in_a_line_each(rig):
    app = rig.app("onprem")
    app.upload(FCM)

    status = app.typed("creds", "status", "--app", app.name, "-o", "table").out
    past = app.typed("creds", "history", app.name, "-o", "csv").out

    print(status)
    assert [line.split()[1] for line in status.splitlines() if app.name in line] == ["fcm"]
    assert "API wins over console" in status
    assert past.splitlines()[0].startswith("at,slot,fingerprint")


def test_a_file_may_come_from_stdin(rig):
    app = rig.app()

    app.upload("-", stdin=FCM.read_text("utf-8"))

    assert app.held() == {"fcm": FCM.read_bytes()}
    assert [upload["file"] for upload in app.uploads()] == ["credential.json"]


@pytest.mark.parametrize("box", [None, "v1.x.y"])
def test_a_file_that_the_store_lost_fails_its_row_and_nothing_else(rig, box):
    app = rig.app()
    lost = rig.p12("lost.p12", "com.example.lost")
    app.typed("apps", "pause", app.name)
    job = app.creds("upload", FCM, lost, "--app", app.name).json["id"]
    with rig.product.look() as scripts:
        name = scripts.key("credential", f"cred_{sha256(lost)[:20]}")
        if box is None:
            scripts.redis.delete(name)
        else:
            scripts.redis.hset(name, "box", box)
    app.typed("apps", "resume", app.name)

    done = rig.product.wait(job, 60)

    assert done.code == 3, done
    codes = [row["code"] or row["detail"] for row in app.results(job)]
    assert sorted(codes) == ["FILE_NOT_KEPT", "uploaded"]
    assert list(app.held()) == ["fcm"]
    assert "not certain" not in app.creds("status", "--app", app.name).err
