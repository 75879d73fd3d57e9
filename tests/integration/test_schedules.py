"""A schedule fires when its page says so; each instant comes to one job, or to a reason."""

from datetime import UTC, datetime

import pytest

from bulkhead.engine.schedules import LEASE, Advance
from bulkhead.errors import Conflict, InvalidInput, NotFound, Unreachable
from bulkhead.firing import make_of_rows
from bulkhead.model.schedule import LATE_AFTER, Firing
from bulkhead.model.when import parse_when
from tests.fakes.dst import CHANGES, NAMES, bounds, comes_at
from tests.fakes.schedules import Calendar


@pytest.fixture
def calendar(no_sync):
    made = Calendar(no_sync)
    made.to("2026-11-22T12:00")
    return made


EVERY_HOUR = {minute: tuple((hour, minute) for hour in range(24)) for minute in (0, 30)}
ON_A_DAY = {
    "30 2 * * *": ((2, 30),),
    "45 1 * * *": ((1, 45),),
    "0 9 * * *": ((9, 0),),
    "0 * * * *": EVERY_HOUR[0],
    "30 * * * *": EVERY_HOUR[30],
}


@pytest.mark.parametrize(("zone", "day"), CHANGES, ids=NAMES)
def test_on_a_day_of_change_schedules_fire_when_documented(calendar, zone, day):
    first, end = bounds(zone, day)
    calendar.to(first - 60)
    for number, cron in enumerate(ON_A_DAY):
        calendar.schedule(f"s{number}", cron=cron, zone=zone, overlap="queue", items=1)

    fired = {number: set() for number in range(len(ON_A_DAY))}
    for instant in range(int(first), int(end), 15 * 60):
        calendar.to(instant)
        if calendar.look() > 1:
            for number, seen in fired.items():
                seen |= {one.fired_at for one in calendar.show(f"s{number}").firings[:1]}

    jobs = calendar.made()
    for number, times in enumerate(ON_A_DAY.values()):
        expected = comes_at(zone, day, times)
        assert sorted(fired[number]) == expected
        made = [job for job in jobs if job.labels["schedule"] == f"s{number}"]
        assert len(made) == len({job.idempotency_key for job in made}) == len(expected)


@pytest.mark.parametrize(("hour", "minute"), [(1, 45), (2, 30), (9, 0)])
@pytest.mark.parametrize(("zone", "day"), CHANGES, ids=NAMES)
def test_on_a_day_of_change_a_job_for_one_time_starts_when_documented(
    calendar, zone, day, hour, minute
):
    (expected,) = comes_at(zone, day, ((hour, minute),))
    calendar.to(bounds(zone, day)[0])
    at = parse_when(f"{day:%Y-%m-%d}T{hour:02d}:{minute:02d}[{zone}]", calendar.wall())
    calendar.submit(1, at=at)

    calendar.to(expected - 1)
    before = calendar.claim()
    calendar.to(expected)
    after = calendar.claim()

    assert (len(before), len(after)) == (0, 1)


def test_a_firing_makes_a_job_of_the_rows_that_were_kept(calendar):
    calendar.schedule(items=2345)
    calendar.to("2026-11-23T09:00")

    calendar.look()

    (job,) = calendar.made()
    assert job.idempotency_key == "schedule weekly 2026-11-23T09:00:00.000Z"
    assert job.labels == {"source": "hr", "schedule": "weekly"}
    assert (job.counts.total, job.counts.pending) == (2345, 2345)
    assert [row[1] for row in calendar.jobs.segment(job.id, 2)] == [
        f"user{index}" for index in range(2000, 2345)
    ]
    assert calendar.show().last_job == job.id
    assert calendar.claim()[0].job == job.id


def test_each_firing_has_rows_of_its_own(calendar):
    calendar.schedule(overlap="queue")
    for day in (23, 24):
        calendar.to(f"2026-11-{day}T09:00")
        calendar.look()

    assert [job.counts.total for job in calendar.made()] == [2, 2]
    assert calendar.told() == [("2026-11-23T09:00", "made"), ("2026-11-24T09:00", "made")]


