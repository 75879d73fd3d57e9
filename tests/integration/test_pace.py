"""What a job's document says of its speed and its end."""


def test_a_job_that_stood_still_for_days_promises_no_end_and_can_be_read(world):
    world.app()
    job = world.submit(500)
    world.advance(0.3)
    world.finish(world.begun(slots=8))
    assert world.jobs.get(job).pace["eta"] is not None

    world.advance(9 * 86400)
    world.worker().beat({})

    assert world.jobs.get(job).pace["eta"] is None
    assert world.jobs.get(job).pace["items_per_s"] == 0
