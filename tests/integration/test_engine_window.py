"""Quiet hours: outside its window a job rests by itself, and goes on by itself."""

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from bulkhead.engine.explain import Explain
from bulkhead.errors import InvalidInput
from bulkhead.model.slice import Begun, Held
from bulkhead.model.when import parse_when
from bulkhead.model.window import parse_window
from bulkhead.retrying import prepare
from tests.fakes.engine import FAILED, SUCCEEDED, report

DAYTIME = "09:00-20:00[Europe/Berlin]"
SOON = 1e-3


def go_to(world, text):
    """Let it be that time, and all workers have missed nothing of it yet."""
    world.now = round(parse_when(text, world.wall()) * 1e6)
    world.advance(0)
    for name, worker in world.workers.items():
        world.workers[name] = worker
        worker.beat({})


def berlin(hour, day="2030-03-20"):
    return f"{day}T{hour}[Europe/Berlin]"


@pytest.fixture
def day(world):
    """Noon of a working day."""
    go_to(world, berlin("12:00"))
    world.app()
    return world


@pytest.fixture
def night(world):
    go_to(world, berlin("23:00"))
    world.app()
    return world


def paused_by(world, job):
    paused = world.jobs.get(job).paused
    return paused and paused["by"]


def test_inside_its_window_a_job_runs_at_once(day):
    job = day.submit(3, window=DAYTIME)

    assert len(day.run_all()) == 3
    assert day.state(job) == "completed"
    assert day.redis.zcard(day.key("wait")) == 0


def test_made_outside_its_window_it_is_paused_by_schedule_and_says_when_it_goes_on(night):
    job = night.submit(3, window=DAYTIME)

    document = night.jobs.get(job).to_dict()

    assert document["state"] == "paused"
    assert document["window"] == DAYTIME
    assert document["paused"] == {
        "by": "schedule",
        "why": "outside its window, 09:00-20:00 Europe/Berlin",
        "until": "2030-03-21T08:00:00.000Z",
    }
    assert night.claim() == []


def test_it_goes_on_by_itself_exactly_when_its_window_opens(night):
    job = night.submit(3, window=DAYTIME)

    night.advance(night.worker().claim(8, 50).next_due - SOON)
    assert night.claim() == []
    assert paused_by(night, job) == "schedule"
    night.advance(SOON)

    assert night.wall() == parse_when(berlin("09:00", "2030-03-21"), 0)
    assert len(night.run_all()) == 3
    night.audit(job)


def test_a_worker_that_sleeps_learns_of_a_window_that_opens_before_it_would_wake(world):
    go_to(world, berlin("08:59:59.7"))
    world.app()
    world.redis.delete(world.key("bell", "main"))

    world.submit(1, window=DAYTIME)

    assert world.redis.llen(world.key("bell", "main")) == 1


def test_a_tick_opens_and_closes_where_no_worker_has_a_free_slot(night):
    job = night.submit(3, window=DAYTIME)
    go_to(night, berlin("09:00", "2030-03-21"))

    assert night.worker().tick().started == (job,)
    assert night.state(job) == "queued"
    go_to(night, berlin("20:00", "2030-03-21"))
    assert night.worker().tick().started == ()

    assert paused_by(night, job) == "schedule"


def test_no_slice_begins_when_its_window_has_closed_whoever_ticks(day):
    job = day.submit(3, window=DAYTIME)
    go_to(day, berlin("19:59:59.5"))
    (part,) = day.claim()
    day.advance(0.5)

    assert isinstance(day.begin(part), Held)

    assert paused_by(day, job) == "schedule"
    assert day.claim() == []
    day.audit(job)


def test_a_slice_that_begins_before_the_end_of_its_window_starts_no_call_after_it(day):
    day.submit(3, window=DAYTIME)
    go_to(day, berlin("19:59:59.9"))
    (part,) = day.claim()

    assert day.begin(part).left == 100_000


def test_what_is_in_flight_at_the_end_of_its_window_is_recorded_and_the_rest_goes_on(day):
    job = day.submit(4, window=DAYTIME)
    go_to(day, berlin("19:59:59.9"))
    part = day.begun()
    day.advance(0.1)
    day.worker().tick()
    day.settle(report(part, {SUCCEEDED: [0, 1]}, back=[2, 3]))
    day.audit(job)
    assert (paused_by(day, job), day.counts(job).pending) == ("schedule", 2)

    go_to(day, berlin("09:00", "2030-03-21"))

    assert len(day.run_all()) == 2
    assert day.state(job) == "completed"


