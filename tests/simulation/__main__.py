"""Run the simulation: `python -m tests.simulation --seed N --steps M` replays exactly one run."""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.simulation.hunt import SCALE, STEPS, caught, table
from tests.simulation.mutants import MUTANTS
from tests.simulation.runs import Failed, Plan, go, smaller
from tests.simulation.scenario import PROFILES
from tests.simulation.store import a_store

MOST_STEPS = 60_000


def main():
    """0 if every run was clean (or every mutant was caught), 1 if not."""
    asked = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="bh-"))
    try:
        with a_store(folder) as redis:
            return _mutants(redis, asked.among) if asked.mutants else _runs(redis, asked)
    finally:
        shutil.rmtree(folder)


def _arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=1, help="so many seeds, from the first on")
    parser.add_argument("--steps", type=int, default=MOST_STEPS, help="most steps of one run")
    parser.add_argument("--scale", type=float, default=1.0, help="less work: 0.1 is a tenth")
    parser.add_argument("--profile", choices=PROFILES, help="else drawn by the seed")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), default="", help="plant this fault")
    parser.add_argument("--smaller", action="store_true", help="look for a smaller run that fails")
    parser.add_argument("--mutants", action="store_true", help="look for every planted fault")
    parser.add_argument("--among", default="", help="only mutants whose name has this word")
    return parser.parse_args()


def _runs(redis, asked):
    failed = 0
    parts = MUTANTS[asked.mutant].parts if asked.mutant else ((), ())
    for seed in range(asked.seed, asked.seed + asked.runs):
        plan = Plan(seed, asked.steps, asked.scale, asked.profile, asked.mutant)
        started, used = time.monotonic(), time.process_time()
        try:
            print(f"{seed:5d}", go(redis, plan, parts), end=" ")
        except Failed as error:
            failed = 1
            print(
                f"{seed:5d} FAILED", smaller(redis, error, plan, parts) if asked.smaller else error
            )
        cost = time.process_time() - used
        print(f"({time.monotonic() - started:.1f} s, {cost:.1f} s of processor)", flush=True)
    return failed


def _mutants(redis, among):
    print(f"runs of {STEPS} steps at most, at {SCALE:g} of the usual work")
    found = {}
    for name, mutant in MUTANTS.items():
        if among in name:
            found[name] = caught(redis, mutant)
            print(table({name: found[name]}), flush=True)
    missed = [name for name, error in found.items() if error is None]
    print(f"{len(found) - len(missed)} of {len(found)} mutants are caught", *missed, sep="\n  ")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
