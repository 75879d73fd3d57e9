"""Whatever happens in whatever order: nothing is lost, nothing doubled, every count is true.

A small model in Python decides what must have become of every item; the real scripts run on a
real store, under a clock that the rules move.
"""

from collections import defaultdict

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bulkhead.engine.record import Record
from bulkhead.errors import Conflict, InvalidInput
from bulkhead.model.job import JobState
from bulkhead.model.ranges import indexes
from bulkhead.model.slice import LOOK, Begun, Known
from bulkhead.retrying import Choice, retry
from tests.fakes.engine import FAILED, PENDING, SKIPPED, SUCCEEDED, UNKNOWN, World, report

APPS = ("acme/shop", "acme/mail", "other/shop")
WORKERS = ("w1", "w2", "w3")
FINAL = (SUCCEEDED, SKIPPED, FAILED, UNKNOWN)
OUTCOMES = st.sampled_from([*FINAL, "retry", "back", "again", "open", "next", "next"])
KINDS = ("users.import", "users.import", "users.import", "users.delete")
GOES_ON = {("users.import", ""): "token", ("users.delete", ""): "read_back"}
ONCE = {"token"}
UNSURE = ("read_back", "repeated")
STEPS_BACK = {"read_back": ("", "read_back")}
SOON = (None, None, None, 0.5, 2.0)
INDEX = st.integers(0, 10_000)


class Lease:
    """What a worker believes of a slice it was granted."""

    def __init__(self, part, worker, repeat, content):
        self.part = part
        self.worker = worker
        first = "check" if part.kind == "users.delete" else repeat
        self.repeat = first if part.step == "" else "once" if part.step in ONCE else "safe"
        self.content = content
        self.known = {}
        self.begun = False
        self.seq = 0
        self.open = set(indexes(part.ranges))


