"""A product that stays up from test to test: starting one costs six seconds of a core."""

import shutil
from contextlib import contextmanager
from copy import copy

from bulkhead.engine.brakes import Brakes
from bulkhead.engine.fleet import Fleet
from bulkhead.engine.schedules import Schedules
from tests.e2e.product import Product, until


@contextmanager
def second_worker(product):
    """One more worker, for as long as the block lasts."""
    worker = product.start("worker")
    until(lambda: len(product.workers()) == 2)
    yield
    worker.terminate()
    worker.wait(90)


class Standing(Product):
    """One worker, for one user at a time."""

    def __init__(self, home, stand_in):
        super().__init__(home, stand_in)
        self.stand_in = stand_in
        self.main = self.up(workers=1, sandbox=False)
        self._settings = dict(self.environment)
        self._files = set(home.iterdir())
        self._own = len(self.processes)
        self._past = set()

    def jobs(self):
        """The jobs since it was cleared."""
        return [job for job in super().jobs() if job not in self._past]

    def clear(self):
        """Take away what its user left: jobs that run, apps, tenants, faults, settings, files."""
        self.environment = dict(self._settings)
        self.stand_in.faults()
        with self.look() as scripts:
            fleet = Fleet(scripts)
            for name in Schedules(scripts).names():
                Schedules(scripts).delete(name)
            Brakes(scripts).all_jobs("cancel")
            until(lambda: not any(app.in_flight for app in fleet.apps()))
            # One that was killed is started again; one more was only a guest.
            until(lambda: len(self.workers()) == 1)
            for app in fleet.apps():
                fleet.remove_app(app.id)
            for tenant in fleet.tenants():
                fleet.remove_tenant(tenant.name)
            # They outlive their app by a year.
            for name in scripts.redis.scan_iter(scripts.key("stats", "*")):
                scripts.redis.delete(name)
        self.stand_in.forget()
        self._past |= set(super().jobs())
        for guest in self.processes[self._own :]:
            guest.wait(60)
        del self.processes[self._own :]
        for path in set(self.home.iterdir()) - self._files:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def forget_words(self):
        """No backend ever said a word that nobody knows."""
        with self.look() as scripts:

            def beats():
                return [one["last_beat"] for one in Fleet(scripts).workers()]

            # What a worker heard it tells after a beat: after the second one it has.
            for _ in range(2):
                before = beats()
                until(lambda before=before: beats() != before)
            scripts.redis.delete(scripts.key("unlisted"))

    def with_demo(self):
        """The same as `up --sandbox` leaves it: with demo/shop, and the stand-in's address."""
        self.app("demo/shop", self.stand_in, "--rate", "2000/s", "--burst", "40")
        made = copy(self)
        made.sandbox = self.stand_in.url
        return made
