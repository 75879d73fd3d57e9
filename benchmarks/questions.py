"""The questions in the order of their bars, and the seconds that each may take in `make bench`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SECONDS: Mapping[str, int] = MappingProxyType(
    {
        "run_rate": 300,
        "submit_rate": 100,
        "permits": 110,
        "first_call": 100,
        "fairness": 100,
        "item_cost": 100,
        "fleet_rate": 100,
        "store_memory": 80,
        "killed": 100,
        "brakes": 70,
        "idle": 60,
    }
)
"""Ended when they take longer; together they usually take two thirds of it."""

TOTAL = 900
"""Seconds that all of them may take: the questions that would go past it are left out, and said."""