def test_a_job_whose_last_calls_end_well_after_its_window_is_completed(day):
    job = day.submit(2, window=DAYTIME)
    go_to(day, berlin("19:59:59.9"))
    part = day.begun()
    day.advance(1)
    day.worker().tick()

    day.finish(part)

    assert day.state(job) == "completed"
    assert day.redis.zcard(day.key("wait")) == 0


def test_a_person_s_pause_wins_over_the_schedule_and_stays(night):
    job = night.submit(3, window=DAYTIME)

    night.jobs.control(job, "pause", why="wait for the lawyer")
    go_to(night, berlin("09:00", "2030-03-21"))
    night.worker().tick()

    assert night.jobs.get(job).paused == {"by": "user", "why": "wait for the lawyer"}
    assert night.claim() == []
    assert night.jobs.control(job, "resume").state.value == "queued"
    assert len(night.run_all()) == 3


def test_a_person_s_pause_of_a_running_job_stays_at_the_next_opening(day):
    job = day.submit(3, window=DAYTIME)
    day.jobs.control(job, "pause")

    go_to(day, berlin("21:00"))
    day.worker().tick()
    go_to(day, berlin("09:00", "2030-03-21"))
    day.worker().tick()

    assert paused_by(day, job) == "user"


def test_to_resume_outside_the_window_lets_the_job_wait_for_it(night):
    job = night.submit(3, window=DAYTIME)
    night.jobs.control(job, "pause")

    resumed = night.jobs.control(job, "resume")
    again = night.jobs.control(job, "resume")

    assert (resumed.paused["by"], again.version) == ("schedule", resumed.version)
    assert night.claim() == []
    go_to(night, berlin("09:00", "2030-03-21"))
    assert len(night.run_all()) == 3


def test_a_job_that_is_cancelled_outside_its_window_never_runs(night):
    job = night.submit(3, window=DAYTIME)

    night.jobs.control(job, "cancel")
    go_to(night, berlin("09:00", "2030-03-21"))

    assert night.claim() == []
    assert night.counts(job).cancelled == 3
    assert night.redis.zcard(night.key("wait")) == 0


def test_a_deadline_outside_the_window_is_kept(night):
    job = night.submit(3, window=DAYTIME, deadline=night.wall() + 60)

    night.advance(60)
    night.worker().tick()

    assert (night.state(job), night.counts(job).not_attempted) == ("timed_out", 3)
    assert night.redis.zcard(night.key("wait")) == 0


def test_a_deadline_before_the_end_of_the_window_bounds_a_slice(day):
    day.submit(1, window=DAYTIME, deadline=parse_when(berlin("19:59:59.8"), 0))
    go_to(day, berlin("19:59:59.5"))
    (part,) = day.claim()

    assert day.begin(part).left == 300_000


def test_a_job_for_later_whose_time_comes_at_night_waits_for_the_morning(day):
    job = day.submit(3, window=DAYTIME, at=parse_when(berlin("22:00"), 0))
    assert day.state(job) == "scheduled"

    go_to(day, berlin("22:00"))
    assert day.worker().tick().started == ()
    assert paused_by(day, job) == "schedule"
    go_to(day, berlin("09:00", "2030-03-21"))

    assert len(day.run_all()) == 3


def test_a_job_for_later_that_is_resumed_at_night_before_its_time_is_scheduled(night):
    job = night.submit(3, window=DAYTIME, at=parse_when(berlin("10:00", "2030-03-21"), 0))
    night.jobs.control(job, "pause")

    assert night.jobs.control(job, "resume").state.value == "scheduled"


def test_a_window_that_opens_while_its_app_is_stopped_leaves_the_job_to_the_token(night):
    job = night.submit(1, window=DAYTIME)
    night.submit(1)
    night.settle(report(night.begun(), again=[0], stop=("AUTHFAIL", "not this token")))

    go_to(night, berlin("09:00", "2030-03-21"))
    night.worker().tick()
    assert paused_by(night, job) == "auth_failure"
    go_to(night, berlin("21:00", "2030-03-21"))
    night.fleet.control("app", "acme/shop", "resume")

    assert paused_by(night, job) == "schedule"


def test_a_budget_that_is_resumed_at_night_waits_for_the_morning(day):
    job = day.submit(3, window=DAYTIME, max_failures="0")
    day.finish(day.begun(items=1), FAILED)
    assert paused_by(day, job) == "error_budget"

    go_to(day, berlin("21:00"))
    assert day.jobs.control(job, "resume").paused["by"] == "schedule"
    go_to(day, berlin("09:00", "2030-03-21"))

    assert len(day.run_all()) == 2


