"""A slice while its calls are made, and what is reported of it."""

import json
import threading
import time
from types import SimpleNamespace

import pytest

from bulkhead.backend.caller import Caller
from bulkhead.backend.reply import Answer, Withheld
from bulkhead.engine.cabinet import Item
from bulkhead.engine.verbs import Settled
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
from bulkhead.model.slice import Begun, Report, Slice, Tries
from tasks import parcel, report
from tasks.clocks import Clocks, Window
from tasks.parcel import Countdown
from tasks.slice_run import SliceRun
from worker.hearing import Hearing
from worker.lanes import Lanes
from worker.stopping import Stopping

SAID = Upstream("useradd", 200, None, {"uid": 7})
WALL = time.time()


class Backend:
    """Judges as told by the courier; its body is the address of the call."""

    def body(self, endpoint, token, call):
        del endpoint, token
        return call.members["user"]["address"].encode()

    def judge(self, call, token, reply):
        del call, token
        said = json.loads(reply.body)
        answer = self.answers[said["address"]]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Courier:
    """Answers each address as told, on a thread of its own; what was not told is done."""

    def __init__(self, answers, backend):
        self.caller = Caller()
        self.answers = answers
        self.asked = []
        self._lanes = Lanes(4)
        backend.answers = {}
        self._said = backend.answers

    def send(self, endpoint, body, told, may_go):
        del endpoint
        assert may_go()
        self.asked.append(body.decode())
        self._lanes.run(lambda: self._answer(body.decode(), told))

    def _answer(self, address, told):
        answer = self.answers.get(address, Done(SAID))
        answer = answer() if callable(answer) else answer
        self._said[address] = answer
        reply = answer
        if not isinstance(answer, Withheld):
            body = json.dumps({"address": address}).encode()
            reply = Answer(200, body, sent=300, received=100)
        self.caller.soon(told, reply)


@pytest.fixture(autouse=True)
def end_callers():
    yield
    while CALLERS:
        CALLERS.pop().close()


CALLERS = []


