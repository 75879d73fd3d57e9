"""A slice of users whose backend answers as told, with a real caller and no network."""

import json
import time
from types import SimpleNamespace

from bulkhead.backend.caller import Caller
from bulkhead.backend.reply import Answer, Withheld
from bulkhead.engine.cabinet import Item
from bulkhead.model.outcome import Done, Upstream
from bulkhead.model.retry_policy import RetryPolicy
from bulkhead.model.slice import Begun, Slice
from tasks import report
from tasks.clocks import Clocks, Window
from tasks.news import News
from tasks.slice_run import SliceRun
from worker.hearing import Hearing
from worker.lanes import Lanes
from worker.stopping import Stopping

SAID = Upstream("useradd", 200, None, {"uid": 7})
WALL = time.time()


class Backend:
    """Judges as told by the courier; its body is the address of the call, or the comma list."""

    def body(self, endpoint, token, call):
        del endpoint, token
        members = call.members
        return (members["user"]["address"] if "user" in members else _list_of(members)).encode()

    def judge(self, call, token, reply):
        del call, token
        said = json.loads(reply.body)
        answer = self.answers[said["address"]]
        if isinstance(answer, Exception):
            raise answer
        return answer


def _list_of(members):
    return members["group"]["members"]["m"]


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


CALLERS = []


def end_callers():
    """End the threads of all slices that were made."""
    while CALLERS:
        CALLERS.pop().close()


JOINED = {"kind": "groups.members", "params": {"verb": "add", "gid": 12}, "join": 100}
"""Facts of a slice of members, as `make` takes them."""


def make(
    items=3,
    answers=None,
    parallel=1,
    *,
    tries=None,
    opens=None,
    offsets=None,
    on_unknown="hold",
    kind="users.import",
    params=None,
    join=1,
):
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
                kind=kind,
                mapping={"width": 1, "address": 0} if join == 1 else {"address": 0},
                params=params or {},
                retry={},
                on_unknown=on_unknown,
                sender="",
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
        kind=kind,
        ranges=((0, items - 1),),
        parallel=parallel,
        offsets=tuple(offsets or [0] * items),
        join=join,
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
    over = News()
    over.expect(1)
    run.start(over.one_over)
    return over.wait(120)


def ran(*args, **options):
    run, runtime = make(*args, **options)
    assert through(run)
    told = report.of(run, Clocks(wall=lambda: WALL), leaving=False)
    return told, runtime, run
