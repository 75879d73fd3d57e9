"""Run the simulation: `python -m tests.simulation --seed N --steps M` replays exactly one run."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.simulation.kernel import Violation
from tests.simulation.mutants import MUTANTS
from tests.simulation.scenario import PROFILES, draw
from tests.simulation.simulation import Simulation
from tests.simulation.store import a_store

STEPS = 60_000


def main():
    """0 if every run was clean, 1 if one was not."""
    asked = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="bh-"))
    try:
        with a_store(folder) as redis:
            return _runs(redis, asked)
    finally:
        shutil.rmtree(folder)


def _arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=1, help="so many seeds, from the first on")
    parser.add_argument("--steps", type=int, default=STEPS, help="most steps of one run")
    parser.add_argument("--scale", type=float, default=1.0, help="less work: 0.1 is a tenth")
    parser.add_argument("--profile", choices=PROFILES, help="else drawn by the seed")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="plant this fault first")
    parser.add_argument("--smaller", action="store_true", help="look for a smaller run that fails")
    return parser.parse_args()


def _runs(redis, asked):
    failed = 0
    for seed in range(asked.seed, asked.seed + asked.runs):
        started, used = time.monotonic(), os.times()
        error = _one(redis, asked, seed, asked.scale)
        spent = os.times()
        cost = spent.user + spent.system - used.user - used.system
        print(f"      {time.monotonic() - started:.1f} s, {cost:.1f} s of processor here")
        if error is not None:
            failed = 1
            _tell(error, asked, seed, asked.scale)
            if asked.smaller:
                _shrink(redis, asked, seed, error)
    return failed


def _one(redis, asked, seed, scale):
    edits, flaws = MUTANTS[asked.mutant].parts if asked.mutant else ((), ())
    scenario = draw(seed, scale, asked.profile)
    simulation = Simulation(redis, scenario, edits, flaws)
    try:
        print(f"{seed:5d} {scenario.profile:7s}", simulation.run(asked.steps))
    except Violation as error:
        return error, simulation.kernel.steps
    finally:
        simulation.close()
    return None


def _shrink(redis, asked, seed, error):
    for scale in (0.02, 0.05, 0.1, 0.2, 0.5):
        found = _one(redis, asked, seed, scale)
        if found is not None and found[0].invariant == error[0].invariant:
            return _tell(found, asked, seed, scale)
    return None


def _tell(error, asked, seed, scale):
    options = f" --scale {scale}" if scale != 1.0 else ""
    options += f" --profile {asked.profile}" if asked.profile else ""
    options += f" --mutant {asked.mutant!r}" if asked.mutant else ""
    print(f"FAILED {error[0]} at step {error[1]}")
    print(f"  python -m tests.simulation --seed {seed} --steps {error[1] + 1}{options}")


if __name__ == "__main__":
    sys.exit(main())
