"""Runs, one after the other on one store, and what is said of those that fail."""

from dataclasses import dataclass

from redis.exceptions import ResponseError

from tests.simulation.kernel import Violation
from tests.simulation.scenario import draw
from tests.simulation.simulation import Simulation


@dataclass(frozen=True)
class Plan:
    """Which run: the same plan is the same run, to the last step."""

    seed: int
    steps: int
    scale: float = 1.0
    profile: str | None = None
    mutant: str = ""

    @property
    def command(self):
        options = f" --scale {self.scale:g}" if self.scale != 1.0 else ""
        options += f" --profile {self.profile}" if self.profile else ""
        options += f' --mutant "{self.mutant}"' if self.mutant else ""
        return f"python -m tests.simulation --seed {self.seed} --steps {self.steps}{options}"


class Failed(AssertionError):
    """A run that broke an invariant; says how to see it again."""

    def __init__(self, plan, invariant, why, steps):
        replay = Plan(plan.seed, steps + 1, plan.scale, plan.profile, plan.mutant).command
        super().__init__(f"{why}, at step {steps}\n  {replay}")
        self.invariant = invariant
        self.steps = steps


def go(redis, plan, parts=((), ())):
    """The Outcome of a run. Raises Failed."""
    simulation = Simulation(redis, draw(plan.seed, plan.scale, plan.profile), *parts)
    try:
        return simulation.run(plan.steps)
    except Violation as error:
        raise Failed(plan, error.invariant, error, simulation.kernel.steps) from error
    except ResponseError as error:
        raise Failed(plan, "a script failed", error, simulation.kernel.steps) from error
    finally:
        simulation.close()


def smaller(redis, failed, plan, parts=((), ())):
    """The same failure in a smaller world, where a few cheap tries find one."""
    for scale in (0.02, 0.05, 0.1, 0.2, 0.5):
        if scale >= plan.scale:
            break
        try:
            go(redis, Plan(plan.seed, plan.steps, scale, plan.profile, plan.mutant), parts)
        except Failed as found:
            if found.invariant == failed.invariant:
                return found
    return failed
