"""The limiter, judged by the log of the one who was called."""

from tests.e2e.product import measured, people, until

RATE, BURST = 50, 10
SECONDS = 20


def test_two_workers_use_the_permits_there_are_and_not_one_more(product):
    sandbox = product.sandbox()
    product.up(workers=2, sandbox=False)
    limits = ("--rate", f"{RATE}/s", "--burst", str(BURST), "--max-in-flight", "8")
    token = product.app("acme/shop", sandbox, *limits)
    job = product.submit(people(product.home / "p.csv", RATE * (SECONDS + 20)), "acme/shop")
    until(
        lambda: (calls := sandbox.calls(token)) and calls.times[-1] > calls.times[0] + SECONDS, 60
    )

    product.run("jobs", "cancel", job)

    calls = sandbox.calls(token)
    used = calls.used(RATE, BURST, SECONDS)
    excess, busiest = calls.excess(RATE, BURST), calls.busiest(1.0)
    measured(f"{used:.2%} of the permits used, {busiest} in the busiest second,")
    measured(f"worst window: calls − rate × (window + 50 ms) − burst = {excess:+.2f}")
    assert busiest <= RATE * 1.05 + BURST
    assert excess <= 0
    assert used >= 0.97
