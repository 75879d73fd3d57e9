"""A plan is read strictly: what is wrong is told with its line, and no secret is repeated."""

from pathlib import Path

import pytest

from bulkhead.errors import InvalidInput
from bulkhead.rotation_file import LARGEST, Entry, Plan, read_plan

ROOT = Path(__file__).parents[2]
FOLDER = Path("/plans")
SECRET = "MIIEvQIBADANBgkq"


def read(text):
    content = text if isinstance(text, bytes) else text.encode()
    return read_plan(content, "PLAN.yaml", FOLDER)


def test_the_shortest_plan_names_apps_and_a_file():
    plan = read("apps:\n  - {apps: env=prod, fcm: a.json}\n")

    assert plan == Plan((Entry("env=prod", "fcm", "/plans/a.json", where="PLAN.yaml, line 2"),))


def test_everything_that_may_stand_in_a_plan_is_read():
    plan = read(
        """
version: 1
waves: [1, 10%, 100%]
soak: 10m
verify: test-push
verify-within: 30s
test_user: probe
auto_rollback: yes
allow_project_change: true
options: {background: false}
apps:
  - apps: [acme/*, cafe/shop]
    apn: /keys/a.p12
    test_user: ann
    options: {sound: true}
  - apps: {env: prod, team: a}
    fcm: ../b.json
"""
    )

    assert (plan.waves, plan.soak, plan.verify, plan.verify_within) == (
        *("1,10%,100%", 600.0, "test-push", 30.0),
    )
    assert (plan.test_user, plan.auto_rollback, plan.allow_project_change) == ("probe", True, True)
    assert plan.options == {"background": False}
    first, second = plan.entries
    assert (first.apps, first.kind, first.file) == ("acme/*,cafe/shop", "apn", "/keys/a.p12")
    assert (first.test_user, first.options) == ("ann", {"sound": True})
    assert (second.apps, second.file) == ("env=prod,team=a", "/plans/../b.json")


ONE = "apps:\n  - {apps: a/b, fcm: f}\n"


@pytest.mark.parametrize(
    ("text", "what", "to_do"),
    [
        ("", "line 1: the file is empty", "rotation-plan.md"),
        ("# nothing\n", "line 1: the file is empty", "apps:"),
        ("waves: 1\n", "line 1: the plan has no apps", "rotation-plan.md"),
        ("apps: []\n", "line 1: the plan has no apps", "apps:"),
        ("apps:\n", "line 1: the plan has no apps", "apps:"),
        ("just words\n", "line 1: the plan is not a mapping", "indent"),
        ("- apps\n", "line 1: the plan is not a mapping", "indent"),
        ("apps: {a: b\n", "line 2: it is not YAML", "correct the line"),
        ("[" * 5000, "it is not YAML", "correct the line"),
        ("\x00", "it is not YAML", "correct the line"),
        (b"\xff\xfe\x00", "line 1: the file is no plan", "--apn FILE"),
        (b"#" * (LARGEST + 1), "line 1: the file is too large", "label"),
        (f"wave: 1\n{ONE}", "line 1: the plan has no wave", "did you mean waves?"),
        (f"{ONE}force: true\n", "line 3: the plan has no force", "take force out"),
        (f"version: 2\n{ONE}", "line 1: the plan has another version", "version: 1"),
        (f"waves: some\n{ONE}", "line 1: `some` is not usable as waves", "1,10%,100%"),
        (f"soak: soon\n{ONE}", "line 1: 'soon' is not a duration", "10m"),
        (f"verify: test_push\n{ONE}", "line 1: verify names nothing", "test-push?"),
        (f"auto_rollback: perhaps\n{ONE}", "line 1: 'perhaps' does not fit", "correct"),
        (f"options: {{loud: true}}\n{ONE}", "line 1: options has no loud", "mean sound?"),
        (f"options:\n  sound: 2\n{ONE}", "line 2: '2' does not fit", "correct"),
        (f"test_user:\n{ONE}", "line 1: test_user is empty", "write it"),
        (f"{ONE}apps: []\n", "line 3: apps stands twice", "keep one"),
        ("apps: a/b\n", "line 1: apps is not a list", "[one, two]"),
        ("apps:\n  - a/b\n", "line 2: an entry of apps is not a mapping", "indent"),
        ("apps:\n  - fcm: f\n", "line 2: an entry has no apps", "env=prod"),
        ("apps:\n  - apps: a/b\n", "line 2: an entry names no credential", "fcm: FILE"),
        ("apps:\n  - {apps: a, fcm: f, apn: g}\n", "line 2: an entry names two", "either"),
        ("apps:\n  - apps:\n    fcm: f\n", "line 2: apps is empty", "write it"),
        ("apps:\n  - apps: a\n    fmc: f\n", "line 3: an entry of apps has no fmc", "mean fcm?"),
        ("apps:\n  - apps: a\n    fcm: [f]\n", "line 3: fcm is not a single value", "one value"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_do(text, what, to_do):
    with pytest.raises(InvalidInput) as told:
        read(text)

    assert told.value.what.startswith("PLAN.yaml, ")
    assert what in told.value.what
    assert told.value.why
    assert to_do in told.value.to_do


@pytest.mark.parametrize(
    "text",
    [
        f'{{"type": "service_account", "private_key": "{SECRET}", "client_email": "a"}}',
        f'apps:\n  - apps: a/b\n    fcm: |\n      {{"private_key":\n      "{SECRET}"}}\n',
        f'apps:\n  - apps: a/b\n    fcm: \'{{"private_key": "{SECRET}"}}\'\n',
        f"apps:\n  - apps: a/b\n    fcm: {{private_key: {SECRET}}}\n",
        f"apps:\n  - {{apps: a/b, apn: {f'{SECRET}/' * 95}}}\n",
        f"apps:\n  - {{apps: a/b, fcm: f, password: {SECRET}}}\n",
        f"token: {SECRET}\n{ONE}",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n",
        f"token: {SECRET}\n  what: is this\n",
    ],
)
def test_a_secret_that_stands_in_a_plan_is_refused_and_not_repeated(text):
    with pytest.raises(InvalidInput) as told:
        read(text)

    assert SECRET not in told.value.in_three_lines()
    assert SECRET not in repr(told.value.__cause__) + repr(told.value.__context__)


def test_the_plan_in_the_reference_can_be_read():
    page = (ROOT / "docs/reference/rotation-plan.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]

    plan = read(example)

    assert [entry.kind for entry in plan.entries] == ["fcm", "fcm", "apn"]
    assert plan.auto_rollback