class Engine(RuleBasedStateMachine):
    def __init__(self, redis):
        super().__init__()
        redis.flushall()
        self.world = World(redis)
        for number, app in enumerate(APPS):
            self.world.app(app, rate=(20, 1000, 3)[number], burst=5, max_in_flight=12)
        for name in WORKERS:
            self.world.worker(name)
        self.repeats = {}
        self.apps = {}
        self.contents = {}
        self.rows = {}
        self.record = {app: {} for app in APPS}
        self.called = set()
        self.final = {}
        self.terminal = {}
        self.unsure = defaultdict(set)
        """Of each job the items that were sent, not confirmed, and are in nobody's hand."""
        self.leases = []
        self.zombies = []

    # What producers and people do.

    @rule(
        app=st.sampled_from(APPS),
        items=st.integers(1, 40),
        refused=st.sets(st.integers(0, 39), max_size=6),
        repeat=st.sampled_from(["safe", "safe", "once"]),
        kind=st.sampled_from(KINDS),
        content=st.sampled_from(["aaaaaaaa00000000", "00000000bbbbbbbb"]),
        priority=st.sampled_from(["urgent", "normal", "bulk"]),
        later=st.fixed_dictionaries(
            {"at": st.sampled_from(SOON), "deadline": st.sampled_from(SOON)}
        ),
        max_failures=st.sampled_from(["", "", "3", "10%"]),
    )
    def submit(self, app, items, refused, later, content, **request):
        refused = {index for index in refused if index < items}
        if request["kind"] == "users.delete":
            request["repeat"] = ""
        request |= {name: self.world.wall() + sec for name, sec in later.items() if sec}
        job = self.world.submit(items, app, refused=refused, **request)
        self.repeats[job] = request["repeat"]
        self.apps[job] = app
        self.contents[job] = content
        self.rows[job] = list(range(items))
        self.final[job] = dict.fromkeys(refused, FAILED)

    @precondition(lambda self: self.repeats)
    @rule(pick=INDEX, only=st.sampled_from([None, "failed", "unknown", "not_attempted"]))
    def retry(self, pick, only):
        job = list(self.repeats)[pick % len(self.repeats)]
        (_, states), before = self.world.audit(job)[job], self.world.jobs.get(job)
        left = {PENDING} if before.state.terminal else set()
        wanted = {None: {FAILED} | left, "failed": {FAILED}, "unknown": {UNKNOWN}}.get(only, left)
        chosen = [index for index, state in enumerate(states) if state in wanted]
        try:
            again = retry(self.world.scripts, job, Choice(only)).id
        except InvalidInput:
            assert not chosen
        except Conflict:
            assert before.state.terminal
            assert before.counts.in_flight
        else:
            assert self.world.jobs.get(again).parent == job
            self.repeats[again] = self.repeats[job]
            self.apps[again] = self.apps[job]
            self.contents[again] = self.contents[job]
            self.rows[again] = [self.rows[job][index] for index in chosen]
            self.final[again] = {}

    @precondition(lambda self: self.repeats)
    @rule(pick=INDEX, verb=st.sampled_from(["pause", "resume", "resume", "cancel"]))
    def control_job(self, pick, verb):
        job = list(self.repeats)[pick % len(self.repeats)]
        before = self.world.jobs.get(job)
        try:
            after = self.world.jobs.control(job, verb, version=before.version)
        except Conflict:
            assert before.state.terminal or verb == "resume"
        else:
            expected = {"pause": {"paused"}, "resume": {"scheduled", "queued", "running"}}
            assert after.state.value in expected.get(verb, {"cancelled"})

    @rule(app=st.sampled_from(APPS), verb=st.sampled_from(["pause", "resume", "resume"]))
    def control_app(self, app, verb):
        try:
            self.world.fleet.control("app", app, verb)
        except Conflict:
            assert self.world.app_now(app)["state"] == "stopped"

    @rule(tenant=st.sampled_from(["acme", "other"]), verb=st.sampled_from(["pause", "resume"]))
    def control_tenant(self, tenant, verb):
        self.world.fleet.control("tenant", tenant, verb)

    # What workers do.

    @rule(worker=st.sampled_from(WORKERS), slots=st.integers(1, 16), items=st.integers(1, 50))
    def claim(self, worker, slots, items):
        before = self.world.audit(*self.repeats)
        for part in self.world.claim(worker, slots, items):
            granted = list(indexes(part.ranges))
            assert all(before[part.job][1][index] == PENDING for index in granted)
            assert len(part.offsets) == len(granted)
            content = self.contents[part.job]
            self.leases.append(Lease(part, worker, self.repeats[part.job], content))

    @precondition(lambda self: self.leases)
    @rule(pick=INDEX, twice=st.booleans())
    def begin(self, pick, twice):
        lease = self.leases[pick % len(self.leases)]
        again = lease.begun
        answer = self._begin(lease)
        if isinstance(answer, Begun):
            assert answer.left <= 2_000_000
            lease.begun = True
            if not again:
                lease.known = answer.known
                self.unsure[lease.part.job] -= lease.open
            if lease.repeat == "once" and not again:
                sent = {(lease.part.job, lease.part.step, index) for index in lease.open}
                assert not sent & self.called, "a call that may be made once is made again"
            if twice:
                assert isinstance(self._begin(lease), Begun)
        else:
            assert not lease.begun
            self.leases.remove(lease)

    @precondition(lambda self: any(lease.begun for lease in self.leases))
    @rule(data=st.data(), pick=INDEX, repeated=st.booleans(), stop=st.integers(0, 15))
    def settle(self, data, pick, repeated, stop):
        begun = [lease for lease in self.leases if lease.begun]
        lease = begun[pick % len(begun)]
        told = self._tell(lease, data, stop=("AUTHFAIL", "token") if stop == 0 else None)
        answer = self.world.settle(told, lease.worker)
        assert answer.verdict == "ok"
        self._note(lease, told)
        if repeated:
            assert self.world.settle(told, lease.worker).verdict == "repeated"
        if told.last:
            self.leases.remove(lease)

    @precondition(lambda self: self.zombies)
    @rule(data=st.data(), pick=INDEX)
    def settle_too_late(self, data, pick):
        lease = self.zombies.pop(pick % len(self.zombies))
        told = self._tell(lease, data, last=True)
        assert self.world.settle(told, lease.worker).verdict == "late"
        final, changed = self.final[lease.part.job], False
        for state, items in told.states.items():
            for index in items:
                if final.get(index) == UNKNOWN:
                    final[index] = state
                    changed = changed or state != UNKNOWN
        if changed:
            self._remember(lease.part, told)

    @precondition(lambda self: self.leases)
    @rule(pick=INDEX)
    def give_back(self, pick):
        lease = self.leases[pick % len(self.leases)]
        returned = self.world.worker(lease.worker).give_back([lease.part.lease])
        assert not (returned and lease.begun)
        if returned:
            self.leases.remove(lease)

    # What time does.

    @rule(seconds=st.sampled_from([0.02, 0.3, 1.0, 2.5]))
    def time_passes(self, seconds):
        self.world.advance(seconds)

    @rule()
    def tick(self):
        ticked = self.world.worker("w1").tick()
        assert all(
            self.world.state(job) in ("queued", "paused", "timed_out") for job in ticked.started
        )
        assert all(self.world.state(job) == "timed_out" for job, _ in ticked.timed_out)

    @rule(worker=st.sampled_from(WORKERS))
    def worker_dies(self, worker):
        for name in WORKERS:
            if name != worker:
                self.world.worker(name).beat({})
        self.world.advance(7.9)
        for name in WORKERS:
            if name != worker:
                self.world.worker(name).beat({})
        self.world.advance(0.2)
        self.reap()
        self.world.worker(worker).beat({})
        assert not [lease for lease in self.leases if lease.worker == worker]

    @rule()
    def every_call_hangs(self):
        self.world.advance(40 * 30 + 6)
        for name in WORKERS:
            self.world.worker(name).beat({})
        self.reap()
        assert not self.leases

    @rule()
    def reap(self):
        ended = {reaped.lease: reaped for reaped in self.world.worker("w1").reap()[1]}
        for lease in [lease for lease in self.leases if lease.part.lease in ended]:
            self.leases.remove(lease)
            told = ended[lease.part.lease]
            assert told.again + told.unknown + told.failed == len(lease.open)
            final = self.final[lease.part.job]
            if told.unknown:
                assert lease.begun
                assert lease.repeat == "once" or lease.part.job in self.terminal
                final.update(dict.fromkeys(lease.open, UNKNOWN))
                self._called(lease, lease.open)
            if told.failed:
                final.update(dict.fromkeys(lease.open, FAILED))
            if lease.begun:
                assert told.unknown or lease.repeat != "once"
                if told.again and (lease.repeat == "check" or lease.part.step in UNSURE):
                    self._hold_unsure(lease.part.job, lease.open)
                self.zombies.append(lease)

    # What must be true after every one of them.

    @invariant()
    def every_count_is_true_and_every_item_where_the_model_says(self):
        open_items = dict.fromkeys(APPS, 0)
        for job, (name, states) in self.world.audit(*self.repeats).items():
            state = JobState(name)
            if state.terminal and job not in self.terminal:
                self.final[job].update(dict.fromkeys(self.unsure.pop(job, ()), UNKNOWN))
            settled = {i: state for i, state in enumerate(states) if state in FINAL}
            assert settled == self.final[job]
            assert self.terminal.get(job, state) is state
            if state.terminal:
                self.terminal[job] = state
            if state in (JobState.COMPLETED, JobState.COMPLETED_WITH_ERRORS):
                assert len(settled) == len(states)
            open_items[self.apps[job]] += 0 if state.terminal else len(states)
        for tenant in ("acme", "other"):
            kept = self.world.redis.hget(self.world.key("tenant", tenant), "open_items")
            mine = [items for app, items in open_items.items() if app.startswith(f"{tenant}/")]
            assert int(kept or 0) == sum(mine)

    @invariant()
    def every_lease_is_one_that_a_worker_knows(self):
        kept = {lease["id"]: lease["state"] for lease in self.world.leases()}
        known = {lease.part.lease: "begun" if lease.begun else "granted" for lease in self.leases}
        assert kept == known

    def teardown(self):
        for app, expected in self.record.items():
            kept = {
                entry.address: (entry.job, entry.token)
                for entry in Record(self.world.scripts).entries(app)
            }
            assert kept == {address: (job, token) for address, (_, token, job) in expected.items()}
            assert Record(self.world.scripts).count(app) == len(expected)
        for job, final in self.final.items():
            results = list(self.world.jobs.results(job))
            lines = [self.rows[job][index] + 2 for index in final]
            left = ("cancelled", "not_attempted")
            settled = [row.line for row in results if row.outcome not in left]
            assert sorted(settled) == sorted(lines)
            counts = self.world.counts(job)
            parts = [getattr(counts, name) for name in counts.__dataclass_fields__]
            assert sum(parts) == 2 * counts.total
            assert min(parts) >= 0

    def _tell(self, lease, data, *, last=None, stop=None):
        lease.seq += 1
        told = report(lease.part, seq=lease.seq, last=False, stop=stop)
        choice = OUTCOMES if last is None else OUTCOMES.filter(lambda outcome: outcome != "open")
        left, part = set(), lease.part
        for index in sorted(lease.open):
            outcome = self._outcome(lease, index, data, choice)
            goes_on = GOES_ON.get((part.kind, part.step))
            if outcome == "open":
                left.add(index)
            elif outcome == "next" and goes_on:
                told.next.setdefault(goes_on, []).append(index)
            elif outcome in ("retry", "next"):
                delay = data.draw(st.integers(0, 3_000_000))
                step = data.draw(st.sampled_from(STEPS_BACK.get(part.step, (part.step,))))
                told.retries.append((index, delay, 1, self.world.now // 1000, step))
            elif outcome in ("back", "again"):
                getattr(told, outcome).append(index)
            else:
                told.states.setdefault(outcome, []).append(index)
                told.rows.append([index, outcome, "", "", "", {}, 1, 0, 0])
                told.free += outcome == SKIPPED and self._is_known(lease, index)
            if outcome == SUCCEEDED or (outcome == "next" and goes_on):
                self._note_done(told, lease, index, outcome)
        told.cool = 1_000_000 if told.again and not stop else None
        told.last = last or not left
        told.left = ",".join(f"{index}-{index}" for index in sorted(left))
        return told

    def _outcome(self, lease, index, data, choice):
        if self._is_known(lease, index):
            return SKIPPED
        return "back" if lease.part.step == LOOK else data.draw(choice)

    def _is_known(self, lease, index):
        return index in lease.known and lease.known[index].same

    def _note_done(self, told, lease, index, outcome):
        part, address = lease.part, self._address(lease.part.job, index)
        if part.kind == "users.delete":
            told.forget += [address] if outcome == SUCCEEDED else []
        elif part.step == "":
            told.done.append((address, lease.content, 0))
        elif outcome == SUCCEEDED:
            told.done.append((address, "", 1))

    def _remember(self, part, told):
        record = self.record[part.app]
        for address, content, flags in told.done:
            before, token, _ = record.get(address, ("0" * 16, False, ""))
            record[address] = (content or before, token or flags == 1, part.job)
        for address in told.forget:
            record.pop(address, None)

    def _called(self, lease, items):
        if lease.repeat == "once":
            self.called |= {(lease.part.job, lease.part.step, index) for index in items}

    def _begin(self, lease):
        """Ask as a worker does; what the record says is what the model knows."""
        part, asked = lease.part, []
        if part.kind == "users.import" and part.step in ("", LOOK):
            asked = [(i, self._address(part.job, i), lease.content) for i in sorted(lease.open)]
        (answer,) = self.world.worker(lease.worker).begin([part.lease], {part.lease: asked})
        if isinstance(answer, Begun):
            record = self.record[part.app]
            assert answer.known == {
                index: Known(record[address][0] == content, *record[address][1:])
                for index, address, content in asked
                if address in record
            }
        return answer

    def _address(self, job, index):
        return f"user{self.rows[job][index]}"

    def _note(self, lease, told):
        self._remember(lease.part, told)
        for state, items in told.states.items():
            self._called(lease, items if state != SKIPPED else ())
        lease.open = {int(pair.split("-")[0]) for pair in told.left.split(",") if pair}
        for state, items in told.states.items():
            self.final[lease.part.job].update(dict.fromkeys(items, state))
        for step, items in told.next.items():
            self._hold_unsure(lease.part.job, items if step in UNSURE else ())
        for index, *_, step in told.retries:
            self._hold_unsure(lease.part.job, (index,) if step in UNSURE else ())
        if lease.part.step in UNSURE:
            self._hold_unsure(lease.part.job, (*told.back, *told.again))

    def _hold_unsure(self, job, items):
        """Items that wait for a look: of a job that has ended nobody looks."""
        if job in self.terminal:
            self.final[job].update(dict.fromkeys(items, UNKNOWN))
        else:
            self.unsure[job] |= set(items)


def run(redis, **how):
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    chosen = settings(deadline=None, database=None, suppress_health_check=quiet, **how)
    run_state_machine_as_test(lambda: Engine(redis), settings=chosen)


def test_every_order_of_events_keeps_every_item_and_every_count(no_sync):
    run(no_sync, max_examples=50, stateful_step_count=40, derandomize=True)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_thousands_of_orders_of_events_keep_every_item_and_every_count(no_sync):
    run(no_sync, max_examples=1000, stateful_step_count=80, print_blob=True)
