"""The secret key is changed while a job runs, with real workers, and no job stops."""

from tests.e2e.product import people, until

OLD, NEW = "o" * 40, "n" * 40
ROWS = 400
LIMITS = ("--rate", "25/s", "--burst", "5", "--max-in-flight", "4")


def test_workers_change_the_key_one_by_one_and_no_job_stops(product, store_server, redis):
    del redis
    product.environment |= {"BULKHEAD_REDIS_URL": store_server.url}
    keys = {
        "old": {"BULKHEAD_SECRET_KEY": OLD},
        "both": {"BULKHEAD_SECRET_KEY": NEW, "BULKHEAD_SECRET_KEY_OLD": OLD},
        "new": {"BULKHEAD_SECRET_KEY": NEW},
    }
    product.environment |= keys["old"]
    sandbox = product.sandbox()
    token = product.app("acme/shop", sandbox, *LIMITS)
    first = worker(product, keys["old"])
    job = product.submit(people(product.home / "p.csv", ROWS), "acme/shop")
    until(lambda: sandbox.count(token) > 0)

    too_early = product.typed("apps", "reseal", **keys["both"])
    second = worker(product, keys["both"])
    end(first)
    resealed = product.typed("apps", "reseal", "-o", "json", **keys["both"])
    third = worker(product, keys["new"])
    end(second)
    forgotten = product.run("worker", **keys["old"])

    assert too_early.code == 7, too_early
    assert resealed.json["tokens_resealed"] == 1
    assert forgotten.code == 4
    assert forgotten.err.strip().splitlines()[-3:] == [
        line for line in forgotten.err.strip().splitlines() if line.split(":")[0] in WORDS
    ]
    assert "still has the old secret key" in forgotten.err
    product.environment |= keys["new"]
    done = product.wait(job)
    assert done.code == 0, done
    assert done.json["counts"]["succeeded"] == sandbox.received(token)["distinct_keys"] == ROWS
    logs = [process.log.read_text() for process in (first, second, third)]
    assert not [log for log in logs if "app_stopped" in log or "parcel_failed" in log]
    assert not [log for log in logs if OLD in log or NEW in log]


WORDS = ("error", "why", "to do")


def worker(product, key):
    number = len(product.processes)
    process = product.start("worker", log=f"worker{number}", **key)
    until(lambda: "worker_started" in process.log.read_text(), 60)
    return process


def end(process):
    process.terminate()
    process.wait(30)
