"""What INFO lines cost: the same import with LOG_LEVEL=info and =error, turn by turn.

`python -m benchmarks.log_cost [--items N] [--pairs N]`; the bar is 3 % of the run rate.
"""

from __future__ import annotations

import argparse
import sys
from statistics import median

from benchmarks import product
from benchmarks.backend import Backend

BAR = 0.03


def main() -> int:
    """Print each pair and the median ratio with its spread; 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--pairs", type=int, default=5)
    asked = parser.parse_args()
    with Backend() as backend:
        product.leg(backend, "warm-up", asked.items // 5)
        costs = sorted(_pair(backend, asked.items, turn) for turn in range(asked.pairs))
    middle = median(costs)
    spread = f"{costs[0]:+.1%} … {costs[-1]:+.1%}"
    print(f"INFO costs {middle:+.1%} of the run rate (median of {len(costs)}; {spread})")
    return int(middle > BAR)


def _pair(backend: Backend, items: int, turn: int) -> float:
    """The part of the run rate that INFO takes away; the levels take turns at being first."""
    levels = ("error", "info") if turn % 2 else ("info", "error")
    rates = {level: _rate(backend, items, level) for level in levels}
    cost = 1 - rates["info"] / rates["error"]
    print(f"info {rates['info']:8,.0f}/s   error {rates['error']:8,.0f}/s   cost {cost:+.1%}")
    return cost


def _rate(backend: Backend, items: int, level: str) -> float:
    return product.leg(backend, level, items, level).run_rate


if __name__ == "__main__":
    sys.exit(main())
