"""A sixth address never calls an app, and whoever waits for it is told why."""


def test_a_job_whose_app_is_closed_to_every_worker_says_so(world):
    app = world.app()
    job = world.submit(10)
    world.redis.sadd(world.key("app", app, "egress"), "one", "two", "three", "four", "five")
    worker = world.worker("late", egress="six")
    worker.beat({"egress": "six"})

    assert worker.claim(8, 50).slices == ()
    assert world.jobs.get(job).pace["limited_by"] == "egress_limit"
    assert len(world.fleet.app(app).egress) == 5
