"""A site whose processes are killed at instants that a seed chooses.

The store is the test's own, so that its keeper starts it again. Workers run on leashes, several at
a time, and for each one that dies the test starts another.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from bulkhead.client import Bulkhead
from bulkhead.engine.connect import connect
from bulkhead.engine.embedded import EmbeddedStore
from bulkhead.engine.overview import Overview
from bulkhead.engine.script import Scripts
from bulkhead.errors import Conflict, Unreachable
from tests.e2e.product import COMMAND, alive, until

SLOTS, WORK = 24, 0.25
"""Calls at once in a worker, and seconds of their work that a kill may repeat."""


@dataclass
class Kill:
    """One `kill -9` of a worker: when, and the begun leases that it hit."""

    at: float
    pid: int
    leases: tuple[str, ...]
    once: int
    """Items of leases whose calls may be made only once."""
    ended_after: float | None = None
    """Seconds until the last of the leases had ended, and its items could go on."""


@dataclass
class Tally:
    kills: list = field(default_factory=list)
    leashes: int = 0
    stores: list = field(default_factory=list)

    @property
    def hits(self):
        return [kill for kill in self.kills if kill.leases]


class Site:
    """The store, a sandbox, and as many workers as are wanted, whoever kills them."""

    def __init__(self, product):
        self.product = product
        self.store = EmbeddedStore.start(product.home)
        self.sandbox = product.sandbox()
        self.wanted = 0
        self.forge = self.leash = None
        self.forged = set()
        self.log = (product.home / "workers.log").open("ab")
        self.client = Bulkhead(self.store.url)
        self.scripts = self.client._scripts
        self.tally = Tally()
        self.over = threading.Event()
        self.watcher = threading.Thread(target=self.watch)
        self.watcher.start()

    def want(self, workers):
        """So many workers from now on; returned when they beat."""
        self.wanted = workers
        until(self.complete)

    def complete(self):
        """Whether as many workers beat as are wanted; one that is missing is started.

        A killed one looks alive for a moment more, one that its dead leash asks to end for longer.
        """
        self.keep()
        return len(self.living()) >= self.wanted

    def keep(self):
        """Start a worker for each that is gone: one on a leash, all others from the forge."""
        if self.leash is None or self.leash.poll() is not None:
            self.let_go()
            self.leash = self.start("worker.leash", *COMMAND, "worker")
        if self.forge is None:
            self.forge = self.start("tests.fakes.forge", stdout=subprocess.PIPE)
        self.forged = set(filter(alive, self.forged))
        while len(self.forged) < self.wanted - 1:
            self.forge.stdin.write(b"\n")
            self.forge.stdin.flush()
            self.forged.add(int(self.forge.stdout.readline()))

    def start(self, module, *words, stdout=None):
        return subprocess.Popen(
            [sys.executable, "-m", module, *words],
            stdin=subprocess.PIPE,
            stdout=stdout or self.log,
            stderr=self.log,
            env=self.product.environment,
        )

    def let_go(self):
        """End the worker on the leash, if there is one."""
        if self.leash is not None:
            self.leash.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self.leash.wait(60)

    def patiently(self, ask, seconds=60):
        """An answer, also from a store that was killed a moment ago."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return ask()
            except (Unreachable, RedisError):
                assert time.monotonic() < deadline, "the store did not come back"

    def living(self):
        """Name and process of each worker that beat lately and lives."""
        found = Overview(Scripts(self.scripts.redis)).workers()
        return [(one.worker, int(one.pid)) for one in found if one.live and alive(int(one.pid))]

    def begun(self, worker):
        """The begun leases of a worker, and how many of their items may be called only once."""
        key, redis = self.scripts.key, self.scripts.redis
        leases, once = [], 0
        for lease in redis.smembers(key("worker", worker, "leases")):
            facts = redis.hgetall(key("lease", lease.decode()))
            if facts.get(b"state") != b"begun":
                continue
            leases.append(lease.decode())
            step = facts.get(b"step", b"").decode()
            name = f"repeat:{step}" if step else "repeat"
            if redis.hget(key("job", facts[b"job"].decode()), name) == b"once":
                once += count(facts[b"left"].decode())
        return tuple(leases), once

    def kill_worker(self, chance):
        """Kill a worker in the moment in which it holds a begun lease; False if none does now."""
        living = self.living()
        if len(living) < 2:
            return False
        worker, pid = chance.choice(living)
        with suppress(ProcessLookupError), stopped(pid):
            leases, once = self.begun(worker)
            if leases:
                self.tally.kills.append(Kill(time.time(), pid, leases, once))
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    def kill_leash(self):
        """Kill the leash of a worker: the kernel asks the worker to end."""
        self.leash.kill()
        self.tally.leashes += 1

    def kill_store(self):
        os.kill(self.store.pid, signal.SIGKILL)
        self.tally.stores.append(time.time())

    def watch(self):
        """A thread that notes when the leases that were hit have ended."""
        with connect(self.store.url) as redis:
            while not self.over.wait(0.2):
                for kill in [one for one in self.tally.hits if one.ended_after is None]:
                    names = [self.scripts.key("lease", lease) for lease in kill.leases]
                    with suppress(RedisError):
                        if not redis.exists(*names):
                            kill.ended_after = time.time() - kill.at

    def interfere(self, chance, jobs):
        """Pause, resume or cancel one of the jobs, as its owner might at any time."""
        job = chance.choice(jobs).refresh()
        verb = chance.choices(("pause", "resume", "cancel"), (4, 5, 1))[0]
        with suppress(Conflict):
            getattr(job, verb)()

    def end(self):
        self.over.set()
        self.watcher.join()
        self.let_go()
        for pid in filter(alive, self.forged):
            os.kill(pid, signal.SIGTERM)
        until(lambda: not any(map(alive, self.forged)), 60)
        self.forge.stdin.close()
        self.forge.wait(60)
        self.forge.stdout.close()
        self.client.close()
        self.log.close()
        self.store.stop()


@contextmanager
def stopped(pid):
    """The process can change nothing meanwhile; goes on afterwards, also when a look failed."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def count(ranges):
    pairs = (part.split("-") for part in ranges.split(",") if part)
    return sum(int(last) - int(first) + 1 for first, last in pairs)
