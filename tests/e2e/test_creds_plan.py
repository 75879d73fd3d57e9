"""A plan gives several credentials to several apps in one job, or is refused before anything."""

import pytest

from tests.e2e.push_rig import FCM, FILES, OTHER_FCM, Rig
from tests.e2e.test_creds_rotate import PROBE, fleet, holds, renewed


@pytest.fixture(scope="module")
def rig(module_product):
    return Rig(module_product)


@pytest.fixture(scope="module")
def pair(rig):
    """Two apps that hold FCM and that nobody changes."""
    return fleet(rig, 2, "pair")


def plan(rig, text):
    return rig.place("plan.yaml", text.encode())


def rotate(app, file, *words, code=0):
    how = (file, "--yes", "--wait", "--timeout", "100s")
    return app.creds("rotate", *how, *words, code=code).json


def test_a_plan_gives_each_app_its_own_file_options_and_probe_in_the_plans_order(rig):
    apps = fleet(rig, 3, "several")
    renewed(rig, "several.json")
    certificate = rig.p12("several.p12")
    text = f"""
waves: 1,100%
soak: 1s
verify: test-push
test_user: {PROBE}
options: {{collapse: true}}
apps:
  - {{apps: {apps[2].name}, fcm: several.json}}
  - apps: "{apps[0].name},{apps[1].name}"
    apn: ./several.p12
    test_user: ann@example.com
    options: {{background: false}}
"""

    job = rotate(apps[0], plan(rig, text))

    assert (job["state"], job["apps"]) == ("completed", 3)
    assert holds(apps[2]) == (rig.product.home / "several.json").read_bytes()
    for app in apps[:2]:
        assert app.held()["apn:com.example.shop"] == certificate.read_bytes()
        assert holds(app) == FCM.read_bytes()
    told = [app.push() for app in apps]
    assert [one["options"] for one in told] == [
        *[{"collapse": True, "background": False}] * 2,
        {"collapse": True},
    ]
    probes = [{test["address"] for test in one["tests"]} for one in told]
    assert probes == [{"ann@example.com"}, {"ann@example.com"}, {PROBE}]
    times = [app.uploads()[-1]["t"] for app in apps]
    assert min(times) == times[2]
    assert {row["upstream"]["slot"] for row in apps[0].results(job["id"])} == {
        "fcm",
        "apn:com.example.shop",
    }


def test_an_app_of_a_plan_that_fails_goes_back_with_its_wave_each_to_its_own_file(rig):
    apps = fleet(rig, 2, "back")
    apps[1].upload(rig.p12("old.p12"))
    before = apps[1].held()
    renewed(rig, "back.json")
    rig.p12("new.p12")
    rig.faults({"fault": "word", "error": "ODDWORD", "op": "pushtest", "token": apps[0].token})
    text = f"""
verify: test-push
test_user: {PROBE}
auto_rollback: true
apps:
  - {{apps: {apps[0].name}, fcm: back.json}}
  - {{apps: {apps[1].name}, apn: new.p12}}
"""

    job = rotate(apps[0], plan(rig, text), code=3)

    rig.faults()
    codes = {row["app"]: row["code"] for row in apps[0].results(job["id"])}
    assert codes == {apps[0].name: "TEST_REFUSED", apps[1].name: "WAVE_FAILED"}
    assert holds(apps[0]) == FCM.read_bytes()
    assert apps[1].held() == before


def test_a_dry_run_shows_the_whole_plan_app_by_app_and_an_option_wins_over_it(rig, pair):
    renewed(rig, "dry.json")
    rig.p12("dry.p12")
    first, second = (app.name for app in pair)
    text = f"""
waves: 1,100%
options: {{sound: true}}
apps:
  - {{apps: {second}, fcm: dry.json}}
  - {{apps: {first}, apn: dry.p12}}
"""
    file = plan(rig, text)

    told = pair[0].creds("rotate", file, "--dry-run", "--waves", "100%", "--no-sound").json
    table = pair[0].typed("creds", "rotate", file, "--dry-run", "-o", "table")

    assert (told["apps"], told["waves"]) == (2, [2])
    assert [(one["app"], one["slot"], one["effect"], one["file"]) for one in told["changes"]] == [
        (second, "fcm", "renewal", "dry.json"),
        (first, "apn:com.example.shop", "first", "dry.p12"),
    ]
    assert [one["options"] for one in told["changes"]] == [{"sound": False}] * 2
    assert [line.split()[0] for line in table.out.splitlines()[1:]] == [second, first]
    assert [len(app.uploads()) for app in pair] == [1, 1]


