"""Back to the credential before; and what is told of ends, and of apps that went back."""

import hashlib
import json

import pytest
import requests

from bulkhead.engine.push_record import PushRecord
from bulkhead.model.push import Wish
from tests.e2e.product import until
from tests.e2e.push_rig import FCM, OTHER_FCM, Rig

SLOT = "apn:com.example.shop"


@pytest.fixture(scope="module")
def rig(module_product):
    return Rig(module_product)


def key_of(rig, number):
    """A service account of the same project, with a key of its own."""
    changed = FCM.read_bytes().replace(b'"private_key_id": "', b'"private_key_id": "%d' % number)
    return rig.place(f"key{number}.json", changed)


def uploaded(rig, *numbers, **how):
    """An app that was given these keys one after the other, and the files."""
    app, files = rig.app(**how), [key_of(rig, number) for number in numbers]
    for file in files:
        app.upload(file)
    return app, files


def back(app, *words, code=0):
    return app.creds("rollback", app.name, "--yes", "--wait", "--timeout", "60s", *words, code=code)


def newest(app):
    return app.creds("history", app.name).json[0]


def deeds(app):
    """What the audit says of rollbacks of the app."""
    entries = app.typed("audit", "list", "--app", app.name, "-o", "json").json
    return [entry for entry in entries if entry["action"] == "creds.rollback"]


def fingerprint(file):
    return json.loads(file.read_bytes())["private_key_id"]


def test_the_file_before_is_sent_again_as_it_was_and_is_on_the_record_and_the_audit(rig):
    app, (first, second) = uploaded(rig, 1, 2)

    done = back(app)

    job = done.json
    assert (job["kind"], job["state"]) == ("creds.upload", "completed")
    assert app.held() == {"fcm": first.read_bytes()}
    assert (newest(app)["by"], newest(app)["job"]) == ("rollback", job["id"])
    assert newest(app)["file"] == app.uploads()[-1]["file"] == "key1.json"
    assert f"{fingerprint(second)} goes, {fingerprint(first)} comes back: key1.json" in done.err
    assert "does not expire" in done.err
    (deed,) = deeds(app)
    assert deed["fingerprint"] == fingerprint(first)
    assert deed["about"]["previous"] == fingerprint(second)


def test_a_second_rollback_goes_one_further_back_and_never_to_what_was_taken_back(rig):
    app, files = uploaded(rig, 1, 2, 3)

    back(app)
    back(app)
    twice = app.held()["fcm"]
    refused = back(app, code=7)

    assert twice == files[0].read_bytes()
    assert "nothing further back" in refused.err
    assert f"--to {fingerprint(files[1])}" in refused.err
    assert len(app.uploads()) == 5


def test_another_entry_is_named_by_the_beginning_of_its_fingerprint_or_by_its_id(rig):
    app, files = uploaded(rig, 1, 2, 3)
    ids = [entry["credential"] for entry in app.creds("history", app.name).json][::-1]

    back(app, "--to", f"{fingerprint(files[0])[:12]}…")
    first = app.held()["fcm"]
    back(app, "--to", ids[2])

    assert first == files[0].read_bytes()
    assert app.held()["fcm"] == files[2].read_bytes()
    assert "has no credential `abcdef`" in back(app, "--to", "abcdef", code=2).err


def test_where_several_slots_can_go_back_one_is_named(rig):
    app, (first, second) = uploaded(rig, 1, 2)
    old, new = rig.p12("old.p12"), rig.p12("new.p12")
    app.upload(old)
    one_way = back(app, "--dry-run").json["rollback"]
    app.upload(new)

    refused = back(app, code=2)
    back(app, "--slot", SLOT)

    assert one_way["slot"] == "fcm"
    assert "--slot" in refused.err
    assert app.held() == {"fcm": second.read_bytes(), SLOT: old.read_bytes()}
    assert "no credential in apn:other" in back(app, "--slot", "apn:other", code=2).err
    assert first.read_bytes() != second.read_bytes()


def test_a_dry_run_says_what_would_go_and_come_and_sends_nothing_nor_does_a_command_without_a_yes(
    rig,
):
    app, (first, second) = uploaded(rig, 1, 2)

    quote = back(app, "--dry-run").json
    app.creds("rollback", app.name, code=6)

    assert quote["rollback"]["previous"] == fingerprint(second)
    assert quote["rollback"]["new"] == fingerprint(first)
    assert quote["rollback"]["expired"] is False
    assert quote["counts"]["to_send"] == 1
    assert len(app.uploads()) == 2
    assert deeds(app) == []


def test_a_certificate_that_has_expired_comes_back_by_force_only(rig):
    app = rig.app()
    old = rig.p12("old.p12", days=-2)
    app.creds("adopt", old, "--app", app.name)
    app.upload(rig.p12("new.p12"))

    refused = back(app, code=9)
    back(app, "--force")

    assert "has expired" in refused.err
    assert "--force" in refused.err
    assert app.held() == {SLOT: old.read_bytes()}


