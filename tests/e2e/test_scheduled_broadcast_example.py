"""The example: a broadcast ordered for later, once, and what it says of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from bulkhead.client import Bulkhead
from tests.e2e.broadcast_rig import SENDER, App

EXAMPLE = Path(__file__).parents[2] / "examples" / "scheduled_broadcast.py"


@pytest.fixture
def app(standing, sandbox):
    return App(standing, sandbox, name="acme/shop")


def run(app, *words):
    environment = app.product.environment | {"BULKHEAD_TENANT": "acme"}
    return subprocess.run(
        [sys.executable, str(EXAMPLE), *map(str, words)],
        env=environment,
        cwd=app.product.home,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_the_example_orders_once_and_says_what_came_of_it(app):
    gids = app.groups(2)
    file = app.file("people.csv", "address,name\nann@example.com,Ann\na@b,\n,Nobody\n")

    first = run(app, "in 1s", SENDER, file, *gids)
    again = run(app, "in 1s", SENDER, file, *gids)

    assert "is scheduled for 4 recipients" in first.stdout, first
    assert (
        "line 3: In the list of users: The row names neither a group nor a person." in first.stdout
    )
    assert "4 accepted, 0 unknown" in first.stdout
    assert first.returncode == again.returncode == 1
    with Bulkhead.from_env(app.product.environment) as bulkhead:
        keys = [job.to_dict()["idempotency_key"] for job in bulkhead.jobs()]
        assert keys.count(f"sale {file}") == 1
    expected = ["a@b", "ann@example.com", *(f"gid:{gid}" for gid in gids)]
    assert sorted(app.received()) == sorted(expected)
