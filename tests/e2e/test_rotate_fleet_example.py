"""The example for a fleet: what it shows is what the sandbox holds, and what to do on a halt."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bulkhead.client import Bulkhead
from bulkhead.errors import Conflict, InvalidInput
from tests.e2e.push_rig import FCM, FILES, OTHER_FCM, Rig

EXAMPLE = Path(__file__).parents[2] / "examples" / "rotate_fleet.py"
PROBE = "probe@example.com"
OLD = json.loads(FCM.read_bytes())["private_key_id"]
NEW = f"9{OLD}"


@pytest.fixture(scope="module")
def rig(module_product):
    return Rig(module_product)


@pytest.fixture
def fleet(rig, request):
    """Four apps with a label, each with its webhook and the old file, in a rotation's order."""
    name = request.node.name[-40:].strip("_")
    apps = [rig.app(words=("--label", f"fleet={name}")) for _ in range(4)]
    for app in apps:
        app.give_webhook()
        app.upload(FCM)
    return f"fleet={name}", sorted(apps, key=lambda app: app.name)


@pytest.fixture
def renewed(rig):
    """Another key of the same project."""
    return rig.place("renewed.json", FCM.read_bytes().replace(OLD.encode(), NEW.encode()))


@pytest.fixture
def bulkhead(rig):
    with Bulkhead.from_env(rig.product.environment) as made:
        yield made


def run(rig, *words):
    return subprocess.run(
        [sys.executable, str(EXAMPLE), *map(str, words)],
        env=rig.product.environment,
        cwd=rig.product.home,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_it_shows_the_plan_and_then_old_and_new_fingerprint_and_the_push_of_each_app(
    rig, fleet, renewed
):
    selector, apps = fleet

    done = run(rig, renewed, selector, PROBE)

    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    assert lines[:4] == [f"{app.name} has {OLD}: renewal" for app in apps]
    evidence = sorted(lines[4:])
    assert [line.partition(" fcm: ")[0] for line in evidence] == [
        f"{app.name} succeeded: {OLD} -> {NEW}" for app in apps
    ]
    assert all('"ok": true' in line for line in evidence)
    assert [app.held()["fcm"] for app in apps] == [renewed.read_bytes()] * 4
    again = run(rig, renewed, selector, PROBE)
    assert again.returncode == 0, again
    assert f"{apps[0].name} skipped: {NEW} -> {NEW} the same file is in fcm already" in again.stdout


def test_on_a_halt_it_says_which_app_why_and_what_to_do(rig, fleet, renewed):
    selector, apps = fleet
    apps[1].register(bad_push=[hashlib.sha256(renewed.read_bytes()).hexdigest()])
    apps[1].upload(FCM, "--force")

    done = run(rig, renewed, selector, PROBE)

    assert done.returncode == 1
    assert "halted: mend what is said above" in done.stderr
    assert f"{apps[0].name} succeeded: {OLD} -> {NEW}" in done.stdout
    assert f"{apps[1].name} failed: {OLD} -> {OLD}" in done.stdout
    assert apps[0].held()["fcm"] == renewed.read_bytes()
    assert [app.held()["fcm"] for app in apps[1:]] == [FCM.read_bytes()] * 3
    assert f"{apps[3].name} not_attempted: {OLD} -> {OLD}" in done.stdout


def test_a_file_that_cannot_be_uploaded_is_refused_before_anything_is_asked_of_the_store(rig):
    done = run(rig, FILES / "apn-password.p12", "fleet=none", PROBE)

    assert done.returncode == 1
    assert "password" in done.stderr
    assert done.stdout == ""


def test_the_same_order_under_its_key_is_the_same_job_also_when_it_has_ended(
    bulkhead, fleet, renewed
):
    selector, apps = fleet
    order = {"apps": selector, "fcm": renewed, "idempotency_key": f"autumn {selector}"}

    first = bulkhead.rotate_credentials(**order).wait(timeout=100)
    again = bulkhead.rotate_credentials(**order)

    assert (first.state, again.id) == ("completed", first.id)
    assert all(len(app.uploads()) == 2 for app in apps)
    with pytest.raises(Conflict, match="used for other content"):
        bulkhead.rotate_credentials(**order | {"fcm": FCM})


def test_a_credential_that_was_kept_is_rotated_by_its_id_or_its_content(bulkhead, fleet, renewed):
    _, apps = fleet
    kept = bulkhead.keep_credential(fcm=renewed)

    by_id = bulkhead.rotate_credentials(apps=[apps[2].name], credential=kept).wait(timeout=100)
    content = bulkhead.rotate_credentials(apps=[apps[3].name], fcm=renewed.read_bytes())

    assert by_id.counts.succeeded == content.wait(timeout=100).counts.succeeded == 1
    assert [app.held()["fcm"] for app in apps[2:]] == [renewed.read_bytes()] * 2
    assert [app.held()["fcm"] for app in apps[:2]] == [FCM.read_bytes()] * 2


def test_another_project_is_refused_as_by_the_command(bulkhead, fleet):
    selector, _ = fleet

    with pytest.raises(InvalidInput, match="credential of another project"):
        bulkhead.rotate_credentials(apps=selector, fcm=OTHER_FCM)

    assert {
        change["effect"] for change in bulkhead.plan_rotation(apps=selector, fcm=OTHER_FCM)
    } == {"other_project"}
