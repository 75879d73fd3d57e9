"""A scheduler that is killed at the instant of a firing, wherever it is: one job all the same."""

import signal
import subprocess
import sys
from itertools import cycle, islice

import pytest

from bulkhead.engine.schedules import LEASE
from tests.command import ROOT, environment
from tests.fakes.schedules import Calendar

NEVER = 1000
"""More commands than a firing takes."""


@pytest.fixture
def calendar(no_sync):
    made = Calendar(no_sync)
    made.to("2026-11-22T12:00")
    made.schedule(cron="0 * * * *", overlap="queue", items=1500)
    return made


@pytest.fixture
def killed(store_server):
    """Let a scheduler of its own process run into its death: whether it died, and its commands."""

    def run(number, last, when):
        words = (store_server.url, f"dead{number}", str(last), when)
        done = subprocess.run(
            [sys.executable, "-m", "tests.fakes.killed_scheduler", *words],
            env=environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode != 0, int(done.stdout.split()[-1]) if done.stdout else 0

    return run


def check(calendar, killed, points):
    """A firing for each point, killed there, ended by another: if it died, and had made its job."""
    deaths, before = [], len(calendar.made())
    for number, (last, when) in enumerate(points, before + 1):
        planned = calendar.show().planned
        calendar.to(planned)
        died, _ = killed(number, last, when)
        deaths.append((died, len(calendar.made()) == number))
        # The dead one's lease has to end first.
        calendar.advance(LEASE)
        calendar.look()

        jobs = calendar.made()
        assert len(jobs) == number, (last, when)
        assert len({job.idempotency_key for job in jobs}) == number
        assert calendar.show().planned > planned
        firing = calendar.show().firings[0]
        assert (firing.outcome, firing.instant) == ("made", planned)
        assert jobs[-1].id == firing.job
        assert jobs[-1].counts.total == 1500
    assert len(calendar.made()) == before + len(points)
    return deaths


def commands_of_a_firing(calendar, killed):
    """How many commands a scheduler sends that comes to its end, with the scripts loaded."""
    for _ in range(2):
        calendar.to(calendar.show().planned)
        died, commands = killed(0, NEVER, "before")
        assert not died
        calendar.advance(LEASE)
    return commands


def test_killed_before_between_and_after_what_a_firing_does_it_makes_one_job(calendar, killed):
    # The last command but one advances the schedule, that before it makes the job.
    end = commands_of_a_firing(calendar, killed)
    points = [(end // 2, "after"), (end - 2, "before"), (end - 2, "after")]

    deaths = check(calendar, killed, [*points, (end - 1, "before"), (end - 1, "after")])

    assert [died for died, _ in deaths] == [True] * 5
    # Of both kinds: killed with no job yet, and with the job made.
    assert [made for _, made in deaths] == [False, False, True, True, True]


@pytest.mark.slow
def test_killed_a_hundred_times_at_each_command_in_turn_it_makes_a_hundred_jobs(calendar, killed):
    end = commands_of_a_firing(calendar, killed)
    places = [(last, when) for last in range(1, end) for when in ("before", "after")]

    deaths = check(calendar, killed, list(islice(cycle(places), 100)))

    assert [died for died, _ in deaths] == [True] * 100
    assert {made for _, made in deaths} == {True, False}
