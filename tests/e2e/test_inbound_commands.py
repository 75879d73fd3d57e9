"""`bulkhead webhooks inbound` as a person meets it, with what the API makes of it."""

import json

import pytest

from bulkhead import api_address
from bulkhead.engine.audit import Audit
from tests.e2e.inbound_stand import APP, BODY_SECRET, delivery, is_ok, post
from tests.e2e.product import until


def test_the_old_url_ends_with_a_rotation_which_is_on_the_audit(stand):
    old = stand.url()

    declined = stand.typed("rotate", APP)
    new = stand.url("rotate", APP, "--yes")

    assert declined.returncode == 6
    assert post(old, delivery(1)).status_code == 404
    assert is_ok(post(new, delivery(1)))
    assert stand.url() == new
    entries = [(entry.action, entry.about) for entry in Audit(stand.scripts).entries()]
    about = {"tenant": "acme", "app": APP}
    assert entries == [
        ("webhooks.inbound.show", about | {"made": "yes"}),
        ("webhooks.inbound.rotate", about),
    ]


def test_with_a_grace_both_urls_are_answered(stand):
    old = stand.url()

    new = stand.url("rotate", APP, "--grace", "10m", "--yes")

    assert is_ok(post(old, delivery(1)))
    assert is_ok(post(new, delivery(2)))


def test_what_is_shown_is_the_url_to_paste_and_how_to_test_it(stand):
    public = stand.typed("show", APP, "-o", "json", public_url="https://hooks.example.com/b/")
    local = stand.typed("show", APP, "-o", "json")
    plain = stand.typed("show", APP, "-o", "json", public_url="http://10.0.0.5")

    document = json.loads(public.stdout)
    assert document["app"] == APP
    assert document["url"].startswith("https://hooks.example.com/b/v1/inbound/mesibo/")
    assert len(document["url"].rpartition("/")[2]) >= 43
    assert "curl" in public.stderr
    assert "note" not in public.stderr
    assert "only HTTPS with a valid host name" in local.stderr
    assert "only HTTPS with a valid host name" in plain.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "acme/none"), 2),
        (("rotate", "acme/none", "--yes"), 2),
        (("secret", APP), 2),
        (("secret", APP, "--none", "--secret-env", "HOME"), 2),
        (("secret", APP, "--secret-env", "NOT_THERE"), 9),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_so_in_three_lines(stand, words, code):
    done = stand.typed(*words)

    assert done.returncode == code
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["error", "why", "to do"]


def test_a_body_without_the_wanted_secret_is_answered_and_not_believed(stand):
    url = stand.url()
    done = stand.typed("secret", APP, "--secret-file", "-", "-o", "json", stdin=BODY_SECRET)

    wrong = post(url, delivery(1, v=1, secret=BODY_SECRET[:-1]))
    none = post(url, delivery(2))
    right = post(url, delivery(3, v=1, secret=BODY_SECRET))
    stand.typed("secret", APP, "--none")
    freed = post(url, delivery(4))

    assert json.loads(done.stdout) == {"app": APP, "body_secret": True}
    assert all(is_ok(answer) for answer in (wrong, none, right, freed))
    assert [event.id for event in stand.events] == [3, 4]
    assert (stand.counts.refused["wrong_secret"], stand.counts.refused["no_secret"]) == (1, 1)
    assert until(lambda: stand.api.line("inbound_refused"))["app"] == APP


def test_the_address_on_this_machine_is_that_of_the_api_that_runs_or_else_the_usual_one(home):
    assert api_address.find(home) == "http://127.0.0.1:8700"

    api_address.tell(home, "0.0.0.0", 9000)
    everywhere = api_address.find(home)
    api_address.tell(home, "::1", 9001)
    api_address.forget(home, "0.0.0.0", 9000)

    assert everywhere == "http://127.0.0.1:9000"
    assert api_address.find(home) == "http://[::1]:9001"
    api_address.forget(home, "::1", 9001)
    api_address.tell(home / "nowhere", "127.0.0.1", 1)
    assert list(home.iterdir()) == []
