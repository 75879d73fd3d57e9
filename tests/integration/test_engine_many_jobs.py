"""Many jobs of one app: none of them keeps the others, or other apps, waiting."""

from tests.integration.test_engine_record import APP, begin, imported, told


def test_jobs_that_are_done_already_are_looked_through_side_by_side_without_an_idle_claim(world):
    world.app(rate=1e6)
    imported(world, 120)
    jobs, idle = [world.submit(120) for _ in range(12)], 0

    for _ in range(60):
        parts = world.claim(slots=4)
        open_jobs = [job for job in jobs if world.state(job) != "completed"]
        idle += bool(open_jobs) and not parts
        for part in parts:
            world.settle(told(part, begin(world, part)))

    assert idle == 0
    assert {world.state(job) for job in jobs} == {"completed"}
    assert world.app_now(APP)["held"] == "0"
    world.audit(*jobs)