def test_nothing_is_fired_before_its_time_or_twice(calendar):
    calendar.schedule()
    calendar.to("2026-11-23T08:59:59.999")
    calendar.look()
    early = calendar.made()
    calendar.to("2026-11-23T09:00")
    calendar.look()
    calendar.look()

    assert early == []
    assert len(calendar.made()) == 1


def test_the_offset_of_a_schedule_delays_each_firing_and_not_its_name(calendar):
    calendar.schedule(exact=False, jitter=12.5)
    calendar.to("2026-11-23T09:00:12.499")
    calendar.look()
    early = calendar.made()
    calendar.to("2026-11-23T09:00:12.500")
    calendar.look()

    assert early == []
    assert calendar.keys() == ["schedule weekly 2026-11-23T09:00:00.000Z"]


def test_while_the_job_before_goes_on_no_job_is_made(calendar):
    calendar.schedule()
    for day in (23, 24):
        calendar.to(f"2026-11-{day}T09:00")
        calendar.look()

    assert calendar.told() == [("2026-11-23T09:00", "made"), ("2026-11-24T09:00", "skipped")]
    (job,) = calendar.made()
    assert calendar.show().firings[0].why == f"{job.id} has not ended"

    calendar.jobs.control(job.id, "cancel")
    calendar.to("2026-11-25T09:00")
    calendar.look()
    assert calendar.told()[-1] == ("2026-11-25T09:00", "made")


def test_a_job_that_is_forgotten_holds_nothing_up(calendar):
    calendar.schedule()
    calendar.to("2026-11-23T09:00")
    calendar.look()
    calendar.redis.delete(calendar.key("job", calendar.show().last_job))
    calendar.to("2026-11-24T09:00")

    calendar.look()

    assert [outcome for _, outcome in calendar.told()] == ["made", "made"]


@pytest.mark.parametrize("misfire", ["skip", "once"])
def test_a_firing_that_is_a_little_late_is_made(calendar, misfire):
    calendar.schedule(misfire=misfire)
    calendar.to("2026-11-23T09:00")
    calendar.advance(LATE_AFTER)

    calendar.look()

    assert calendar.keys() == ["schedule weekly 2026-11-23T09:00:00.000Z"]
    assert calendar.show().firings[0].missed == 0


def test_what_was_missed_is_skipped_and_told(calendar):
    calendar.schedule(misfire="skip")
    calendar.to("2026-11-25T12:00")

    calendar.look()

    assert calendar.made() == []
    (firing,) = calendar.show().firings
    assert (firing.outcome, firing.missed) == ("missed", 2)
    assert calendar.show().planned == utc_seconds("2026-11-26T09:00")


def test_what_was_missed_is_made_up_for_once(calendar):
    calendar.schedule(misfire="once")
    calendar.to("2026-11-25T12:00")

    calendar.look()

    assert calendar.keys() == ["schedule weekly 2026-11-23T09:00:00.000Z"]
    assert calendar.show().firings[0].missed == 2
    assert calendar.show().planned == utc_seconds("2026-11-26T09:00")


def test_of_many_missed_the_newest_is_fired_if_it_is_in_time(calendar):
    calendar.schedule(cron="* * * * *", misfire="skip")
    calendar.to("2026-11-22T12:10:30")

    calendar.look()

    assert calendar.keys() == ["schedule weekly 2026-11-22T12:10:00.000Z"]
    assert calendar.show().firings[0].missed == 9


def test_a_schedule_that_slept_for_years_goes_on(calendar):
    calendar.schedule(cron="* * * * *", misfire="skip")
    calendar.to("2031-01-01T00:00:30")

    calendar.look()

    assert calendar.made() == []
    assert calendar.show().planned == utc_seconds("2031-01-01T00:01")


def test_of_two_schedulers_one_fires_and_another_goes_on_where_it_ends(calendar):
    other = calendar.another("w2")
    for number in range(3):
        calendar.schedule(f"s{number}")
    calendar.to("2026-11-23T09:00")
    calendar.scheduler._schedules.keep("w1")

    held = other.look()
    waiting = calendar.made()
    calendar.advance(LEASE)
    other.look()

    assert held > 0
    assert waiting == []
    assert len(calendar.made()) == 3


