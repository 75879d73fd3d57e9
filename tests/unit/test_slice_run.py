"""A slice while its calls are made, and what is reported of it."""

import threading
import time
from types import SimpleNamespace

import pytest

from bulkhead.engine.cabinet import Item
from bulkhead.errors import Unreachable
from bulkhead.model.outcome import (
    Done,
    Refused,
    Retry,
    Skipped,
    Stopped,
    Throttled,
    Unknown,
    Upstream,
)
from bulkhead.model.retry_policy import RetryPolicy
from bulkhead.model.slice import Begun, Slice, Tries
from tasks import parcel, report
from tasks.clocks import Clocks, Window
from tasks.slice_run import SliceRun
from worker.hearing import Hearing
from worker.lanes import Lanes
from worker.stopping import Stopping

SAID = Upstream("useradd", 200, None, {"uid": 7})
WALL = time.time()


class Backend:
    """Answers each address as told; what was not told is done."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def take_traffic(self):
        return 300, 100

    def call(self, endpoint, token, call):
        del endpoint, token
        address = call.members["user"]["address"]
        self.asked.append(address)
        answer = self.answers.get(address, Done(SAID))
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        return answer


def make(items=3, answers=None, parallel=1, *, tries=None, opens=None, offsets=None):
    """A slice of users u0, u1, … whose window is open; its backend."""
    backend = Backend(answers or {})
    rows = [Item(index, index + 2, [f"u{index}"]) for index in range(items)]
    runtime = SimpleNamespace(
        backend=backend,
        lanes=Lanes(4),
        stopping=Stopping(),
        hearing=Hearing(),
        cabinet=SimpleNamespace(
            items=lambda part: rows,
            job=lambda job: SimpleNamespace(
                kind="users.import",
                mapping={"width": 1, "address": 0},
                params={},
                retry={},
            ),
            app=lambda app, version: SimpleNamespace(
                endpoint=None, token=None, retry=RetryPolicy()
            ),
        ),
    )
    now = time.monotonic() if opens is None else opens
    part = Slice(
        lease="1",
        app="acme/shop",
        job="job_1",
        kind="users.import",
        ranges=((0, items - 1),),
        parallel=parallel,
        offsets=tuple(offsets or [0] * items),
    )
    begun = Begun(2_000_000, 0, "4", tries or {})
    # A minute is given where the product gives 50 ms: this machine may be slow.
    window = Patient(opens=now, closes=now + 60)
    return SliceRun(part, begun, window, runtime, Clocks()), runtime


class Patient(Window):
    def missed(self, instant, now):
        return now > instant + 30


def ran(*args, **options):
    run, runtime = make(*args, **options)
    run.start(runtime.lanes)
    assert run.wait(120)
    told = report.of(run, Clocks(wall=lambda: WALL), leaving=False)
    return told, runtime, run


def test_every_item_is_called_once_and_reported_in_one_last_report():
    told, runtime, run = ran(items=5, parallel=3)

    assert sorted(runtime.backend.asked) == ["u0", "u1", "u2", "u3", "u4"]
    assert {state: sorted(items) for state, items in told.states.items()} == {2: [0, 1, 2, 3, 4]}
    assert told.last
    assert told.left == ""
    assert told.calls == 5
    assert told.latency >= 1
    assert run.settled


@pytest.mark.parametrize(
    ("outcome", "state", "code"),
    [
        (Done(SAID), 2, ""),
        (Skipped("already_done"), 3, ""),
        (Refused("BADUSER", "no", SAID), 4, "BADUSER"),
        (Unknown("no answer", SAID), 5, "NOT_CONFIRMED"),
    ],
)
def test_a_final_outcome_becomes_a_state_and_a_row(outcome, state, code):
    told, _, _ = ran(items=1, answers={"u0": outcome})

    assert told.states == {state: [0]}
    assert told.rows[0][:2] == [0, state]
    assert told.rows[0][3] == code
    assert told.codes == ({code: [2]} if code else {})


def test_a_retry_carries_the_count_and_the_first_time():
    first = round(WALL * 1000) - 5000
    told, _, _ = ran(
        items=1,
        answers={"u0": Retry("TIMEOUT", "no answer", SAID, after=20)},
        tries={0: Tries(2, first)},
    )

    assert told.retries == [(0, 20_000_000, 3, first, "")]
    assert told.states == {}


def test_a_retry_that_had_its_chances_is_failed():
    told, _, _ = ran(
        items=1,
        answers={"u0": Retry("TIMEOUT", "no answer", SAID)},
        tries={0: Tries(5, round(WALL * 1000))},
    )

    assert told.states == {4: [0]}
    assert told.rows[0][6] == 6


def test_a_throttled_call_halts_the_slice_and_gives_the_rest_back():
    told, runtime, _ = ran(answers={"u0": Throttled("THROTTLED", "slow down", SAID, after=3)})

    assert runtime.backend.asked == ["u0"]
    assert told.again == [0]
    assert sorted(told.back) == [1, 2]
    assert (told.throttled, told.after) == (1, 3_000_000)
    assert told.states == {}


def test_a_refused_token_halts_the_slice_and_names_the_version_that_carried_it():
    told, runtime, _ = ran(answers={"u1": Stopped("AUTHFAIL", "bad token", SAID)})

    assert runtime.backend.asked == ["u0", "u1"]
    assert told.stop == ("AUTHFAIL", "bad token")
    assert told.app_version == "4"
    assert (told.again, told.back) == ([1], [2])


def test_a_row_that_cannot_be_sent_is_failed_without_a_call():
    run, runtime = make(items=1)
    run._turns[0] = (Item(0, 2, [""]), run._turns[0][1])
    run.start(runtime.lanes)
    assert run.wait(120)

    told = report.of(run, Clocks(wall=lambda: WALL), leaving=False)

    assert runtime.backend.asked == []
    assert told.states == {4: [0]}
    assert told.calls == 0
    assert told.rows[0][6] == 0


def test_an_error_of_ours_in_a_call_loses_no_item_and_no_lane():
    told, _, _ = ran(answers={"u1": RuntimeError("ours")})

    assert told.states == {2: [0, 2]}
    assert [retry[0] for retry in told.retries] == [1]
    assert told.left == ""


def test_an_error_of_ours_before_a_call_loses_no_item_and_no_lane():
    run, runtime = make()
    run.facts.mapping["no_such_field"] = 1
    run.start(runtime.lanes)
    assert run.wait(120)

    told = report.of(run, Clocks(wall=lambda: WALL), leaving=False)

    assert sorted(retry[0] for retry in told.retries) == [0, 1, 2]
    assert told.left == ""


def test_a_permit_that_is_too_old_is_given_back_unsent():
    told, runtime, _ = ran(opens=time.monotonic() - 3600)

    assert runtime.backend.asked == []
    assert sorted(told.back) == [0, 1, 2]


def test_no_call_starts_once_stopping_is_asked_for():
    run, runtime = make(offsets=[0, 50_000_000, 50_000_000])
    run.start(runtime.lanes)

    runtime.stopping.ask()

    assert run.wait(120)
    told = report.of(run, Clocks(wall=lambda: WALL), leaving=False)
    assert {1, 2} <= set(told.back)


def test_a_report_in_the_middle_leaves_what_is_on_the_wire_open(eventually):
    gate = threading.Event()

    def hang():
        gate.wait(20)
        return Done(SAID)

    run, runtime = make(answers={"u1": hang}, parallel=2)
    run.start(runtime.lanes)
    eventually(lambda: len(run.finished) == 2)
    clocks = Clocks(wall=lambda: WALL)

    first = report.of(run, clocks, leaving=False)
    assert not run.has_news
    gate.set()
    assert run.wait(120)
    second = report.of(run, clocks, leaving=False)

    assert (first.seq, first.last, first.left) == (1, False, "1-1")
    assert (second.seq, second.last, second.left) == (2, True, "")
    assert second.states == {2: [1]}


def test_a_worker_that_leaves_reports_what_it_has_and_leaves_the_wire_to_the_lease(eventually):
    gate = threading.Event()
    run, runtime = make(items=1, answers={"u0": lambda: gate.wait(20) and Done(SAID)})
    run.start(runtime.lanes)
    eventually(lambda: runtime.backend.asked)

    told = report.of(run, Clocks(wall=lambda: WALL), leaving=True)

    assert not told.last
    assert told.left == "0-0"
    assert run.settled
    gate.set()
    assert run.wait(120)


def test_calls_are_counted_by_operation_and_outcome_with_bytes_and_users(eventually):
    run, runtime = make(3, {"u1": Refused("REFUSED", "no", SAID)})

    run.start(runtime.lanes)
    eventually(lambda: run.done)
    told = report.of(run, Clocks(), leaving=False).traffic

    assert told.calls == {"useradd|succeeded": 2, "useradd|refused": 1}
    assert told.users == {"u0", "u1", "u2"}
    assert (told.sent, told.received) == (900, 300)


def test_who_is_on_the_record_is_asked_even_if_the_store_was_away_at_first():
    run, runtime = make(items=2)
    away = [Unreachable("the store did not answer")] * 2
    facts = runtime.cabinet.job
    runtime.cabinet.job = lambda job: _raise(away.pop()) if away else facts(job)

    asked = parcel.look_up([run.part], runtime)

    assert [address for _, address, _ in asked["1"]] == ["u0", "u1"]


def _raise(error):
    raise error
