"""Asks the real service what nobody outside it knows; runs only where somebody wants it."""

import secrets

from tests.live.plan import ask
from tests.live.recorder import Budget, Recorder


def test_the_answers_of_the_real_service_are_recorded(service):
    recorder = Recorder(service.url, service.token, Budget(), secrets.token_hex(4))

    try:
        ask(recorder, wrong_token=service.wrong_token)
    finally:
        recorder.write(service.record)

    assert [step for step in recorder.steps if "http_status" in step], "nothing was answered"
