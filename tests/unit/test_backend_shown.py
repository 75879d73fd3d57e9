"""What a person sees of the answer to a raw call."""

import json

import pytest

from bulkhead.backend.reply import Answer
from bulkhead.backend.shown import HIDDEN, LARGEST, with_answer
from bulkhead.model.outcome import Done, Upstream
from bulkhead.secrets import Secret

TOKEN = Secret("canary0app0token0of0the0shop0wxyz")


def shown(**content):
    body = json.dumps({"result": True, "op": "useradd", **content}).encode()
    done = Done(Upstream("useradd", 200, details={"uid": 7}))
    found = with_answer(done, Answer(200, body, None, True), TOKEN)
    assert found.upstream.details["uid"] == 7
    return found.upstream.details["answer"]


def test_an_answer_is_shown_without_its_envelope():
    assert shown(count=2, users=[{"address": "ann", "uid": 1}]) == {
        "count": 2,
        "users": [{"address": "ann", "uid": 1}],
    }


@pytest.mark.parametrize(
    "name", ["token", "accessToken", "Token2", "secret", "password", "otp", "pin", "apikey", "code"]
)
def test_whatever_is_named_like_a_secret_is_hidden_at_any_depth(name):
    answer = shown(user={"address": "ann", name: "hunter2"}, users=[{name: {"deep": "hunter2"}}])

    assert answer == {"user": {"address": "ann", name: HIDDEN}, "users": [{name: HIDDEN}]}


def test_the_app_token_is_taken_out_of_whatever_repeats_it():
    answer = shown(echo=f"called with {TOKEN.reveal()}", list=[TOKEN.reveal().upper()])

    assert TOKEN.reveal() not in json.dumps(answer).lower()


def test_an_answer_too_long_to_keep_is_left_out():
    assert set(shown(text="x" * LARGEST)) == {"omitted"}


def test_whatever_an_answer_holds_can_be_stored():
    deep = []
    for _ in range(200):
        deep = [deep]

    answer = shown(half="a\ud800", n=float("nan"), deep=deep, **{"\udc80": 1})

    assert json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()


def test_a_number_beyond_all_numbers_stays_the_text_it_was():
    answer = Answer(200, b'{"result": true, "far": 1e999, "near": 1.5}', None, True)

    found = with_answer(Done(Upstream("useradd", 200)), answer, TOKEN)

    assert found.upstream.details["answer"] == {"far": "1e999", "near": 1.5}


def test_the_app_token_is_taken_out_of_names_too():
    answer = shown(**{TOKEN.reveal(): 1, "deep": {TOKEN.reveal(): 2}})

    assert TOKEN.reveal() not in json.dumps(answer)
