"""A fixed number of threads, whatever the amount of work."""

import threading

from worker.lanes import Lanes


def test_no_more_work_runs_at_once_than_there_are_lanes():
    lanes, gate, started = Lanes(3), threading.Event(), threading.Semaphore(0)
    running, most, lock = [0], [0], threading.Lock()
    finished = threading.Semaphore(0)

    def work():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        started.release()
        gate.wait(20)
        with lock:
            running[0] -= 1
        finished.release()

    for _ in range(10):
        lanes.run(work)
    for _ in range(3):
        assert started.acquire(timeout=120)
    gate.set()
    for _ in range(10):
        assert finished.acquire(timeout=120)

    assert most[0] == 3


def test_a_lane_that_is_free_is_used_again(eventually):
    lanes, names = Lanes(8), []

    for number in range(20):
        lanes.run(lambda: names.append(threading.current_thread().name))
        eventually(lambda number=number: len(names) > number and lanes._idle == 1)

    assert set(names) == {"lane-1"}


def test_a_lane_never_keeps_its_process_alive():
    lanes, seen = Lanes(1), []
    done = threading.Event()

    lanes.run(lambda: (seen.append(threading.current_thread().daemon), done.set()))

    assert done.wait(20)
    assert seen == [True]


def test_work_that_fails_costs_no_lane(eventually):
    lanes, done = Lanes(1), threading.Event()

    def fail():
        raise RuntimeError("ours")

    lanes.run(fail)
    lanes.run(done.set)

    assert done.wait(20)