def test_two_at_once_with_no_lease_between_them_make_one_job(calendar):
    calendar.schedule()
    calendar.to("2026-11-23T09:00")
    first, second = calendar.firings(), calendar.firings()
    key = calendar.show().key_of(calendar.show().planned)
    schedule = calendar.show()

    # The second has looked before the first was done, and comes to the same job.
    job, again = (make_of_rows(calendar.scripts, schedule, key) for _ in range(2))
    fired = first.fire("acme/weekly", calendar.wall())
    late = second.fire("acme/weekly", calendar.wall())

    assert job == again == fired.firing.job
    assert late is None
    assert len(calendar.made()) == 1


def test_a_schedule_made_anew_is_not_advanced_by_a_firing_of_the_one_before(calendar):
    before = calendar.schedule()
    calendar.schedules.delete("acme/weekly")
    after = calendar.schedule()

    moved = calendar.schedules.advance(before, Advance(None, Firing(before.planned, "made")))

    assert moved is False
    assert calendar.show().planned == after.planned
    assert calendar.show().firings == ()


def test_an_app_that_is_gone_is_told_and_the_next_firing_goes_on(calendar):
    calendar.schedule()
    calendar.fleet.remove_app("acme/shop")
    calendar.to("2026-11-23T09:00")

    calendar.look()

    assert calendar.told() == [("2026-11-23T09:00", "refused")]
    assert "there is no app acme/shop" in calendar.show().last_error
    assert calendar.show().planned == utc_seconds("2026-11-24T09:00")

    calendar.app()
    calendar.to("2026-11-24T09:00")
    calendar.look()
    assert calendar.show().last_error == ""
    assert len(calendar.made()) == 1


def test_a_tenant_that_is_removed_takes_its_schedules_with_it(calendar):
    calendar.schedule(items=3)
    calendar.schedule("daily", audience="people.csv")
    calendar.fleet.remove_app("acme/shop")

    calendar.fleet.remove_tenant("acme")

    assert calendar.schedules.names() == []
    assert list(calendar.redis.scan_iter(calendar.key("schedule") + "*")) == []
    calendar.app()
    calendar.to("2026-11-23T09:00")
    calendar.look()
    assert calendar.made() == []


def test_a_quota_that_is_used_up_is_told(calendar):
    calendar.schedule(items=7)
    calendar.fleet.set_tenant("acme", None, {"max_items_per_job": 6})
    calendar.to("2026-11-23T09:00")

    calendar.look()

    assert calendar.made() == []
    assert "quota" in calendar.show().last_error


@pytest.mark.parametrize("kind", ["tenant", "app"])
def test_for_whoever_is_paused_the_job_is_made_and_waits(calendar, kind):
    calendar.schedule()
    calendar.fleet.control(kind, "acme" if kind == "tenant" else "acme/shop", "pause", "")
    calendar.to("2026-11-23T09:00")

    calendar.look()

    assert calendar.told() == [("2026-11-23T09:00", "made")]
    assert calendar.claim() == []


def test_a_paused_schedule_does_not_fire_and_makes_up_for_nothing(calendar):
    calendar.schedule(misfire="once")
    calendar.schedules.pause("acme/weekly")
    calendar.to("2026-11-24T12:00")
    calendar.look()
    paused = calendar.made()
    calendar.schedules.resume("acme/weekly", calendar.wall())
    calendar.look()
    calendar.to("2026-11-25T09:00")
    calendar.look()

    assert paused == []
    assert calendar.keys() == ["schedule weekly 2026-11-25T09:00:00.000Z"]


def test_one_that_is_paused_while_it_fires_stays_paused(calendar):
    calendar.schedule()
    calendar.to("2026-11-23T09:00")
    calendar.schedules.pause("acme/weekly")

    fired = calendar.firings().fire("acme/weekly", calendar.wall())
    calendar.to("2026-11-24T09:00")
    calendar.look()

    assert fired is None
    assert calendar.made() == []


def test_a_deleted_schedule_leaves_nothing_but_its_jobs(calendar):
    before = set(calendar.redis.keys("*"))
    calendar.schedule(items=2100)
    calendar.to("2026-11-23T09:00")
    calendar.look()
    (job,) = calendar.made()

    calendar.schedules.delete("acme/weekly")

    left = {name.decode() for name in set(calendar.redis.keys("*")) - before}
    of_schedules = calendar.key("schedule")
    assert {name for name in left if name.startswith(of_schedules)} == {f"{of_schedules}:lease"}
    assert calendar.jobs.get(job.id).counts.total == 2100
    with pytest.raises(NotFound, match="no schedule acme/weekly"):
        calendar.show()