def test_another_project_needs_a_word_of_its_own(rig):
    app = rig.app()
    app.upload(OTHER_FCM)
    app.upload(FCM)

    refused = back(app, code=9)
    back(app, "--allow-project-change")

    assert "--allow-project-change" in refused.err
    assert app.held() == {"fcm": OTHER_FCM.read_bytes()}


def test_what_was_never_adopted_cannot_come_back(rig):
    app, _ = uploaded(rig, 1)
    fresh = rig.app()

    assert "never adopted" in back(app, code=7).err
    assert "no credential on our record" in back(fresh, code=2).err


def test_a_file_that_is_kept_no_more_is_asked_for(rig):
    app, (first, _) = uploaded(rig, 71, 72)
    gone = app.creds("history", app.name).json[1]["credential"]
    with rig.product.look() as scripts:
        assert scripts.redis.delete(scripts.key("credential", gone))

    done = back(app, code=2)

    assert "keeps no credential" in done.err
    assert "creds upload FILE" in done.err
    assert app.held() != {"fcm": first.read_bytes()}


def test_of_a_slot_in_doubt_it_is_said_which_file_it_is_to_hold(rig):
    app, (_, second) = uploaded(rig, 1, 2)
    with rig.product.look() as scripts:
        PushRecord(scripts).claim(app.name, "job_lost", [Wish("fcm", "cred_lost")])

    refused = back(app, code=7)
    # The file that the record names is sent all the same: whether it is there is not known.
    back(app, "--to", fingerprint(second))

    assert "not certain" in refused.err
    assert "job_lost" in refused.err
    assert len(app.uploads()) == 3
    assert app.held() == {"fcm": second.read_bytes()}
    (row,) = app.creds("status", "--app", app.name).json
    assert not row["in_doubt"]


def test_nothing_goes_back_while_a_rotation_of_the_app_is_open(rig):
    app, (first, _) = uploaded(rig, 1, 2)
    app.typed("apps", "pause", app.name)
    rotation = app.creds("rotate", "--apps", app.name, "--fcm", key_of(rig, 3), "--yes").json["id"]

    refused = back(app, code=7)
    app.typed("jobs", "cancel", rotation, "--yes")
    app.typed("apps", "resume", app.name)
    back(app)

    assert rotation in refused.err
    assert app.held() == {"fcm": first.read_bytes()}


def test_an_end_that_is_near_is_told_in_the_log_once_and_in_the_metrics(rig):
    app = rig.app()
    app.upload(rig.p12("near.p12", days=5))

    told = until(lambda: [line for line in lines(rig) if line.get("app") == app.name])
    # Known already: the same file again is no news.
    app.creds("adopt", rig.product.home / "near.p12", "--app", app.name)
    app.upload(rig.p12("far.p12", days=6))
    until(lambda: len([line for line in lines(rig) if line.get("app") == app.name]) == 2)

    (line,) = told
    assert (line["slot"], line["within"], line["level"]) == (SLOT, 7, "warning")
    assert 4.8 <= line["days_left"] <= 5
    assert line["not_after"].endswith("Z")
    port = next(line for line in rig.logs().splitlines() if '"api_started"' in line)
    metrics = requests.get(f"http://127.0.0.1:{json.loads(port)['port']}/metrics", timeout=60).text
    whose = f'{{app="{app.name}",slot="{SLOT}",tenant="acme"}} '
    (left,) = [one for one in metrics.splitlines() if whose in one]
    assert left.startswith("bulkhead_credential_days_left")
    assert 5.8 <= float(left.split()[-1]) <= 6


def lines(rig):
    every = (json.loads(line) for line in rig.logs().splitlines() if line.startswith("{"))
    return [line for line in every if line["event"] == "credential_expires"]


def test_the_row_of_an_app_that_went_back_has_the_push_services_own_words(rig):
    app, (first,) = uploaded(rig, 1)
    new = key_of(rig, 9)
    app.register(bad_push=[hashlib.sha256(new.read_bytes()).hexdigest()])
    app.give_webhook()
    app.upload(first, "--force")

    job = app.creds(
        *("rotate", "--apps", app.name, "--fcm", new, "--verify", "test-push"),
        *("--test-user", "probe@example.com", "--yes", "--wait", "--timeout", "60s"),
        code=3,
    ).json

    (row,) = app.typed("jobs", "errors", job["id"], "-o", "json").json
    assert row["code"] == "PUSH_FAILED"
    assert '"code": 403, "response": "not accepted"' in row["message"]
    assert "not accepted" in row["upstream"]["why"]
    assert app.held() == {"fcm": first.read_bytes()}
    with rig.product.look() as scripts:
        assert not scripts.redis.exists(scripts.key("job", job["id"], "why"))
