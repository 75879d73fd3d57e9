"""What must never happen to a credential: seen in the clear, sent a third time, lost in a kill."""

import base64
import os
import signal

import pytest

from tests.e2e.product import until
from tests.e2e.push_rig import FCM, Rig, anywhere, parts_of


@pytest.fixture(scope="module")
def rig(module_product):
    return Rig(module_product)


def spellings(part):
    yield part
    yield part.hex().encode()
    yield from (base64.b64encode(b"x" * n + part)[4:-4] for n in range(3))


def test_no_stretch_of_a_file_is_in_store_logs_results_or_errors(rig):
    app, p12 = rig.app(), rig.p12("secret.p12")
    done = [app.creds("upload", FCM, p12, "--app", app.name, "--wait", "--timeout", "60s")]
    job = done[0].json["id"]
    rig.faults({"fault": "html", "op": "pushupload", "token": app.token})
    done += [app.creds("upload", FCM, "--app", app.name, "--force", "--wait", code=3)]
    rig.faults()
    done += [app.creds("adopt", FCM, "--app", app.name)]
    done += [app.typed("jobs", "results", job, "-o", "json"), app.creds("status")]
    done += [app.typed("jobs", "errors", done[1].json["id"], "-o", "csv")]
    done += [app.creds("history", app.name), app.typed("audit", "list", "-o", "json")]
    with rig.product.look() as scripts:
        scripts.redis.bgrewriteaof()
        until(lambda: not scripts.redis.info("persistence")["aof_rewrite_in_progress"])

    said = "".join(one.out + one.err for one in done).encode() + rig.logs().encode()
    kept = b"".join(
        content for path, content in anywhere(rig.product.home / "store") if path.suffix != ".log"
    )
    parts = [part for file in (FCM, p12) for part in parts_of(file.read_bytes())]

    assert len(parts) > 20
    assert b"cred_" in said
    assert b"cred_" in kept
    seen = [part for part in parts for text in spellings(part) if text in said or text in kept]
    assert seen == []


def test_a_worker_killed_during_an_upload_leaves_it_done_or_said_to_be_unknown(rig):
    app = rig.app(words=("--read-timeout", "20s"))
    rig.faults({"fault": "hang", "s": 30, "op": "pushupload", "token": app.token, "times": 1})
    job = app.creds("upload", FCM, "--app", app.name).json["id"]
    until(lambda: rig.sandbox.count(app.token) == 1)

    [worker] = rig.product.workers()
    os.kill(worker, signal.SIGKILL)
    done = rig.product.wait(job)
    rig.faults()

    assert done.code == 0, done
    assert rig.sandbox.count(app.token) == 2
    assert app.held() == {"fcm": FCM.read_bytes()}
    assert [entry["job"] for entry in app.creds("history", app.name).json] == [job]


def test_an_app_that_is_removed_takes_its_record_with_it(rig):
    app = rig.app()
    app.upload(FCM)
    app.creds("options", "set", app.name, "--sound", "--wait")
    app.creds("debug", app.name, "--duration", "30m")

    app.typed("apps", "remove", app.name, "--yes")

    with rig.product.look() as scripts:
        left = list(scripts.redis.scan_iter(match=f"*{app.name}*"))
        assert [name for name in left if b":creds" in name or b":push_" in name] == []