def test_a_draft_that_became_a_schedule_is_no_job_any_more(calendar):
    calendar.schedule(items=10)

    assert calendar.made() == []
    assert calendar.redis.zcard(calendar.key("expiry")) == 0
    assert [key for key in calendar.redis.keys("*") if b":job:" in key] == []
    kept = calendar.redis.keys(calendar.key("schedule", "acme/weekly", "*"))
    assert {calendar.redis.ttl(key) for key in kept} == {-1}


def test_a_name_is_taken_once_in_each_tenant(calendar):
    calendar.schedule()
    with pytest.raises(Conflict, match="already"):
        calendar.schedule()

    assert calendar.schedules.names("acme") == ["acme/weekly"]
    assert calendar.schedules.names("other") == []
    assert calendar.schedules.find("weekly") == "acme/weekly"
    with pytest.raises(NotFound) as unknown:
        calendar.schedules.find("weakly")
    assert "did you mean acme/weekly" in unknown.value.to_do


class Reader:
    """Stands for the process that reads an audience."""

    def __init__(self, error=None):
        self.error, self.asked = error, []

    def __call__(self, schedule, instant):
        self.asked.append((schedule.full_name, instant))
        if self.error:
            raise self.error
        return "job_of_the_reader"


def test_an_audience_is_read_with_each_firing(calendar):
    calendar.schedule(audience="/data/people.csv", overlap="queue")
    reader = Reader()
    calendar.to("2026-11-23T09:00")
    calendar.firings(reader).fire("acme/weekly", calendar.wall())

    assert reader.asked == [("acme/weekly", utc_seconds("2026-11-23T09:00"))]
    assert calendar.show().last_job == "job_of_the_reader"


def test_an_audience_that_is_not_there_is_told_and_the_next_firing_goes_on(calendar):
    calendar.schedule(audience="/data/people.csv")
    missing = InvalidInput("There is no file `people.csv`.", why="No such file.", to_do="Look.")
    calendar.to("2026-11-23T09:00")
    calendar.firings(Reader(missing)).fire("acme/weekly", calendar.wall())
    refused = calendar.show()
    calendar.to("2026-11-24T09:00")
    calendar.firings(Reader()).fire("acme/weekly", calendar.wall())

    assert "There is no file `people.csv`" in refused.last_error
    assert [outcome for _, outcome in calendar.told()] == ["refused", "made"]
    assert calendar.show().last_error == ""


def test_a_store_that_goes_away_while_it_fires_leaves_the_instant_where_it_is(calendar):
    calendar.schedule(audience="/data/people.csv")
    calendar.to("2026-11-23T09:00")
    away = Unreachable("the store did not answer", why="gone", to_do="wait")

    with pytest.raises(Unreachable):
        calendar.firings(Reader(away)).fire("acme/weekly", calendar.wall())

    assert calendar.show().planned == utc_seconds("2026-11-23T09:00")
    assert calendar.show().firings == ()


def test_a_schedule_that_cannot_be_read_holds_up_no_other(calendar):
    calendar.schedule("broken")
    calendar.schedule("sound")
    calendar.redis.hset(calendar.key("schedule", "acme/broken"), "zone", "Nowhere/At_All")
    calendar.to("2026-11-23T09:00")

    calendar.look()

    assert calendar.keys() == ["schedule sound 2026-11-23T09:00:00.000Z"]


def utc_seconds(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_a_firing_outside_the_window_of_its_order_makes_a_job_that_rests(calendar):
    calendar.schedule(cron="0 9 * * *", window="10:00-12:00[UTC]")

    calendar.to("2026-11-23T09:00")
    calendar.look()

    (job,) = calendar.made()
    assert (job.window, job.paused["by"]) == ("10:00-12:00[UTC]", "schedule")
    assert job.paused["until"] == "2026-11-23T10:00:00.000Z"
    calendar.to("2026-11-23T10:00")
    assert len(calendar.run_all()) == 2