def test_a_budget_that_is_used_up_after_the_end_of_the_window_is_kept_in_the_morning(day):
    go_to(day, berlin("19:59:59"))
    job = day.submit(100, window=DAYTIME, max_failures="2")
    part = day.begun()
    day.advance(1)
    assert day.worker("w2").claim(8, 50).slices == ()
    assert paused_by(day, job) == "schedule"

    day.finish(part, FAILED)
    go_to(day, berlin("09:00", "2030-03-21"))

    assert day.claim() == []
    assert paused_by(day, job) == "error_budget"
    day.jobs.control(job, "resume")
    assert day.claim() != []


def test_what_is_to_be_tried_again_at_night_is_tried_in_the_morning(day):
    job = day.submit(1, window=DAYTIME)
    go_to(day, berlin("19:59:59"))
    day.settle(report(day.begun(), retries=[(0, 30_000_000, 1, 1, "")]))
    go_to(day, berlin("20:00:30"))
    assert day.claim() == []

    go_to(day, berlin("09:00", "2030-03-21"))

    assert len(day.run_all()) == 1
    day.audit(job)


def test_a_window_is_explained_and_takes_no_person(night):
    job = night.submit(3, window=DAYTIME)
    night.worker()

    told = Explain(night.scripts, lambda: night.now).explain(job)

    assert not night.jobs.get(job).needs_a_person
    assert [reason["code"] for reason in told["reasons"]] == ["window"]
    assert "goes on by itself at 2030-03-21T08:00:00.000Z" in " ".join(told["says"])
    assert told["commands"] == [f"bulkhead jobs watch {job}", f"bulkhead jobs cancel {job}"]


def test_a_job_without_a_window_reads_none(day):
    job = day.submit(1)

    document = day.jobs.get(job).to_dict()

    assert "window" not in document
    assert day.redis.zcard(day.key("wait")) == 0


def test_a_retry_keeps_the_window(day):
    job = day.submit(1, window=DAYTIME)
    day.finish(day.begun(), FAILED)

    assert prepare(day.scripts, job).request.window == DAYTIME


def test_a_job_over_many_apps_takes_no_window(day):
    with pytest.raises(InvalidInput, match="takes no window"):
        day.submit_fleet(["acme/shop"], [1], window=DAYTIME)


CHANGES = [
    ("Europe/Berlin", "2030-03-31"),
    ("Europe/Berlin", "2030-10-27"),
    ("America/New_York", "2030-03-10"),
    ("America/New_York", "2030-11-03"),
    ("Australia/Lord_Howe", "2030-10-06"),
    ("Australia/Lord_Howe", "2030-04-07"),
]


@pytest.mark.parametrize(("zone", "date"), CHANGES)
@pytest.mark.parametrize("hours", ["09:00-20:00", "22:00-02:30", "02:15-05:00", "01:45-02:45"])
def test_on_the_days_on_which_clocks_change_it_is_open_when_the_model_says(
    world, hours, zone, date
):
    since = parse_when(f"{date}T00:00[{zone}]", 0) - 86400
    world.now = round(since * 1e6)
    world.advance(0)
    world.app()
    window = parse_window(f"{hours}[{zone}]")
    job = world.submit(50, window=window.written)
    stretches = []
    for stretch in window.stretches(since):
        stretches.append(stretch)
        if stretch[0] > since + 3 * 86400:
            break

    for (begin, end), (following, _) in pairwise(stretches):
        for at, runs in ((begin, True), (end - SOON, True), (end, False), (following - 1, False)):
            if at < since:
                continue
            world.now = round(at * 1e6)
            world.advance(0)
            world.worker().beat({})
            parts = world.claim(items=1)
            assert bool(parts) is runs, datetime.fromtimestamp(at, ZoneInfo(zone))
            assert (paused_by(world, job) == "schedule") is not runs
            for part in parts:
                assert isinstance(world.begin(part), Begun)
                world.finish(part)
    world.audit(job)


def test_years_later_the_last_days_go_on(world):
    go_to(world, berlin("12:00"))
    world.app()
    job = world.submit(2, window="09:00-20:00[UTC]")

    for time, runs in (("2041-06-01T08:59:59Z", 0), ("2041-06-01T09:00Z", 1)):
        go_to(world, time)
        assert len(world.claim(items=1)) == runs
    assert world.state(job) in ("queued", "running")


def test_a_clock_that_is_ahead_opens_no_window_early(day):
    job = day.submit(1, window=DAYTIME)
    day.jobs.control(job, "pause")
    go_to(day, berlin("21:00"))
    day.jobs.control(job, "resume")
    name = f"j:{job}"
    # As where NOW ran ahead of the clock and the entry fell due too soon.
    day.redis.zadd(day.key("wait"), {name: day.now})

    assert day.claim() == []

    assert paused_by(day, job) == "schedule"
    opens = parse_when(berlin("09:00", "2030-03-21"), 0) * 1e6
    assert day.redis.zscore(day.key("wait"), name) == opens
