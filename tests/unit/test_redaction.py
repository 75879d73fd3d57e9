"""Nothing that opens anything passes the redactor, whatever it is wrapped in."""

import base64
import json
import threading
from urllib.parse import quote

import pytest

from worker.redaction import Redactor

SECRET = 'canary "quoted" \\ ключ/42+='
PLAIN = "canary0123456789"


@pytest.fixture
def redactor():
    made = Redactor()
    made.register(SECRET)
    return made


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET),
        quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_registered_secret_is_hidden_in_every_spelling(redactor, spelling):
    text = redactor.text(f"before {spelling} after")

    assert "canary" not in text
    assert spelling.strip("\"'") not in text
    assert text.startswith("before ")
    assert text.endswith(" after")


def test_many_secrets_are_hidden_as_well_as_few(redactor):
    for number in range(500):
        redactor.register(f"secret-number-{number:04}")

    assert redactor.text("x secret-number-0007, secret-number-0499 y") == "x ***, *** y"
    assert redactor.text("nothing to hide here") == "nothing to hide here"


def test_a_word_too_short_to_be_a_secret_stays(redactor):
    redactor.register("shop")

    assert redactor.text("the shop") == "the shop"


def test_secrets_may_be_registered_while_lines_are_written(redactor):
    def register(first):
        for number in range(50):
            redactor.register(f"{first}-{number:012}")

    threads = [threading.Thread(target=register, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    hidden = [redactor.text(f"{name}-{number:012}") for name in "abcd" for number in range(50)]
    assert set(hidden) == {"***"}


@pytest.mark.parametrize(
    "text",
    [
        f'{{"token":"{PLAIN}"}}',
        f'{{"op": "useradd", "apptoken" : "{PLAIN}", "x": 1}}',
        json.dumps({"body": json.dumps({"token": PLAIN})}),
        json.dumps({"body": json.dumps({"inner": json.dumps({"token": PLAIN})})}),
        f"{{'password': '{PLAIN} {PLAIN}'}}",
        f'{{"secret": "a\\"{PLAIN}"}}',
        f'cut off: {{"token": "{PLAIN}',
        f"?op=useradd&token={PLAIN}&x=1",
        f"TOKEN={PLAIN}",
        f"Authorization: Bearer {PLAIN}",
        f"authorization=Basic {PLAIN}",
        f"sent with bearer {PLAIN}",
        f"client_secret = {PLAIN}",
        f"redis://ann:{PLAIN}@host:6379/0",
        f"redis://:{PLAIN}@x@host",
        f"see https://{PLAIN}@host/path",
        f"b'token={PLAIN}'",
        f"POST /v1/inbound/mesibo/{PLAIN} was cut off",
        f'"https://hooks.example.com/v1/inbound/mesibo/{PLAIN}/?e=16"',
    ],
)
def test_what_looks_like_a_secret_is_hidden_unregistered(text):
    redacted = Redactor().text(text)

    assert PLAIN not in redacted
    assert "***" in redacted


def test_a_line_of_json_is_still_json_after_redaction():
    text = json.dumps({"token": PLAIN, "body": json.dumps({"token": PLAIN, "uid": 7})})

    body = json.loads(Redactor().text(text))

    assert json.loads(body["body"]) == {"token": "***", "uid": 7}


@pytest.mark.parametrize(
    "text",
    [
        "12 tokens: none",
        "redis://host:6379/0",
        "mail ann@example.com at 10:30",
        "token_last4=ab12",
        "a Basic idea",
    ],
)
def test_what_opens_nothing_is_left_alone(text):
    assert Redactor().text(text) == text


def test_values_are_redacted_by_their_key_at_any_depth(redactor):
    value = {"a": [{"appToken": PLAIN, "x-api-key": PLAIN, "Authorization": [PLAIN], "n": 1}]}

    assert redactor.value(value) == {
        "a": [{"appToken": "***", "x-api-key": "***", "Authorization": "***", "n": 1}]
    }


def test_anything_else_is_redacted_as_its_text(redactor):
    circle = []
    circle.append(circle)

    redactor.value(circle)

    assert redactor.value(ValueError(f"token={PLAIN}")) == "ValueError('token=***')"
    assert redactor.value(f"token={PLAIN}".encode()) == "token=***"
    assert redactor.value({SECRET: 1}) == {"***": 1}
