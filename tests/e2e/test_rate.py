"""The limiter, judged by the log of the one who was called."""

import pytest

from tests.e2e.product import measured, people, until
from tests.e2e.standing import second_worker

RATE, BURST = 50, 10
SECONDS, LONGEST = 20, 60
USED, AT_LEAST = 0.97, 0.85
"""What a calm machine reaches at once, and what any machine must."""


@pytest.fixture
def product(standing):
    """The one that stands, with one more worker."""
    with second_worker(standing):
        yield standing


def test_two_workers_use_the_permits_there_are_and_not_one_more(product, sandbox):
    limits = ("--rate", f"{RATE}/s", "--burst", str(BURST), "--max-in-flight", "8")
    token = product.app("acme/shop", sandbox, *limits)
    job = product.submit(people(product.home / "p.csv", RATE * LONGEST), "acme/shop")

    # A machine that stands still for a moment loses permits: then a later stretch must do.
    calls = until(lambda: enough(sandbox.calls(token)), LONGEST + 120)

    product.typed("jobs", "cancel", job)
    first, best = calls.used(RATE, BURST, SECONDS)
    excess, busiest = calls.excess(RATE, BURST), calls.busiest(1.0)
    measured(
        f"{first:.2%} of the permits of the first {SECONDS} s used, {best:.2%} of the best; "
        f"{busiest} calls in the busiest second; worst of all windows: "
        f"calls − rate × (window + 50 ms) − burst = {excess:+.2f}"
    )
    assert busiest <= RATE * 1.05 + BURST
    assert excess <= 0
    assert best >= AT_LEAST


def enough(calls):
    """The calls, once a whole stretch was as good as it must be, or there was time enough."""
    if len(calls) < 2 or (lasted := calls.times[-1] - calls.times[0]) < SECONDS:
        return None
    good = calls.used(RATE, BURST, SECONDS)[1] >= USED
    return calls if good or lasted > LONGEST - 5 else None
