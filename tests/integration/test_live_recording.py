"""The recorder of the real service, tried on the sandbox: bounded, tidy and without secrets."""

import json
import stat

import pytest

from bulkhead.errors import InvalidInput
from tests.integration.sandbox_process import TOKEN
from tests.live.plan import ask
from tests.live.recorder import MOST_CALLS, Budget, BudgetSpent, Recorder


@pytest.fixture
def recorder(sandbox):
    return Recorder(f"http://127.0.0.1:{sandbox.port}/backend/", TOKEN, Budget(), "0123abcd")


def recorded(recorder, folder):
    recorder.write(folder / "record.json")
    return json.loads((folder / "record.json").read_text())


def test_the_whole_plan_fits_the_budget_and_leaves_no_user_behind(sandbox, recorder, tmp_path):
    ask(recorder, wrong_token=True)

    document = recorded(recorder, tmp_path)
    ours = sandbox.received(token=TOKEN, summary=1)["requests"]
    assert document["calls"] == len(document["steps"]) == MOST_CALLS
    assert ours == MOST_CALLS - 1
    assert document["steps"][-1]["step"] == "wrong token"
    assert all("http_status" in step for step in document["steps"])
    assert sandbox.call("usersget", user={"address": "*"})["users"] == []


def test_no_token_and_no_address_of_anybody_is_recorded(sandbox, recorder, tmp_path):
    word = f"{TOKEN.upper()} of carol@example.com at 203.0.113.7"
    sandbox.faults({"fault": "word", "error": word, "op": "userset"})

    ask(recorder)

    document = recorded(recorder, tmp_path)
    text = (tmp_path / "record.json").read_text()
    steps = {step["step"]: step for step in document["steps"]}
    assert steps["useradd with token"]["answer"]["user"]["token"] == "<64 characters of a-z 0-9>"
    assert steps["userset"]["answer"]["error"] == "<app token> of <address> at <ip>"
    assert steps["useradd"]["request"]["user"]["address"] == "bulkhead-live-RUN-a"
    assert TOKEN.lower() not in text.lower()
    assert stat.S_IMODE((tmp_path / "record.json").stat().st_mode) == 0o600


def test_the_thirty_first_call_is_refused_before_it_is_made(sandbox, recorder):
    for _ in range(MOST_CALLS):
        recorder.call("again", "usersget", count=1)

    with pytest.raises(BudgetSpent):
        recorder.call("one more", "usersget", count=1)

    assert sandbox.received(token=TOKEN, summary=1)["requests"] == MOST_CALLS


def test_what_was_made_is_deleted_also_when_the_service_fails_in_the_middle(sandbox, recorder):
    sandbox.faults({"fault": "html", "op": "groupadd"}, {"fault": "html", "op": "usersget"})

    ask(recorder)

    sandbox.faults()
    assert {step.get("not_tried") for step in recorder.steps} == {None, "groupadd gave no gid"}
    assert sandbox.call("usersget", user={"address": "*"})["users"] == []


def test_a_service_that_is_not_there_is_written_down_as_such():
    recorder = Recorder("http://127.0.0.1:9/backend/", TOKEN, Budget(), "0123abcd")

    ask(recorder)

    kinds = {step.get("no_answer") for step in recorder.steps if "request" in step}
    assert kinds == {"ConnectionError"}


def test_a_token_is_never_sent_in_the_open():
    with pytest.raises(InvalidInput):
        Recorder("http://api.example.com/backend/", TOKEN, Budget(), "0123abcd")
