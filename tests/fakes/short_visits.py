"""The scripts as they are, but that a fleet job's apps are visited two at a time."""

from bulkhead.engine.script import source
from tests.fakes.engine import VIRTUAL_CLOCK, Timed
from tests.simulation.store import Edit

EDIT = Edit("local STRIDE = 200", "local STRIDE = 2")


class ShortVisits(Timed):
    """So that anything may come between two parts of a visit."""

    def _script(self, verb):
        if verb not in self._known:
            text = EDIT.of(source(verb, VIRTUAL_CLOCK))
            self._known[verb] = self.redis.register_script(text)
        return super()._script(verb)
