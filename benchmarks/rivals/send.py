"""Enqueue: `python -m benchmarks.rivals.send celery|dramatiq|taskiq ITEMS` prints its seconds."""

from __future__ import annotations

import sys
from importlib import import_module

if __name__ == "__main__":
    print(import_module(f"benchmarks.rivals.{sys.argv[1]}_app").send(int(sys.argv[2])))
