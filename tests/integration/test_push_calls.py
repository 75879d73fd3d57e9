"""Our push calls to a real sandbox process, by both transports."""

from __future__ import annotations

import base64

import pytest

from bulkhead.backend.client import Backend
from bulkhead.backend.push import pushdebug, pushset, pushtest, pushupload
from bulkhead.backend.push_options import PushOptions
from bulkhead.backend.words import Words
from bulkhead.model.outcome import Done, Refused
from bulkhead.secrets import Secret, SecretBytes
from tests.fakes.near import near
from tests.fakes.push_files import certificate, service_account
from tests.integration.sandbox_process import TOKEN


@pytest.fixture
def backend(transport, sandbox):
    """What became of a call to the sandbox, made as a worker makes it."""
    client, token = Backend(Words()), Secret(TOKEN)

    def call(call, **settings):
        endpoint = near(f"http://127.0.0.1:{sandbox.port}/backend/", **settings)
        body = client.body(endpoint, token, call)
        if isinstance(body, Refused):
            return body
        return client.judge(call, token, transport.post(endpoint, body))

    return call


def test_every_push_call_of_ours_is_accepted_and_a_file_arrives_byte_for_byte(backend, sandbox):
    p12, account = certificate(), service_account()
    calls = [
        pushupload(SecretBytes(p12), "/home/ann/push.p12"),
        pushupload(SecretBytes(account), "shop key", "fcm"),
        pushset(PushOptions(background=False, sound=True)),
        pushtest("ann"),
        pushdebug(1_800),
    ]

    outcomes = [backend(call) for call in calls]
    told = sandbox.push(bytes=1)

    assert [type(outcome) for outcome in outcomes] == [Done] * 5
    assert [base64.b64decode(upload["bytes"]) for upload in told["uploads"]] == [p12, account]
    assert [upload["file"] for upload in told["uploads"]] == ["push.p12", "shop key"]
    assert told["options"] == {"background": False, "sound": True}
    assert [test["address"] for test in told["tests"]] == ["ann"]
    assert [window["duration"] for window in told["debug"]] == [1_800]


def test_a_refused_file_is_refused_with_the_word_and_without_its_bytes(backend):
    outcome = backend(pushupload(SecretBytes(b"canary" * 20), "key.json"))

    assert outcome.upstream.error == "BADFILE"
    assert "canary" not in repr(outcome)


def test_what_fits_an_on_premise_backend_gets_there_and_what_does_not_is_said_before(
    backend, sandbox
):
    sandbox.register(edition="onprem")
    padded = service_account().ljust(8_192)

    small = backend(pushupload(SecretBytes(service_account()), "key.json"), edition="onprem")
    large = backend(pushupload(SecretBytes(padded), "key.json"), edition="onprem")
    forced = backend(pushupload(SecretBytes(padded), "key.json"))

    assert isinstance(small, Done)
    assert [large.code, forced.code] == ["BODY_TOO_LARGE"] * 2
    assert sandbox.outcomes() == ["ok", "TOOLARGE"]
