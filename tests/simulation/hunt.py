"""Looking for planted faults: which invariant gives each of them away."""

from tests.simulation.runs import Failed, Plan, go

STEPS = 12_000
SCALE = 0.3


def seeds(mutant):
    """The runs in which it is looked for: (profile, seed)."""
    return [(profile, number + 1) for number, profile in enumerate(mutant.profiles)]


def caught(redis, mutant):
    """The first failure that gives the mutant away; None if it survives all of its runs."""
    for profile, seed in seeds(mutant):
        try:
            go(redis, Plan(seed, STEPS, SCALE, profile, mutant.name), mutant.parts)
        except Failed as failed:
            return failed
    return None


def table(found):
    """Mutant → the invariant that caught it → the step."""
    rows = []
    for name, failed in found.items():
        told = f"{failed.invariant:45s} {failed.steps:6d}" if failed else "SURVIVES"
        rows.append(f"{name:48s} {told}")
    return "\n".join(rows)
