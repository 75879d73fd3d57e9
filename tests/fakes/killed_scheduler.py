"""A process with a scheduler that is killed (`kill -9`) at its n-th command to the store.

Words: the store's URL, a worker's name, n, and `before` or `after`: the command was not sent, or
it was carried out and its answer is lost. Prints how many commands it took if it came to the end.
"""

import os
import signal
import sys

from bulkhead.engine.connect import connect
from bulkhead.engine.script import Scripts
from bulkhead.settings import Settings
from tests.fakes.engine import VIRTUAL_CLOCK
from worker.scheduler import Scheduler


class Count:
    def __init__(self, last, when):
        self.sent, self.last, self.when = 0, last, when

    def reached(self, when):
        if self.sent == self.last and when == self.when:
            os.kill(os.getpid(), signal.SIGKILL)


def counted(kind, count):
    class Counted(kind):
        def send_packed_command(self, *words, **options):
            count.sent += 1
            count.reached("before")
            super().send_packed_command(*words, **options)

        def read_response(self, *words, **options):
            answer = super().read_response(*words, **options)
            count.reached("after")
            return answer

    return Counted


def main(url, worker, last, when):
    redis = connect(url)
    count = Count(int(last), when)
    pool = redis.connection_pool
    pool.reset()
    pool.connection_class = counted(pool.connection_class, count)
    scheduler = Scheduler(Scripts(redis, clock=VIRTUAL_CLOCK), worker, Settings(), lambda: 0.0)
    while not scheduler.look():
        pass
    print(count.sent)  # noqa: T201 - read by the test


if __name__ == "__main__":
    main(*sys.argv[1:])
