"""What can be said of a whole run: shares, and permits used."""

from tests.simulation.kernel import MICRO, require

LEAST_USED = {"calm": 0.98, "returns": 0.8}
"""Of the permits that the rate allows, where nothing stands in the way."""


def judge(scenario, backend):
    """Hold the run against what its scenario promises. Raises Violation."""
    if scenario.profile == "fair":
        _follow_weights(scenario.tenants, backend.by_tenant)
    if scenario.profile in LEAST_USED:
        _are_used(LEAST_USED[scenario.profile], backend.services)


def _follow_weights(weights, by_tenant):
    total, served = sum(weights.values()), sum(by_tenant.values())
    for tenant, weight in weights.items():
        share, due = by_tenant[tenant] / served, weight / total
        told = (tenant, f"{share:.3f}", f"{due:.3f}")
        require(abs(share - due) < 0.03, "shares follow weights", *told)


def _are_used(least, services):
    for app, service in services.items():
        if "/quick" in app or service.last_at == service.first_at:
            continue
        took = (service.last_at - service.first_at) / MICRO
        used = (service.calls - service.burst) / (service.rate * took)
        told = (app, f"{used:.3f} of rate {service.rate}")
        require(used >= least, "permits are used", *told)
