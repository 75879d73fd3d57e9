"""A job over many apps as it must be: when an item may be claimed, and when it goes back."""

from dataclasses import dataclass, field

from bulkhead.model.rotation import ROLL_BACK
from tests.fakes.engine import FAILED, SKIPPED, SUCCEEDED
from tests.simulation.kernel import require
from tests.simulation.records import ModelJob

GOOD = (SUCCEEDED, SKIPPED)


@dataclass(eq=False)
class FleetJob(ModelJob):
    """One item an app, in waves; `final` holds where each of them is now."""

    names: tuple = ()
    """Of its apps, in the order of the items."""
    ends: tuple = ()
    soak: int = 0
    rollback: bool = False
    address: str = ""
    within: int = 0
    """Microseconds that the result of a test is waited for; 0 if none is sent."""
    same: set = field(default_factory=set)
    """Items whose app has the file already: they need no call."""
    ended_at: dict = field(default_factory=dict)
    went_back: set = field(default_factory=set)
    late: set = field(default_factory=set)
    """Items of which the truth came after their lease had ended: the way back may have passed."""

    @property
    def apps(self):
        return self.names

    def wave(self, index):
        """The items that are released together with this one."""
        first = max((end for end in self.ends if end <= index), default=0)
        return range(first, min(end for end in self.ends if end > index))

    def check_claim(self, index, step, now):
        """An item is claimed in its own wave, or on its way back."""
        told = (self.name, index, step)
        before = range(self.wave(index).start)
        require(
            all(self.final.get(other) in GOOD for other in before), "no wave after a halt", *told
        )
        ended = max((self.ended_at[other] for other in before), default=-self.soak)
        require(now >= ended + self.soak, "a wave waits for its soak", *told)
        if step == ROLL_BACK and index in self.final:
            self.take_back(index)

    def take_back(self, index):
        """The store has made an item that had succeeded pending again."""
        told, wave = (self.name, index), self.wave(index)
        require(self.rollback, "nothing goes back unasked", *told)
        require(index not in self.went_back, "an item goes back once", *told)
        require(self.final.get(index) == SUCCEEDED, "what succeeded goes back", *told)
        over = all(other in self.final or other in self.went_back for other in wave)
        require(over, "a wave goes back when it has ended", *told)
        require(self._failed_in(wave), "a wave goes back if an item has failed", *told)
        del self.final[index]
        self.went_back.add(index)
        self.steps[index] = ROLL_BACK

    def _failed_in(self, wave):
        return any(self.final.get(item, FAILED) not in GOOD or item in self.late for item in wave)

    def check_end(self, state):
        """What each item has come to when the job has ended by itself."""
        if state == "completed":
            good = sum(found in GOOD for found in self.final.values())
            require(good == self.total, "completed with all of them", self.name, good, self.total)
        if state != "completed_with_errors":
            return
        wave = self.wave(max(self.final))
        ended = set(self.final)
        require(ended == set(range(wave.stop)), "a halted job ends with its wave", self.name, ended)
        require(self._failed_in(wave), "a job halts for a failure", self.name)
        before = range(wave.start)
        require(all(self.final[i] in GOOD for i in before), "a failure is in the last wave")
        stayed = [i for i in wave if self.final[i] == SUCCEEDED and i not in self.late]
        require(not (self.rollback and stayed), "a halted wave goes back", self.name, *stayed)
