"""The workers of a run: how they come, die, leave and stand still."""

from tests.simulation.kernel import MICRO
from tests.simulation.worker import Worker


class Crew:
    """Everybody who was ever hired, and what was in their hands when they died."""

    def __init__(self, world):
        self._world = world
        self._workers = {}
        self.deaths = self.wire_at_deaths = 0
        self.exposed = 0
        """Items that may be called once only, held by workers that died."""

    def hire(self):
        name = f"w{len(self._workers) + 1}"
        self._workers[name] = Worker(self._world, name, self._world.scenario.calls)

    def living(self):
        return [worker for worker in self._workers.values() if worker.alive]

    def kill(self, worker, seconds):
        """A worker ends without a word; another starts after a while."""
        if not worker.alive:
            return
        self._count(worker)
        worker.die()
        self._world.kernel.at(self._world.now + round(seconds * MICRO), self.hire)

    def leave(self, worker, seconds):
        """A worker says good-bye in the middle of its work."""
        worker.verbs.leave()
        self.kill(worker, seconds)

    def freeze(self, worker, seconds):
        """As by SIGSTOP: its sockets stay, its threads do not run."""
        worker.thaw = max(worker.thaw, self._world.now + round(seconds * MICRO))
        if seconds >= 6:
            self._count(worker)

    def disown(self, dead):
        """The store has taken back what these held."""
        for name in dead:
            self._workers[name].disown()

    def _count(self, worker):
        self.deaths += 1
        self.wire_at_deaths += len(worker.out)
        leases = self._world.model.leases.values()
        held = [one for one in leases if one.worker == worker.name and one.repeat == "once"]
        self.exposed += sum(len(lease.items) for lease in held)