def make(items=3, answers=None, parallel=1, *, tries=None, opens=None, offsets=None):
    """A slice of users u0, u1, … whose window is open; its backend."""
    backend = Backend()
    courier = Courier(answers or {}, backend)
    CALLERS.append(courier.caller)
    rows = [Item(index, index + 2, [f"u{index}"]) for index in range(items)]
    runtime = SimpleNamespace(
        backend=backend,
        courier=courier,
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


def through(run):
    """True as soon as every item was tried or given up."""
    over = Countdown(1)
    run.start(over.one_less)
    return over.wait(120)


def ran(*args, **options):
    run, runtime = make(*args, **options)
    assert through(run)
    told = report.of(run, Clocks(wall=lambda: WALL), leaving=False)
    return told, runtime, run


def test_every_item_is_called_once_and_reported_in_one_last_report():
    told, runtime, run = ran(items=5, parallel=3)

    assert sorted(runtime.courier.asked) == ["u0", "u1", "u2", "u3", "u4"]
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

    assert runtime.courier.asked == ["u0"]
    assert told.again == [0]
    assert sorted(told.back) == [1, 2]
    assert (told.throttled, told.after) == (1, 3_000_000)
    assert told.states == {}


def test_a_refused_token_halts_the_slice_and_names_the_version_that_carried_it():
    told, runtime, _ = ran(answers={"u1": Stopped("AUTHFAIL", "bad token", SAID)})

    assert runtime.courier.asked == ["u0", "u1"]
    assert told.stop == ("AUTHFAIL", "bad token")
    assert told.app_version == "4"
    assert (told.again, told.back) == ([1], [2])


def test_a_row_that_cannot_be_sent_is_failed_without_a_call():
    run, runtime = make(items=1)
    run._turns[0] = (Item(0, 2, [""]), run._turns[0][1])
    assert through(run)

    told = report.of(run, Clocks(wall=lambda: WALL), leaving=False)

    assert runtime.courier.asked == []
    assert told.states == {4: [0]}
    assert told.calls == 0
    assert told.rows[0][6] == 0


def test_an_error_of_ours_in_a_call_loses_no_item_and_no_lane():
    told, _, _ = ran(answers={"u1": RuntimeError("ours")})

    assert told.states == {2: [0, 2]}
    assert [retry[0] for retry in told.retries] == [1]
    assert told.left == ""


def test_an_error_of_ours_before_a_call_loses_no_item_and_no_lane():
    run, _runtime = make()
    run.facts.mapping["no_such_field"] = 1
    assert through(run)

    told = report.of(run, Clocks(wall=lambda: WALL), leaving=False)

    assert sorted(retry[0] for retry in told.retries) == [0, 1, 2]
    assert told.left == ""


def test_a_call_withheld_because_the_way_took_too_long_goes_back_unsent():
    told, _, _ = ran(items=2, answers={"u1": Withheld()})

    assert told.states == {2: [0]}
    assert told.back == [1]
    assert told.calls == 1


def test_an_outcome_that_cannot_be_folded_ends_its_own_item_and_no_other():
    told, _, run = ran(answers={"u1": Upstream("no outcome at all")})

    assert told.states == {2: [0, 2], 5: [1]}
    assert told.codes == {"NOT_CONFIRMED": [3]}
    assert (told.left, run.settled) == ("", True)


def test_a_permit_that_is_too_old_is_given_back_unsent():
    told, runtime, _ = ran(opens=time.monotonic() - 3600)

    assert runtime.courier.asked == []
    assert sorted(told.back) == [0, 1, 2]


def test_no_call_starts_once_stopping_is_asked_for():
    run, runtime = make(offsets=[0, 50_000_000, 50_000_000])
    over = Countdown(1)
    run.start(over.one_less)

    runtime.stopping.ask()
    run.nudge()

    assert over.wait(120)
    told = report.of(run, Clocks(wall=lambda: WALL), leaving=False)
    assert {1, 2} <= set(told.back)


def test_a_report_in_the_middle_leaves_what_is_on_the_wire_open(eventually):
    gate = threading.Event()

    def hang():
        gate.wait(20)
        return Done(SAID)

    run, _runtime = make(answers={"u1": hang}, parallel=2)
    over = Countdown(1)
    run.start(over.one_less)
    eventually(lambda: len(run.finished) == 2)
    clocks = Clocks(wall=lambda: WALL)

    first = report.of(run, clocks, leaving=False)
    assert not run.has_news
    gate.set()
    assert over.wait(120)
    second = report.of(run, clocks, leaving=False)

    assert (first.seq, first.last, first.left) == (1, False, "1-1")
    assert (second.seq, second.last, second.left) == (2, True, "")
    assert second.states == {2: [1]}


def test_a_worker_that_leaves_reports_what_it_has_and_leaves_the_wire_to_the_lease(eventually):
    gate = threading.Event()
    run, runtime = make(items=1, answers={"u0": lambda: gate.wait(20) and Done(SAID)})
    over = Countdown(1)
    run.start(over.one_less)
    eventually(lambda: runtime.courier.asked)

    told = report.of(run, Clocks(wall=lambda: WALL), leaving=True)

    assert not told.last
    assert told.left == "0-0"
    assert run.settled
    gate.set()
    assert over.wait(120)


def test_calls_are_counted_by_operation_and_outcome_with_bytes_and_users(eventually):
    run, _runtime = make(3, {"u1": Refused("REFUSED", "no", SAID)})

    run.start(Countdown(1).one_less)
    eventually(lambda: run.done)
    told = report.of(run, Clocks(), leaving=False).traffic

    assert told.calls == {"useradd|succeeded": 2, "useradd|refused": 1}
    assert told.users == {"u0", "u1", "u2"}
    assert (told.sent, told.received) == (900, 300)


def test_a_call_that_hangs_is_reported_again_each_time_it_hangs_four_times_as_long(eventually):
    gate, now = threading.Event(), [100.0]
    run, _runtime = make(3, {"u2": lambda: gate.wait(60) and Done(SAID)}, opens=100.0, parallel=3)
    run._clocks = Clocks(monotonic=lambda: now[0])
    over = Countdown(1)
    run.start(over.one_less)
    eventually(lambda: len(run.finished) == 2)
    tellings = []

    for seconds in (0.2, 0.3, 0.9, 1.1, 5, 6, 20, 30):
        now[0] = 100.0 + seconds
        if report.has_news(run):
            told = report.of(run, Clocks(), leaving=False)
            tellings.append((told.waiting, told.lanes))
    gate.set()
    assert over.wait(120)
    last = report.of(run, Clocks(), leaving=False)

    assert tellings == [(0, 1), (300_000, 1), (1_100_000, 1), (5_000_000, 1), (20_000_000, 1)]
    assert (last.waiting, last.last) == (0, True)


def test_a_report_that_the_store_does_not_take_costs_the_others_nothing():
    taken = []

    def settle(reports):
        if any(told.lease == "bad" for told in reports):
            raise ValueError("it cannot be written")
        taken.extend(told.lease for told in reports)
        return [Settled("ok", "running") for _ in reports]

    runtime = SimpleNamespace(stopping=Stopping(), verbs=SimpleNamespace(settle=settle))
    told = [Report(lease, "acme/shop", "job_1", 1) for lease in ("1", "bad", "2")]

    parcel.record(told, runtime)

    assert taken == ["1", "2"]


def test_who_is_on_the_record_is_asked_even_if_the_store_was_away_at_first():
    run, runtime = make(items=2)
    away = [Unreachable("the store did not answer")] * 2
    facts = runtime.cabinet.job
    runtime.cabinet.job = lambda job: _raise(away.pop()) if away else facts(job)

    asked = parcel.look_up([run.part], runtime)

    assert [address for _, address, _ in asked["1"]] == ["u0", "u1"]


def _raise(error):
    raise error