MISTAKES = {
    "an unknown app": (
        "apps:\n  - {apps: acme/nobody, fcm: good.json}",
        ("plan.yaml, line 2: `acme/nobody` chooses no app", "no app has this name"),
    ),
    "labels that nobody has": (
        "apps:\n  - {apps: fleet=nobody, fcm: good.json}",
        ("line 2: `fleet=nobody` chooses no app",),
    ),
    "a file that is not there": (
        "apps:\n  - {apps: fleet=pair, fcm: nowhere.json}",
        ("nowhere.json: The file cannot be read.",),
    ),
    "a file of 10 MB": (
        "apps:\n  - {apps: fleet=pair, fcm: large.json}",
        ("large.json: The file is too large", "CREDENTIAL_TOO_LARGE"),
    ),
    "a certificate without its key": (
        "apps:\n  - {apps: fleet=pair, apn: nokey.p12}",
        ("CREDENTIAL_NO_KEY",),
    ),
    "a file of another service": (
        "apps:\n  - {apps: fleet=pair, apn: good.json}",
        ("plan.yaml, line 2:", "good.json is not for apn", "credential of fcm"),
    ),
    "a file of another project": (
        "apps:\n  - {apps: fleet=pair, fcm: other.json}",
        ("plan.yaml, line 2:", "another project", "--allow-project-change"),
    ),
    "an app that is chosen twice for one slot": (
        "apps:\n  - {apps: fleet=pair, fcm: good.json}\n  - {apps: acme/*, fcm: good.json}",
        ("plan.yaml, line 3:", "is chosen twice for fcm", "plan.yaml, line 2 gives it"),
    ),
    "an app that is chosen for two slots": (
        "apps:\n  - {apps: fleet=pair, fcm: good.json}\n  - {apps: fleet=pair, apn: good.p12}",
        ("line 3:", "is chosen for apn:com.example.shop too", "make two plans"),
    ),
    "no probe user": (
        "verify: test-push\napps:\n  - {apps: fleet=pair, fcm: good.json}",
        ("plan.yaml, line 3: --test-user is missing",),
    ),
    "no options to verify": (
        "verify: options\napps:\n  - {apps: fleet=pair, fcm: good.json}",
        ("plan.yaml, line 3: no push option is named",),
    ),
    "no YAML": ("apps: [a", ("plan.yaml, line 1: it is not YAML",)),
    "a credential in place of a plan": (
        FCM.read_text(encoding="utf-8"),
        ("plan.yaml, line 1: the file is no plan", "--fcm FILE"),
    ),
}


@pytest.fixture(scope="module")
def files(rig):
    renewed(rig, "good.json")
    rig.p12("good.p12")
    rig.place("other.json", OTHER_FCM.read_bytes())
    rig.place("nokey.p12", (FILES / "apn-no-key.p12").read_bytes())
    rig.place("large.json", b"{" + b" " * 10_000_000)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_plan_that_is_wrong_says_so_in_three_lines_and_sends_nothing(rig, pair, files, mistake):
    text, said = MISTAKES[mistake]
    jobs = rig.product.jobs()

    refused = pair[0].creds("rotate", plan(rig, text), "--yes", code=9)

    for words in said:
        assert words in refused.err
    last = [line.partition(":")[0] for line in refused.err.splitlines()[-3:]]
    assert last == ["error", "why", "to do"]
    assert "PRIVATE KEY" not in refused.err
    assert rig.product.jobs() == jobs
    assert [len(app.uploads()) for app in pair] == [1, 1]


ONE = ("--apps", "fleet=pair", "--fcm", FCM)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no credential is named"),
        (("--fcm", FCM), "no app is named"),
        (("plan.yaml", "--fcm", FCM), "a plan and a credential are named"),
        ((*ONE, "--verify", "test-push"), "--test-user is missing"),
        ((*ONE, "--verify", "options"), "no push option is named"),
        (("plan.yaml", "--apps", "acme/*"), "a plan and a credential are named"),
    ],
)
def test_words_that_do_not_fit_together_are_a_usage_problem(pair, words, said):
    refused = pair[0].creds("rotate", *words, "--yes", code=2)

    assert said in refused.err


def test_a_plan_that_is_not_there_and_one_from_stdin(rig, pair):
    missing = pair[0].creds("rotate", "nowhere.yaml", "--yes", code=9)
    dry = pair[0].creds(
        *("rotate", "-", "--dry-run"), stdin=f"apps: [{{apps: fleet=pair, fcm: '{FCM}'}}]"
    )

    assert "nowhere.yaml cannot be read" in missing.err
    assert {change["effect"] for change in dry.json["changes"]} == {"same"}
