"""Deaths of workers as the store counts them, and which item is to blame."""

FATAL_DEATHS, MOST_DEATHS = 3, 12


class Deaths:
    """Follows one reap after the other: the store goes from worker to worker, each counted once."""

    def __init__(self):
        self.total = 0
        self._counted = set()
        self._due = self._uncounted = ()

    def revived(self, worker):
        self._counted.discard(worker)

    def reap(self, beats, left, now):
        """The workers that are due, in the order of their ends; `left` are those that said so."""
        ends = sorted((end, name) for name, end in beats.items())
        self._due = [name for end, name in ends if end <= now]
        self._uncounted = [name for name in self._due if name not in left | self._counted]
        return self._due

    def up_to(self, worker):
        """The store has come to this worker's leases; to those of a living one it comes last."""
        last = self._due.index(worker) if worker in self._due else len(self._due)
        while self._uncounted and self._due.index(self._uncounted[0]) <= last:
            self.total += 1
            self._counted.add(self._uncounted.pop(0))

    def suspect(self, job, index):
        job.suspects[index] = self.total - 1

    def guilty(self, job, index, deaths):
        """True if the item was alone with half of all workers that died since it first was."""
        before = job.suspects.get(index)
        if deaths <= FATAL_DEATHS:
            return False
        if before is None or deaths >= MOST_DEATHS:
            return True
        return 2 * (deaths - FATAL_DEATHS + 1) >= self.total - before
