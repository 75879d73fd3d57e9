"""One planted fault."""

from dataclasses import dataclass

from tests.simulation.store import Edit


@dataclass(frozen=True)
class Mutant:
    """One fault, and where it is looked for."""

    name: str
    edits: tuple
    profiles: tuple
    flaws: tuple = ()

    @property
    def parts(self):
        return self.edits, self.flaws


def edited(name, old, new, *profiles):
    """A mutant by one edit of a script; the n-th of the profiles is run with seed n."""
    return Mutant(name, (Edit(old, new),), profiles)
